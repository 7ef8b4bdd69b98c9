/** SignInAgain: over the page, when the session ended; forms and players below keep their state. */
import { useState } from "react";
import { useApi } from "@/api/queries";
import { useText } from "@/i18n";
import { Dialog } from "@/kit/Dialog";
import { LoginForm } from "@/views/login/LoginForm";

export function SignInAgain() {
  const t = useText();
  const { tokens } = useApi();
  const [name] = useState(tokens.lastName);
  return (
    <Dialog title={t.login.title} isFirm onClose={() => undefined}>
      <p>{t.login.expired}</p>
      <LoginForm name={name} />
    </Dialog>
  );
}

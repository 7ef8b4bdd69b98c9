/** SignIn: the first screen for somebody we don't know. */
import { useText } from "@/i18n";
import { LoginForm } from "@/views/login/LoginForm";

export function SignIn() {
  const t = useText();
  return (
    <main className="centered">
      <div className="card sign-in">
        <p className="brand">
          <img src="./icon.svg" alt="" width="32" height="32" />
          dragonctl
        </p>
        <h1>{t.login.title}</h1>
        <LoginForm />
        <small>{t.login.hint}</small>
      </div>
    </main>
  );
}

/** ConfigTab: the config as it is stored; secrets are shown when asked for. */
import { useState } from "react";
import type { Process } from "@/api/types";
import { useText } from "@/i18n";
import { Button } from "@/kit/Button";
import { CopyButton } from "@/kit/CopyButton";
import { navigate } from "@/lib/hash";
import { mask } from "@/lib/mask";
import { processRoute } from "@/views/routes";

export function ConfigTab({ process }: { process: Process }) {
  const t = useText();
  const [isOpen, setOpen] = useState(false);
  const text = JSON.stringify(process.config, null, 2);
  const shown = isOpen ? text : mask(text);
  return (
    <section className="stack" aria-label={t.process.config}>
      <div className="row">
        <p className="quiet">{t.config.note}</p>
        <Button aria-pressed={isOpen} onClick={() => setOpen(!isOpen)}>
          {isOpen ? t.config.conceal : t.config.reveal}
        </Button>
        <CopyButton text={shown} />
        <Button onClick={() => navigate(`${processRoute(process.id, "edit")}?mode=json`)}>{t.config.edit}</Button>
      </div>
      <pre tabIndex={0} aria-label={t.process.config}>
        {shown}
      </pre>
    </section>
  );
}

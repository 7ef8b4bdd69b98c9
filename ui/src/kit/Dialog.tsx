/** Dialog: the browser's own, modal; focus goes in, and back to where it was. */
import { type ReactNode, useEffect, useId, useRef } from "react";
import { useText } from "@/i18n";
import { Button, IconButton } from "@/kit/Button";

interface DialogProps {
  title: string;
  onClose: () => void;
  /** It can't be waved away: somebody has to decide. */
  isFirm?: boolean;
  children: ReactNode;
}

export function Dialog({ title, onClose, isFirm = false, children }: DialogProps) {
  const t = useText();
  const id = useId();
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = ref.current;
    const before = document.activeElement;
    if (dialog && !dialog.open) dialog.showModal();
    return () => {
      dialog?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={ref}
      className="dialog"
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        if (!isFirm) onClose();
      }}
    >
      <div className="card-head">
        <h2 id={id}>{title}</h2>
        {!isFirm && <IconButton icon="close" label={t.app.close} onClick={onClose} />}
      </div>
      {children}
    </dialog>
  );
}

interface ConfirmProps {
  title: string;
  text: string;
  yes: string;
  no?: string;
  isDanger?: boolean;
  onYes: () => void;
  onNo: () => void;
}

/** ConfirmDialog: focus is on the harmless answer. */
export function ConfirmDialog({ title, text, yes, no, isDanger = false, onYes, onNo }: ConfirmProps) {
  const t = useText();
  return (
    <Dialog title={title} onClose={onNo}>
      <p>{text}</p>
      <div className="row row-end">
        <Button autoFocus onClick={onNo}>
          {no ?? t.common.cancel}
        </Button>
        <Button kind={isDanger ? "danger" : "primary"} onClick={onYes}>
          {yes}
        </Button>
      </div>
    </Dialog>
  );
}

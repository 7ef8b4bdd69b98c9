/** Boundary: a screen that breaks says so, and the rest of the browser goes on. */
import { Component, type ReactNode } from "react";
import { currentText } from "@/i18n";
import { Button } from "@/kit/Button";
import { CopyButton } from "@/kit/CopyButton";
import { EmptyState } from "@/kit/EmptyState";
import { mask } from "@/lib/mask";

interface Caught {
  error: Error | null;
}

export class Boundary extends Component<{ children: ReactNode }, Caught> {
  override state: Caught = { error: null };

  static getDerivedStateFromError(error: unknown): Caught {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  override render() {
    const { error } = this.state;
    if (!error) return this.props.children;
    const t = currentText();
    const actions = (
      <>
        <Button kind="primary" onClick={() => location.reload()}>
          {t.app.reload}
        </Button>
        <CopyButton text={mask(`${error.message}\n${error.stack ?? ""}\n${navigator.userAgent}`)}>{t.app.copyDetails}</CopyButton>
      </>
    );
    return (
      <main className="page">
        <EmptyState title={t.app.crash} actions={actions}>
          {error.message}
        </EmptyState>
      </main>
    );
  }
}

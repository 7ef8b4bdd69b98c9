/** Changes: what a JSON text has that another has not, and the other way round. */
import { useState } from "react";
import { useText } from "@/i18n";
import { Button } from "@/kit/Button";
import { Dialog } from "@/kit/Dialog";
import { changes } from "@/lib/diff";

export function Changes({ before, after }: { before: string; after: string }) {
  const t = useText();
  const found = changes(before, after);
  if (found.length === 0) return <p className="quiet">{t.editor.noChanges}</p>;
  return (
    <pre className="changes" tabIndex={0} aria-label={t.editor.changes}>
      {found.map(({ kind, line }, at) => {
        const Tag = { same: "span", gone: "del", new: "ins" }[kind] as "span" | "del" | "ins";
        return <Tag key={at}>{`${{ same: " ", gone: "−", new: "+" }[kind]} ${line}\n`}</Tag>;
      })}
    </pre>
  );
}

/** Compared only while somebody looks. */
export function FoldedChanges({ before, after }: { before: string; after: string }) {
  const t = useText();
  const [isOpen, setOpen] = useState(false);
  return (
    <details className="card" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{t.editor.changes}</summary>
      {isOpen && <Changes before={before} after={after} />}
    </details>
  );
}

interface ConflictProps {
  theirs: string;
  mine: string;
  onClose: () => void;
  onTheirs: () => void;
  onMine: () => void;
}

/** Two people changed one process: nothing is lost without a choice. */
export function ConflictDialog({ theirs, mine, onClose, onTheirs, onMine }: ConflictProps) {
  const t = useText();
  return (
    <Dialog title={t.editor.changedTitle} onClose={onClose}>
      <p>{t.editor.changedText}</p>
      <Changes before={theirs} after={mine} />
      <div className="row row-end">
        <Button onClick={onTheirs}>{t.editor.reloadTheirs}</Button>
        <Button kind="primary" onClick={onMine}>
          {t.editor.overwrite}
        </Button>
      </div>
    </Dialog>
  );
}

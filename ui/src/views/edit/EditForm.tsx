/** EditForm: the draft, its two faces, and saving it. */
import { type FormEvent, useEffect, useReducer, useRef, useState } from "react";
import { useReachable, useWhepStatus } from "@/api/queries";
import type { ProcessConfig } from "@/api/types";
import { useText } from "@/i18n";
import { Banner } from "@/kit/Banner";
import { Button } from "@/kit/Button";
import { ConfirmDialog } from "@/kit/Dialog";
import { navigate, useQueryValue } from "@/lib/hash";
import { ConflictDialog, FoldedChanges } from "@/views/edit/Changes";
import { FormFields } from "@/views/edit/FormFields";
import { configOf, draftOf, reduce } from "@/views/edit/model";
import { useLeaveGuard } from "@/views/edit/useLeaveGuard";
import { pretty, useSaving } from "@/views/edit/useSaving";
import { processRoute } from "@/views/routes";

interface EditFormProps {
  id: string | null;
  stored: ProcessConfig;
  updatedAt: number;
  isRunning: boolean;
  reload?: () => void;
}

export function EditForm({ id, stored, updatedAt, isRunning, reload }: EditFormProps) {
  const t = useText();
  const [mode, setMode] = useQueryValue("mode");
  const [draft, dispatch] = useReducer(reduce, stored, draftOf);
  const [json, setJson] = useState(() => pretty(stored));
  const saving = useSaving({ id, updatedAt, draft, json, isJson: mode === "json" });
  const form = useRef<HTMLFormElement>(null);
  const { config } = configOf(draft, t.editor);
  const isDirty = (mode === "json" ? json : pretty(config)) !== pretty(stored);
  const guard = useLeaveGuard(isDirty && !saving.isSaved);
  useFirstError(form, saving.errors);

  const choose = (next: "" | "json") => {
    if (next === "json") setJson(pretty(config));
    else {
      const read = saving.readJson(json);
      if (!read) return;
      dispatch({ type: "load", config: read });
    }
    setMode(next);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void saving.save(false);
  };
  return (
    <form ref={form} className="page editor" onSubmit={submit} noValidate>
      <div className="page-head">
        <h1>{id === null ? t.editor.newTitle : t.editor.editTitle(id)}</h1>
        <Modes mode={mode} onMode={choose} />
      </div>
      {saving.problems.length > 0 && (
        <Banner tone="bad">
          <strong>{t.editor.refused}</strong> {saving.problems.join(" ")}
        </Banner>
      )}
      {mode === "json" ? (
        <textarea
          className="json"
          aria-label={t.editor.json}
          aria-invalid={saving.errors["json"] ? true : undefined}
          spellCheck={false}
          value={json}
          onChange={(event) => setJson(event.target.value)}
        />
      ) : (
        <FormFields draft={draft} dispatch={dispatch} errors={saving.errors} />
      )}
      {mode === "json" && isDirty && <FoldedChanges before={pretty(stored)} after={json} />}
      {saving.errors["json"] && <p className="field-error">{`${t.editor.badJson} ${saving.errors["json"]}`}</p>}
      <SaveBar id={id} isRunning={isRunning} isSaving={saving.isSaving} hasViewers={config.webrtc.enabled} />
      {saving.conflict && (
        <ConflictDialog
          {...saving.conflict}
          onClose={saving.forgive}
          onTheirs={() => {
            saving.forgive();
            reload?.();
          }}
          onMine={() => void saving.save(true)}
        />
      )}
      {guard.isAsking && (
        <ConfirmDialog
          title={t.editor.unsavedTitle}
          text={t.editor.unsavedText}
          no={t.editor.stayHere}
          yes={t.editor.leave}
          isDanger
          onNo={guard.stay}
          onYes={guard.leave}
        />
      )}
    </form>
  );
}

function Modes({ mode, onMode }: { mode: string; onMode: (mode: "" | "json") => void }) {
  const t = useText();
  return (
    <div className="segmented" role="radiogroup" aria-label={t.editor.mode}>
      {(["", "json"] as const).map((one) => (
        <label key={one}>
          <input type="radio" className="visually-hidden" name="mode" checked={mode === one} onChange={() => onMode(one)} />
          {one === "" ? t.editor.form : t.editor.json}
        </label>
      ))}
    </div>
  );
}

interface SaveBarProps {
  id: string | null;
  isRunning: boolean;
  isSaving: boolean;
  hasViewers: boolean;
}

function SaveBar({ id, isRunning, isSaving, hasViewers }: SaveBarProps) {
  const t = useText();
  const viewers = useWhepStatus(id ?? "", id !== null && isRunning && hasViewers).data?.viewers.length ?? 0;
  const isReachable = useReachable();
  const note = viewers > 0 ? t.editor.restartNote(t.list.viewers(viewers)) : t.editor.restartQuiet;
  return (
    <div className="save-bar">
      <div className="row">
        {isRunning && <span className="quiet">{note}</span>}
        <Button onClick={() => navigate(id === null ? "/" : processRoute(id))}>{t.common.cancel}</Button>
        <Button type="submit" kind="primary" disabled={isSaving || !isReachable}>
          {isRunning ? t.editor.saveRestart : t.common.save}
        </Button>
      </div>
    </div>
  );
}

/** Where the first mistake is, focus goes. */
function useFirstError(form: { current: HTMLFormElement | null }, errors: Record<string, string>): void {
  useEffect(() => {
    if (Object.keys(errors).length === 0) return;
    const first = form.current?.querySelector<HTMLElement>("[aria-invalid]");
    for (let one = first?.closest("details"); one; one = one.parentElement?.closest("details")) one.open = true;
    first?.focus();
  }, [form, errors]);
}

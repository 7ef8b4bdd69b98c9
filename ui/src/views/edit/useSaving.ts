/** useSaving(): from a draft to the daemon, or back to the field that is wrong. */
import { useState } from "react";
import { ApiError, processPath } from "@/api/client";
import { useApi, useSave } from "@/api/queries";
import type { Process, ProcessConfig } from "@/api/types";
import { useText } from "@/i18n";
import { toast } from "@/kit/Toast";
import { navigate, setGuard } from "@/lib/hash";
import { type Draft, type Errors, configOf, placed, readJson } from "@/views/edit/model";
import { explain, sentence } from "@/views/orders";
import { processRoute } from "@/views/routes";

interface Input {
  id: string | null;
  updatedAt: number;
  draft: Draft;
  json: string;
  isJson: boolean;
}

/** What is wrong with the draft, by field, and what with the whole. */
function useMistakes() {
  const t = useText();
  const [errors, setErrors] = useState<Errors>({});
  const [problems, setProblems] = useState<string[]>([]);
  const read = (text: string): ProcessConfig | null => {
    try {
      const config = readJson(text);
      setErrors({});
      return config;
    } catch (error) {
      setErrors({ json: explain(error) });
      return null;
    }
  };
  const check = (draft: Draft): ProcessConfig | null => {
    setProblems([]);
    const made = configOf(draft, t.editor);
    setErrors(made.errors);
    return Object.keys(made.errors).length > 0 ? null : made.config;
  };
  const refuse = (error: unknown) => {
    if (!(error instanceof ApiError)) return setProblems([explain(error)]);
    const found = placed(error.details, error.reason, sentence(error));
    setErrors(found.errors);
    setProblems(found.rest);
  };
  return { errors, problems, read, check, refuse };
}

export function useSaving({ id, updatedAt, draft, json, isJson }: Input) {
  const t = useText();
  const api = useApi();
  const put = useSave();
  const { errors, problems, read, check, refuse } = useMistakes();
  const [conflict, setConflict] = useState<{ theirs: string; mine: string } | null>(null);
  const [isSaved, setSaved] = useState(false);
  const save = async (isForced: boolean) => {
    setConflict(null);
    const config = isJson ? read(json) : check(draft);
    if (!config) return;
    try {
      if (id !== null && !isForced) {
        const now = await api.call<Process>(`${processPath(id)}?filter=config`);
        if (now.updated_at !== updatedAt) return setConflict({ theirs: pretty(now.config), mine: pretty(config) });
      }
      const saved = await put.mutateAsync({ id, config: sent(config) });
      setSaved(true);
      setGuard(null);
      toast(t.editor.saved(saved.id));
      navigate(processRoute(saved.id, id === null && saved.webrtc.enabled ? "live" : ""));
    } catch (error) {
      refuse(error);
    }
  };
  return { errors, problems, conflict, isSaved, isSaving: put.isPending, save, readJson: read, forgive: () => setConflict(null) };
}

export function pretty(config: ProcessConfig): string {
  return JSON.stringify(config, null, 2);
}

/** An empty name is left out: the daemon makes one. */
function sent(config: ProcessConfig): Record<string, unknown> {
  const { id, ...rest } = config;
  return id.trim() ? { ...rest, id: id.trim() } : rest;
}

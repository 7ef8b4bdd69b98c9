/** The editor's draft: one config, edited as a form or as JSON; unknown members stay as they came. */
import { isRecord } from "@/api/client";
import type { IO, ProcessConfig } from "@/api/types";
import { QuoteError, parseWords, writeWords } from "@/lib/words";

export interface RowDraft {
  key: number;
  address: string;
  /** As typed; read only when it is saved. */
  options: string;
  rest: Partial<IO>;
}

export interface Draft {
  config: ProcessConfig;
  input: RowDraft[];
  output: RowDraft[];
  options: string;
}

export type Side = "input" | "output";

export type Action =
  | { type: "set"; values: Partial<ProcessConfig> }
  | { type: "limits"; values: Partial<ProcessConfig["limits"]> }
  | { type: "webrtc"; values: Partial<ProcessConfig["webrtc"]> }
  | { type: "options"; text: string }
  | { type: "row"; side: Side; at: number; values: Partial<Pick<RowDraft, "address" | "options">> }
  | { type: "add"; side: Side }
  | { type: "remove"; side: Side; at: number }
  | { type: "move"; side: Side; at: number; by: -1 | 1 }
  | { type: "load"; config: ProcessConfig };

/** An input from a camera, watched only: what most begin with. */
export const NEW: ProcessConfig = {
  id: "",
  reference: "",
  input: [{ address: "", options: [] }],
  output: [{ address: "-", options: ["-c", "copy", "-f", "null"] }],
  options: [],
  reconnect: true,
  reconnect_delay_seconds: 5,
  autostart: true,
  stale_timeout_seconds: 30,
  limits: { cpu_usage: 0, memory_mbytes: 0, waitfor_seconds: 0 },
  webrtc: { enabled: true, video_pt: 102, audio_pt: 111, force_transcode: false },
};

let lastKey = 0;

function row({ address, options, ...rest }: IO): RowDraft {
  return { key: ++lastKey, address, options: writeWords(options), rest };
}

export function draftOf(config: ProcessConfig): Draft {
  return { config, input: config.input.map(row), output: config.output.map(row), options: writeWords(config.options) };
}

export function reduce(draft: Draft, action: Action): Draft {
  const { config } = draft;
  switch (action.type) {
    case "load":
      return draftOf(action.config);
    case "set":
      return { ...draft, config: { ...config, ...action.values } };
    case "limits":
      return { ...draft, config: { ...config, limits: { ...config.limits, ...action.values } } };
    case "webrtc":
      return { ...draft, config: { ...config, webrtc: { ...config.webrtc, ...action.values } } };
    case "options":
      return { ...draft, options: action.text };
    default:
      return { ...draft, [action.side]: rows(draft[action.side], action) };
  }
}

type RowAction = Extract<Action, { side: Side }>;

function rows(before: RowDraft[], action: RowAction): RowDraft[] {
  switch (action.type) {
    case "add":
      return [...before, row({ address: "", options: [] })];
    case "remove":
      return before.filter((_, at) => at !== action.at);
    case "move": {
      const after = [...before];
      const [moved] = after.splice(action.at, 1);
      if (moved) after.splice(action.at + action.by, 0, moved);
      return after;
    }
    case "row":
      return before.map((one, at) => (at === action.at ? { ...one, ...action.values } : one));
  }
}

/** Mistakes by field: "id", "options", "input.0.address", "input.0.options", "webrtc" ... */
export type Errors = Record<string, string>;

export interface Sentences {
  quote: (at: number) => string;
  needsAddress: string;
  needsIO: string;
}

/** The config that the draft stands for, or what is wrong with it. */
export function configOf(draft: Draft, say: Sentences): { config: ProcessConfig; errors: Errors } {
  const errors: Errors = {};
  const words = (text: string, field: string): string[] => {
    try {
      return parseWords(text);
    } catch (error) {
      if (!(error instanceof QuoteError)) throw error;
      errors[field] = say.quote(error.at + 1);
      return [];
    }
  };
  const side = (name: Side): IO[] =>
    draft[name].map((one, at) => {
      if (!one.address.trim()) errors[`${name}.${at}.address`] = say.needsAddress;
      return { ...one.rest, address: one.address.trim(), options: words(one.options, `${name}.${at}.options`) };
    });
  const config = { ...draft.config, input: side("input"), output: side("output"), options: words(draft.options, "options") };
  if (config.input.length === 0 || config.output.length === 0) errors["io"] = say.needsIO;
  return { config, errors };
}

/** Read the JSON mode's text. Throws SyntaxError. */
export function readJson(text: string): ProcessConfig {
  const read: unknown = JSON.parse(text);
  if (!isRecord(read)) throw new SyntaxError("an object is expected");
  const given = isRecord(read["config"]) ? read["config"] : read;
  return {
    ...NEW,
    ...given,
    input: readRows(given["input"], NEW.input),
    output: readRows(given["output"], NEW.output),
    limits: { ...NEW.limits, ...(isRecord(given["limits"]) ? given["limits"] : {}) },
    webrtc: { ...NEW.webrtc, ...(isRecord(given["webrtc"]) ? given["webrtc"] : {}) },
  };
}

function readRows(given: unknown, fallback: IO[]): IO[] {
  if (given === undefined) return fallback;
  if (!Array.isArray(given)) throw new SyntaxError("input and output are lists");
  return given.filter(isRecord).map((one) => ({
    ...one,
    address: String(one["address"] ?? ""),
    options: Array.isArray(one["options"]) ? one["options"].map(String) : [],
  }));
}

/** The fields that the form has; what is said of others goes to its top. */
const SHOWN =
  /^((input|output)\.\d+\.(address|options)|id|reference|options|reconnect_delay_seconds|stale_timeout_seconds|limits\.\w+|webrtc\.(video_pt|audio_pt|instant_start))$/;

/** Lay the daemon's details ("input.0.address: ...") on the fields that they name. */
export function placed(details: readonly string[], reason: string, message: string): { errors: Errors; rest: string[] } {
  const errors: Errors = {};
  const rest: string[] = [];
  for (const detail of details) {
    const [, field, text] = /^((?:input|output)\.\d+\.(?:address|options)|[a-z_]+(?:\.[a-z_]+)*)(?:\.\d+)?: (.+)$/.exec(detail) ?? [];
    if (field && text && SHOWN.test(field)) errors[field] = text;
    else if (reason === "invalid-id" || /already exists/.test(detail)) errors["id"] = detail;
    else rest.push(detail);
  }
  return { errors, rest: Object.keys(errors).length > 0 ? rest : [message, ...rest] };
}

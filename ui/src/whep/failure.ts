/** Cause: why there is no picture, from what the endpoint answered (RFC 9725, docs/reference/reasons.md). */
import { retryAfter } from "@/lib/retry";

export type Word =
  | "network" | "timeout" | "server" | "bad-answer" | "source-starting" | "limit" | "server-ended"
  | "no-path" | "no-frame" | "frozen" | "disconnected"
  | "auth" | "forbidden" | "stopped" | "ended" | "disabled" | "subsystem-off" | "gone" | "not-live" | "codec" | "bad-offer";

export interface Cause {
  word: Word;
  /** What the server said, if it did. */
  status?: number;
  reason?: string;
  message?: string;
  details?: string[];
  retryAfter?: number; // seconds
}

/** Retrying alone can't help: something else has to change first. */
export function isFinal(word: Word): boolean {
  const final: Word[] = ["auth", "forbidden", "stopped", "ended", "disabled", "subsystem-off", "gone", "not-live", "codec", "bad-offer"];
  return final.includes(word);
}

const NOT_FOUND: Record<string, Word> = {
  "not-live": "not-live",
  "webrtc-off": "subsystem-off",
  "unknown-process": "gone",
};

export async function causeOf(response: Response): Promise<Cause> {
  const body: unknown = await response.json().catch(() => null);
  const given = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  const reason = typeof given["reason"] === "string" ? given["reason"] : "";
  const cause: Cause = { word: wordOf(response.status, reason), status: response.status, reason };
  if (typeof given["message"] === "string") cause.message = given["message"];
  if (Array.isArray(given["details"])) cause.details = given["details"].map(String);
  const seconds = retryAfter(response);
  if (seconds !== null) cause.retryAfter = Math.min(seconds, 60);
  return cause;
}

function wordOf(status: number, reason: string): Word {
  if (status === 401) return "auth";
  if (status === 403) return "forbidden";
  if (status === 404) return NOT_FOUND[reason] ?? "gone";
  if (status === 409) return "source-starting";
  if (status === 429 || (status === 503 && reason.endsWith("-limit"))) return "limit";
  if (status === 422) return reason === "no-common-codec" || reason === "no-usable-media" ? "codec" : "bad-offer";
  if (status >= 400 && status < 500) return "bad-offer";
  return "server";
}

/** Thrown inside an attempt, caught by the session. */
export class Failure extends Error {
  readonly failed: Cause;

  constructor(failed: Cause) {
    super(failed.message ?? failed.word);
    this.failed = failed;
  }
}

const STEPS = [0.25, 1, 2, 4, 8, 15]; // seconds

/** Seconds before the try after the n-th failure (from 1); 20 % of jitter after the first. */
export function backoff(failures: number, random: () => number): number {
  const step = STEPS[Math.min(Math.max(failures, 1), STEPS.length) - 1] ?? 15;
  return failures <= 1 ? step : step * (0.8 + 0.4 * random());
}

/** Diagnostics: what a bug report needs of a player's attempts to connect. Without keys, tokens and the session's address. */
import { mask } from "@/lib/mask";
import type { Attempt } from "@/whep/attempt";
import type { Cause } from "@/whep/failure";
import { codecsOf } from "@/whep/sdp";
import type { Phase, State } from "@/whep/state";
import type { Sample } from "@/whep/stats";

/** One attempt, as it was when somebody asked, or when it failed. */
export interface AttemptRecord {
  cause: Cause | null;
  phases: { phase: Phase; at: number }[]; // milliseconds since the attempt began
  lasted: number; // milliseconds
  connection: string;
  ice: string;
  gathering: string;
  dtls: string | null;
  offered_video: string[];
  offered_audio: string[];
  offer: string;
  answer: string;
  stats: unknown;
}

export interface Diagnostics {
  state: State;
  failures: number;
  last_cause: Cause | null;
  attempt: AttemptRecord | null;
  last_failed: AttemptRecord | null;
  samples: readonly Sample[];
}

export function recordOf(attempt: Attempt, now: number, cause: Cause | null = null): AttemptRecord {
  const { peer, offer, answer, began } = attempt;
  return {
    cause,
    phases: attempt.phases.map(({ phase, at }) => ({ phase, at: Math.round(at - began) })),
    lasted: Math.round(now - began),
    connection: peer.connectionState,
    ice: peer.iceConnectionState,
    gathering: peer.iceGatheringState,
    dtls: peer.getReceivers()[0]?.transport?.state ?? null,
    offered_video: codecsOf(offer, "video"),
    offered_audio: codecsOf(offer, "audio"),
    offer,
    answer,
    stats: attempt.report && statsOf(attempt.report),
  };
}

const KINDS = new Set(["candidate-pair", "local-candidate", "remote-candidate", "transport", "inbound-rtp", "remote-outbound-rtp", "codec"]);
const SECRET = /usernameFragment|certificate/i;

/** What tells of the path and the media. */
export function statsOf(report: RTCStatsReport): Record<string, unknown>[] {
  const kept: Record<string, unknown>[] = [];
  report.forEach((entry: Record<string, unknown>) => {
    if (!KINDS.has(String(entry["type"]))) return;
    kept.push(Object.fromEntries(Object.entries(entry).filter(([name]) => !SECRET.test(name))));
  });
  return kept;
}

/** Take secrets out of every text inside. */
export function withoutSecrets<T>(value: T): T {
  if (typeof value === "string") return mask(value) as T;
  if (Array.isArray(value)) return value.map(withoutSecrets) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, withoutSecrets(inner)])) as T;
}

/** The states of a WhepSession, and what it needs from around it. */
import type { Clock } from "@/lib/clock";
import type { Cause } from "@/whep/failure";

export type Phase = "offer" | "answer" | "ice" | "media";

export type State =
  | { name: "idle" }
  | { name: "unsupported" }
  | { name: "connecting"; phase: Phase; since: number }
  | { name: "live"; since: number; isAudioOnly: boolean }
  | { name: "unstable"; why: "disconnected" | "frozen"; since: number; hasBytes: boolean }
  | { name: "waiting"; cause: Cause; until: number; failures: number; since: number }
  | { name: "blocked"; cause: Cause }
  | { name: "paused"; why: "user" | "hidden" | "offline" };

export interface Tokens {
  readonly access: string;
  /** Give a new token, or null when there is none to be had. */
  refresh(): Promise<string | null>;
}

export interface Options {
  url: string;
  tokens: Tokens;
  /** What the jitter buffer of the video aims at, milliseconds. */
  latency: number;
  /** A new stream to play, or null: none any more. */
  onStream(stream: MediaStream | null): void;
  /** The picture is about to turn black: the time to keep the last frame. */
  onTeardown(): void;
  /** Hidden, but not to be paused: picture-in-picture, sound, or the user said so. */
  keepsPlaying(): boolean;
  /** The process itself says that it sends nothing: building anew would be no better. */
  isSourceSilent(): boolean;
  /** 404 "not-live" is no end: nobody tells us when it is live again. */
  retriesNotLive: boolean;
}

export interface World {
  fetch: typeof fetch;
  RTCPeerConnection: typeof RTCPeerConnection | undefined;
  clock: Clock;
  random: () => number;
}

export const GATHERING = 250; // milliseconds; the first candidate comes after 10, the end of them in Chromium after 130
export const POST_TIMEOUT = 8_000;
export const ICE_TIMEOUT = 8_000;
export const FRAME_TIMEOUT = 10_000;
export const DISCONNECTED_TIMEOUT = 3_000;
export const FROZEN_AFTER = 2_000;
export const REBUILD_AFTER = 8_000;
export const STEADY_AFTER = 10_000; // of live picture forgive earlier failures
export const HIDDEN_PAUSE = 60_000;
export const CODEC_RETRY = 2_000; // Firefox may load its H.264 decoder late
export const MAX_SAMPLES = 120;

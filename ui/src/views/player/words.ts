/** What a session's state and causes are called on the screen. */
import type { Dict } from "@/i18n";
import { duration } from "@/lib/format";
import type { Cause } from "@/whep/failure";
import type { State } from "@/whep/state";
import type { Whep } from "@/whep/useWHEP";

const CALM = 15_000; // milliseconds of starting before it counts as trouble

const LONG_WAIT = 3_000; // for a key frame

export interface Message {
  title: string;
  text: string[];
  isTrouble: boolean;
}

/** What a bug report needs, to be copied. */
export function diagnosticsText(whep: Whep): string {
  return JSON.stringify({ browser: navigator.userAgent, ...whep.diagnostics() }, null, 2);
}

/** What lies over the picture, or null while it plays. `now` on the session's clock. */
export function messageOf(state: State, t: Dict, now: number): Message | null {
  switch (state.name) {
    case "idle":
    case "live":
      return null;
    case "unsupported":
      return { title: t.player.unsupported, text: [t.player.unsupportedText], isTrouble: true };
    case "connecting":
      return { title: t.player.phases[state.phase], text: isLong(state, now) ? [t.player.keyFrameHint] : [], isTrouble: false };
    case "unstable":
      return unstable(state, t, now);
    case "paused": {
      const titles = { user: t.player.paused, hidden: t.player.pausedHidden, offline: t.player.pausedOffline };
      return { title: titles[state.why], text: [], isTrouble: false };
    }
    case "waiting":
      return { ...explained(state.cause, t), isTrouble: !isCalm(state, now) };
    case "blocked":
      return { ...explained(state.cause, t), isTrouble: true };
  }
}

function isLong(state: Extract<State, { name: "connecting" }>, now: number): boolean {
  return state.phase === "media" && now - state.since > LONG_WAIT;
}

function unstable(state: Extract<State, { name: "unstable" }>, t: Dict, now: number): Message {
  if (state.why === "disconnected") return { title: t.player.unstable, text: [], isTrouble: true };
  const title = t.player.frozen(duration((now - state.since) / 1000));
  return { title, text: [state.hasBytes ? t.player.frozenBytes : t.player.frozenSilent], isTrouble: true };
}

function isCalm(state: Extract<State, { name: "waiting" }>, now: number): boolean {
  return state.cause.word === "source-starting" && now - state.since < CALM;
}

function explained(cause: Cause, t: Dict): { title: string; text: string[] } {
  const message = cause.message && t.said(cause.reason ?? "", cause.message);
  const said = [message, ...(cause.details ?? [])].filter((one): one is string => Boolean(one));
  const word = cause.reason === "no-legs" ? cause.reason : cause.word; // it isn't starting: it failed
  return { title: t.cause[word] ?? word, text: cause.word === "network" ? [] : said };
}

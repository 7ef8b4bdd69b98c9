/** What a process is doing, in one word: its order and its state joined (docs/reference/states.md). */

export type StateWord =
  | "running" | "slow" | "starting" | "stopping" | "retrying" | "failed" | "stopped" | "finished" | "unknown";

export interface Lived {
  order: string;
  exec: string;
  runtime_seconds: number;
  reconnect_seconds: number;
  progress?: { speed: number; frame: number };
}

export const SLOW_SPEED = 0.97;
export const SLOW_AFTER = 10; // seconds of running

/** Unknown words of a newer daemon give "unknown"; the screen shows the raw word then. */
export function stateWord(state: Lived): StateWord {
  switch (state.exec) {
    case "running":
      return isSlow(state) ? "slow" : "running";
    case "starting":
      return "starting";
    case "finishing":
      return "stopping";
    case "failed":
    case "killed":
      return ended(state, "failed");
    case "finished":
      return ended(state, "finished");
    default:
      return "unknown";
  }
}

function isSlow({ runtime_seconds, progress }: Lived): boolean {
  const speed = progress?.speed ?? 0;
  return runtime_seconds >= SLOW_AFTER && speed > 0 && speed < SLOW_SPEED;
}

function ended(state: Lived, word: "failed" | "finished"): StateWord {
  if (state.order !== "start") return "stopped";
  return state.reconnect_seconds >= 0 ? "retrying" : word;
}

/** Whether its FFmpeg lives, or is about to. */
export function isOn(state: Lived): boolean {
  return state.order === "start" && stateWord(state) !== "finished" && stateWord(state) !== "failed";
}

/** Whether something is wrong that the log explains. */
export function isTrouble(state: Lived): boolean {
  return state.order === "start" && (state.exec === "failed" || state.exec === "killed");
}

/** ProcessState: order and state as one word with its shape. */
import type { ProcessState as Wire } from "@/api/types";
import { useText } from "@/i18n";
import { StateBadge, type Tone } from "@/kit/StateBadge";
import { duration, number } from "@/lib/format";
import { type StateWord, stateWord } from "@/lib/process";

const TONES: Record<StateWord, Tone> = {
  running: "good",
  slow: "warn",
  starting: "busy",
  stopping: "busy",
  retrying: "bad",
  failed: "bad",
  stopped: "idle",
  finished: "idle",
  unknown: "idle",
};

export function ProcessState({ state }: { state: Wire }) {
  const t = useText();
  const word = stateWord(state);
  const text = word === "unknown" ? state.exec : t.state[word];
  return (
    <StateBadge tone={TONES[word]}>
      {text}
      {word === "slow" && ` ${number(state.progress.speed, 2)}×`}
      {word === "retrying" && <span className="quiet"> · {t.state.retryIn(duration(state.reconnect_seconds))}</span>}
    </StateBadge>
  );
}

/** StateBadge: a shape and a word; colour only repeats what they say. */
import type { ReactNode } from "react";

export type Tone = "good" | "busy" | "warn" | "bad" | "idle";

const SHAPES: Record<Tone, string> = { good: "●", busy: "◐", warn: "◆", bad: "▲", idle: "○" };

export function StateBadge({ tone, children }: { tone: Tone; children: ReactNode }) {
  return (
    <span className={`badge tone-${tone}`}>
      <span aria-hidden="true">{SHAPES[tone]}</span> {children}
    </span>
  );
}

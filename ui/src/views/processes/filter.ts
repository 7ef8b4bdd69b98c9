/** Filter and order of the list: words, `state:failed`, `webrtc:on`; all have to match. */
import type { Process } from "@/api/types";
import { stateWord } from "@/lib/process";

export type SortKey = "id" | "state" | "cpu";

export function label(process: Process): string {
  const own = process.metadata?.["core-ui"];
  const text = typeof own === "object" && own !== null && "label" in own ? own.label : "";
  return typeof text === "string" && text ? text : process.reference;
}

export function matches(process: Process, filter: string): boolean {
  return filter
    .toLowerCase()
    .split(/\s+/)
    .filter(Boolean)
    .every((word) => {
      if (word.startsWith("state:")) return stateWord(process.state).startsWith(word.slice(6));
      if (word.startsWith("webrtc:")) return (process.config.webrtc.enabled ? "on" : "off") === word.slice(7);
      return `${process.id} ${label(process)}`.toLowerCase().includes(word);
    });
}

const RANK = ["failed", "retrying", "slow", "starting", "stopping", "running", "finished", "stopped", "unknown"];

export function sorted(processes: readonly Process[], by: SortKey): Process[] {
  const byId = (a: Process, b: Process) => a.id.localeCompare(b.id, undefined, { numeric: true });
  const orders = {
    id: byId,
    state: (a: Process, b: Process) =>
      RANK.indexOf(stateWord(a.state)) - RANK.indexOf(stateWord(b.state)) || byId(a, b),
    cpu: (a: Process, b: Process) => b.state.cpu_usage - a.state.cpu_usage || byId(a, b),
  };
  return [...processes].sort(orders[by]);
}

/** What a viewer chose, kept per browser. */
import { Preference } from "@/lib/preference";

export const LATENCIES = ["lowest", "balanced", "smooth"] as const;
export type Latency = (typeof LATENCIES)[number];

/** What the jitter buffer aims at, milliseconds. */
export const TARGETS: Record<Latency, number> = { lowest: 0, balanced: 150, smooth: 500 };

export const latency = new Preference<Latency>("latency", "lowest", LATENCIES);
/** Whether they ever unmuted: then a small hint is enough. Each load starts muted all the same. */
export const sound = new Preference<"new" | "wanted" | "unwanted">("sound", "new", ["new", "wanted", "unwanted"]);
export const background = new Preference<"pause" | "play">("background", "pause", ["pause", "play"]);

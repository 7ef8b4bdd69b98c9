/** verdict(): will it play, and at what cost? From a probe, before anything is saved.

The daemon decides by the same rules when it starts the process (docs/reference/reasons.md). */
import type { Probe, ProbeStream } from "@/api/types";
import type { Dict } from "@/i18n";
import { duration } from "@/lib/format";

const PROFILES = new Set(["Constrained Baseline", "Baseline", "Main", "High", "Constrained High"]);
const LONG_GOP = 4; // seconds

export interface Verdict {
  kind: "video" | "audio";
  action: "copy" | "encode" | "none";
  text: string;
  isWarning: boolean;
}

export function verdict(probe: Probe, isForced: boolean, t: Dict): Verdict[] {
  const first = (kind: string) => probe.streams.find((one) => one.type === kind);
  return [video(first("video"), isForced, t), audio(first("audio"), isForced, t)];
}

function video(stream: ProbeStream | undefined, isForced: boolean, t: Dict): Verdict {
  const { verdict: say } = t.editor;
  if (!stream) return { kind: "video", action: "none", text: say.none, isWarning: true };
  const why = isForced ? [say.why.forced] : [];
  if (stream.codec !== "h264") why.push(say.why.codec(stream.codec));
  else {
    if (stream.has_b_frames) why.push(say.why.bframes);
    if (stream.profile && !PROFILES.has(stream.profile)) why.push(say.why.profile(stream.profile));
    if (stream.pix_fmt && !/^yuvj?420p$/.test(stream.pix_fmt)) why.push(say.why.pixels(stream.pix_fmt));
  }
  if (why.length > 0) return { kind: "video", action: "encode", text: say.encode(why.join(", ")), isWarning: !isForced };
  const gap = stream.keyframe_interval_seconds ?? 0;
  const note = gap > LONG_GOP ? ` ${say.longGop(duration(gap))}` : "";
  return { kind: "video", action: "copy", text: `${say.copy}.${note}`, isWarning: note !== "" };
}

function audio(stream: ProbeStream | undefined, isForced: boolean, t: Dict): Verdict {
  const { verdict: say } = t.editor;
  if (!stream) return { kind: "audio", action: "none", text: say.none, isWarning: false };
  const why = isForced ? [say.why.forced] : [];
  if (stream.codec !== "opus") why.push(say.why.codec(stream.codec));
  else if (stream.channels > 2) why.push(say.why.channels);
  if (why.length > 0) return { kind: "audio", action: "encode", text: say.encode(why.join(", ")), isWarning: false };
  return { kind: "audio", action: "copy", text: `${say.copy}.`, isWarning: false };
}

export function describeStream(one: ProbeStream): string {
  const size = one.width ? `${one.width}×${one.height}` : "";
  const rate = one.fps ? `${Math.round(one.fps * 100) / 100} fps` : "";
  const sound = one.sampling_hz ? `${one.sampling_hz / 1000} kHz ${one.layout}` : "";
  return [`${one.index}:${one.stream}`, one.codec, one.profile, size, rate, sound].filter(Boolean).join(" ");
}

/** StatsReader: RTCStatsReports -> what a person wants to know, by differences (W3C webrtc-stats). */

/** Between 1900, where Chromium counts playout from, and 1970. Milliseconds. */
export const NTP_EPOCH = 2_208_988_800_000;
const ERA_TEST = 3_000_000_000_000; // later than any wall clock from 1970, earlier than any from 1900
const OFFSETS = 10;
const MEDIAN = 3;

export type Grade = "measured" | "estimated";

export interface Sample {
  at: number; // wall clock, milliseconds
  bytes: number;
  framesDecoded: number;
  kbit: number | null;
  fps: number | null;
  lossPercent: number | null;
  bufferMs: number | null;
  decodeMs: number | null;
  rttMs: number | null;
  latencyMs: number | null;
  grade: Grade | null;
  audioLevel: number | null; // 0 to 1
  freezes: number;
  dropped: number;
  keyFrames: number;
  width: number;
  height: number;
  videoCodec: string;
  audioCodec: string;
  path: string; // "udp host"
}

type Entry = Record<string, unknown> & { id: string; type: string; timestamp: number };

export class StatsReader {
  #before: Entry[] = [];
  #offsets: number[] = [];
  #remote = new Map<string, number>();
  #latencies: number[] = [];
  #rates: number[] = [];

  read(report: RTCStatsReport): Sample {
    const entries: Entry[] = [];
    report.forEach((entry: Entry) => entries.push(entry));
    const inbound = entries.filter((one) => one.type === "inbound-rtp");
    const video = inbound.find((one) => one["kind"] === "video");
    const audio = inbound.find((one) => one["kind"] === "audio");
    const pair = nominated(entries);
    const rtt = value(pair, "currentRoundTripTime");
    const rttMs = rtt === null ? null : rtt * 1000;
    this.#noteOffsets(entries, rttMs ?? 0);
    const bufferMs = this.#perUnit(video ?? audio, "jitterBufferDelay", "jitterBufferEmittedCount");
    const decodeMs = this.#perUnit(video, "totalDecodeTime", "framesDecoded");
    const fps = this.#rate(video, "framesDecoded");
    const latency = this.#latency(video, audio, { rttMs, bufferMs, decodeMs, fps });
    const sample: Sample = {
      at: (video ?? audio)?.timestamp ?? 0,
      bytes: sum(inbound, "bytesReceived"),
      framesDecoded: value(video, "framesDecoded") ?? 0,
      kbit: this.#kbit(inbound),
      fps,
      lossPercent: this.#loss(inbound),
      bufferMs,
      decodeMs,
      rttMs,
      ...latency,
      audioLevel: value(audio, "audioLevel"),
      freezes: value(video, "freezeCount") ?? 0,
      dropped: value(video, "framesDropped") ?? 0,
      keyFrames: value(video, "keyFramesDecoded") ?? 0,
      width: value(video, "frameWidth") ?? 0,
      height: value(video, "frameHeight") ?? 0,
      videoCodec: codec(entries, video),
      audioCodec: codec(entries, audio),
      path: path(entries, pair),
    };
    this.#before = entries;
    return sample;
  }

  #was(entry: Entry | undefined): Entry | undefined {
    return entry && this.#before.find((one) => one.id === entry.id && one.type === entry.type);
  }

  /** The change since the last report; null at first, and when a counter began anew. */
  #delta(entry: Entry | undefined, name: string): number | null {
    const now = value(entry, name);
    const before = value(this.#was(entry), name);
    return now === null || before === null || now < before ? null : now - before;
  }

  #seconds(entry: Entry): number {
    const before = this.#was(entry);
    return before ? (entry.timestamp - before.timestamp) / 1000 : 0;
  }

  #rate(entry: Entry | undefined, name: string): number | null {
    const delta = this.#delta(entry, name);
    const seconds = entry ? this.#seconds(entry) : 0;
    return delta === null || seconds <= 0 ? null : delta / seconds;
  }

  /** Milliseconds for each of something, since the last report. */
  #perUnit(entry: Entry | undefined, seconds: string, count: string): number | null {
    const time = this.#delta(entry, seconds);
    const units = this.#delta(entry, count);
    return time === null || !units ? null : (time / units) * 1000;
  }

  #kbit(inbound: Entry[]): number | null {
    const rates = inbound.map((one) => this.#rate(one, "bytesReceived")).filter((one) => one !== null);
    if (rates.length === 0) return null;
    return median(this.#rates, (rates.reduce((a, b) => a + b, 0) * 8) / 1000);
  }

  #loss(inbound: Entry[]): number | null {
    let lost = 0;
    let received = 0;
    for (const one of inbound) {
      // packetsLost may go back when a late packet comes after all
      lost += Math.max(0, (value(one, "packetsLost") ?? 0) - (value(this.#was(one), "packetsLost") ?? 0));
      received += this.#delta(one, "packetsReceived") ?? 0;
    }
    return this.#before.length === 0 || lost + received === 0 ? null : (100 * lost) / (lost + received);
  }

  /** Our clock minus the sender's, by sender reports; the smallest, for each has some delay in it. */
  #noteOffsets(entries: Entry[], rttMs: number): void {
    for (const one of entries) {
      const remote = one.type === "remote-outbound-rtp" ? value(one, "remoteTimestamp") : null;
      if (remote === null || this.#remote.get(one.id) === remote) continue;
      this.#remote.set(one.id, remote);
      this.#offsets = [...this.#offsets.slice(1 - OFFSETS), one.timestamp - remote - rttMs / 2];
    }
  }

  #latency(
    video: Entry | undefined,
    audio: Entry | undefined,
    known: { rttMs: number | null; bufferMs: number | null; decodeMs: number | null; fps: number | null },
  ): { latencyMs: number | null; grade: Grade | null } {
    const { rttMs, bufferMs, decodeMs, fps } = known;
    const playout = value(video, "estimatedPlayoutTimestamp");
    if (video && audio && playout && this.#offsets.length > 0) {
      const since1970 = playout > ERA_TEST ? playout - NTP_EPOCH : playout;
      const raw = video.timestamp - since1970 - Math.min(...this.#offsets);
      // the first reports may all have come late, which makes it too short: so long it takes at least
      const least = (rttMs ?? 0) / 2 + (bufferMs ?? 0);
      return { latencyMs: median(this.#latencies, Math.max(least, raw)), grade: "measured" };
    }
    if (rttMs === null || bufferMs === null) return { latencyMs: null, grade: null };
    const frame = fps ? 1000 / fps : 0;
    const estimate = rttMs / 2 + bufferMs + (decodeMs ?? 0) + frame;
    return { latencyMs: median(this.#latencies, estimate), grade: "estimated" };
  }
}

function value(entry: Entry | undefined, name: string): number | null {
  const found = entry?.[name];
  return typeof found === "number" && Number.isFinite(found) ? found : null;
}

function sum(entries: Entry[], name: string): number {
  return entries.reduce((total, one) => total + (value(one, name) ?? 0), 0);
}

/** Note a value; give the median of the last three. */
function median(values: number[], latest: number): number {
  values.push(latest);
  if (values.length > MEDIAN) values.shift();
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? latest;
}

function nominated(entries: Entry[]): Entry | undefined {
  const transport = entries.find((one) => one.type === "transport" && one["selectedCandidatePairId"]);
  const id = transport?.["selectedCandidatePairId"];
  return entries.find((one) => one.type === "candidate-pair" && (id ? one.id === id : one["nominated"] === true));
}

function codec(entries: Entry[], inbound: Entry | undefined): string {
  const found = entries.find((one) => one.type === "codec" && one.id === inbound?.["codecId"]);
  const name = String(found?.["mimeType"] ?? "").replace(/^\w+\//, "");
  if (!/^opus$/i.test(name)) return name;
  return /stereo=1/.test(String(found?.["sdpFmtpLine"] ?? "")) ? "Opus stereo" : "Opus";
}

function path(entries: Entry[], pair: Entry | undefined): string {
  const remote = entries.find((one) => one.id === pair?.["remoteCandidateId"]);
  return remote ? [remote["protocol"], remote["candidateType"]].filter(Boolean).join(" ") : "";
}

/** StatsReader: differences, two epochs, the least offset, and what it makes of missing figures. */
import { describe, expect, it } from "vitest";
import { NTP_EPOCH, StatsReader } from "@/whep/stats";

type Entry = Record<string, unknown>;
const report = (...entries: Entry[]) => new Map(entries.map((one) => [String(one["id"]), one])) as unknown as RTCStatsReport;

const T = 1_800_000_000_000;
const video = (at: number, more: Entry = {}): Entry => ({ id: "v", type: "inbound-rtp", kind: "video", timestamp: T + at, ...more });
const audio = (at: number, more: Entry = {}): Entry => ({ id: "a", type: "inbound-rtp", kind: "audio", timestamp: T + at, ...more });
const pair: Entry = { id: "p", type: "candidate-pair", nominated: true, currentRoundTripTime: 0.02, remoteCandidateId: "r" };
const remote: Entry = { id: "r", type: "remote-candidate", protocol: "udp", candidateType: "host" };

describe("rates", () => {
  it("come from differences, and not from the first report", () => {
    const reader = new StatsReader();
    expect(reader.read(report(video(0, { bytesReceived: 1_000, framesDecoded: 10 }))).kbit).toBeNull();
    const sample = reader.read(report(video(1_000, { bytesReceived: 126_000, framesDecoded: 40 })));
    expect(sample.kbit).toBeCloseTo(1_000);
    expect(sample.fps).toBeCloseTo(30);
  });

  it("survive a counter that begins anew", () => {
    const reader = new StatsReader();
    reader.read(report(video(0, { framesDecoded: 1_000 })));
    expect(reader.read(report(video(1_000, { framesDecoded: 3 }))).fps).toBeNull();
  });

  it("never lose a negative number of packets", () => {
    const reader = new StatsReader();
    reader.read(report(video(0, { packetsLost: 5, packetsReceived: 100 })));
    expect(reader.read(report(video(1_000, { packetsLost: 3, packetsReceived: 200 }))).lossPercent).toBe(0);
    expect(reader.read(report(video(2_000, { packetsLost: 13, packetsReceived: 290 }))).lossPercent).toBe(10);
  });
});

describe("latency", () => {
  const sender = (at: number, delay: number): Entry => ({
    id: "s", type: "remote-outbound-rtp", timestamp: T + at + delay, remoteTimestamp: T + at,
  });

  it.each([["1900", NTP_EPOCH], ["1970", 0]])("is measured where playout counts from %s", (_name, epoch) => {
    const reader = new StatsReader();
    const playout = T + 1_000 - 180 + epoch;
    const sample = reader.read(report(video(1_000, { estimatedPlayoutTimestamp: playout }), audio(1_000), pair, sender(500, 10)));
    expect(sample).toMatchObject({ latencyMs: 180, grade: "measured" });
  });

  it("uses the least delayed of the last sender reports", () => {
    const reader = new StatsReader();
    let sample;
    for (const [at, delay] of [[100, 10], [200, 90], [300, 60]] as const) {
      sample = reader.read(report(video(at, { estimatedPlayoutTimestamp: T + at - 50 }), audio(at), pair, sender(at, delay)));
    }
    expect(sample?.latencyMs).toBe(50);
  });

  it("is never shorter than half the round trip and the buffer, which are known", () => {
    const reader = new StatsReader();
    const counts = (at: number, n: number) =>
      video(at, { jitterBufferDelay: n * 0.04, jitterBufferEmittedCount: n, estimatedPlayoutTimestamp: T + at - 60 });
    reader.read(report(counts(0, 0), audio(0), pair));
    const sample = reader.read(report(counts(1_000, 25), audio(1_000), pair, sender(900, 200)));
    expect(sample).toMatchObject({ latencyMs: 50, grade: "measured" });
  });

  it("is estimated for video alone: half the round trip, buffer, decoding, one frame", () => {
    const reader = new StatsReader();
    const counts = (at: number, n: number) =>
      video(at, { jitterBufferDelay: n * 0.04, jitterBufferEmittedCount: n, totalDecodeTime: n * 0.005, framesDecoded: n });
    reader.read(report(counts(0, 0), pair));
    const sample = reader.read(report(counts(1_000, 25), pair, remote));
    expect(sample.grade).toBe("estimated");
    expect(sample.latencyMs).toBeCloseTo(10 + 40 + 5 + 40);
    expect(sample.path).toBe("udp host");
  });

  it("is unknown rather than invented", () => {
    expect(new StatsReader().read(report(video(0)))).toMatchObject({ latencyMs: null, grade: null, rttMs: null });
  });
});

describe("codecs", () => {
  it("tell stereo from mono", () => {
    const codec = { id: "c", type: "codec", mimeType: "audio/opus", sdpFmtpLine: "minptime=10;stereo=1" };
    expect(new StatsReader().read(report(audio(0, { codecId: "c" }), codec)).audioCodec).toBe("Opus stereo");
  });
});

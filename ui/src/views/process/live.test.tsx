/** The Live tab: each state with its sentence and the button that helps; black and silence by name. */
import { act, cleanup, fireEvent, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Process } from "@/api/types";
import { en } from "@/i18n/en";
import { FakeDaemon, process, show } from "@/testing/app";
import { ANSWER, AUDIO_ANSWER, FakePeer } from "@/testing/rtc";
import { isBlackPicture, isSilence, trackLine } from "@/views/process/Findings";
import type { Sample } from "@/whep/stats";

const ON = { webrtc: { enabled: true, video_pt: 102, audio_pt: 111, force_transcode: false } };
const POST = "POST /api/v3/process/cam/whep";
const GET = "GET /api/v3/process/cam/whep";

beforeEach(() => {
  FakePeer.made = [];
  vi.stubGlobal("RTCPeerConnection", FakePeer);
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(null);
});
afterEach(() => vi.unstubAllGlobals());

function live(answer: Parameters<FakeDaemon["on"]>[1] = { status: 201, body: ANSWER }, given: Process = process("cam", {}, ON)): FakeDaemon {
  const daemon = new FakeDaemon([given]);
  daemon.on(POST, answer);
  vi.stubGlobal("fetch", daemon.fetch);
  show(daemon, "/process/cam/live");
  return daemon;
}

const refused = (status: number, reason: string, headers = {}) => ({ status, body: { message: "No", details: ["why"], reason }, headers });
const overlay = () => within(document.querySelector<HTMLElement>(".overlay") ?? document.body);
const peer = async (): Promise<FakePeer> => {
  await waitFor(() => expect(FakePeer.made.at(-1)?.calls).toContain("remote"));
  return FakePeer.made.at(-1) as FakePeer;
};

describe("what keeps the picture away", () => {
  it.each([
    [401, "missing-or-invalid-token", "auth", "Retry now"],
    [403, "insufficient-scope", "forbidden", "Retry now"],
    [404, "webrtc-off", "subsystem-off", "System"],
    [404, "unknown-process", "gone", "Retry now"],
    [404, "not-live", "not-live", "Retry now"],
    [409, "no-media", "source-starting", "Log"],
    [422, "no-common-codec", "codec", "Retry now"],
    [422, "ice-lite", "bad-offer", "Retry now"],
    [429, "address-limit", "limit", "Retry now"],
    [503, "total-limit", "limit", "Retry now"],
    [500, "internal-error", "server", "Retry now"],
  ])("%i %s: %s, with %s", async (status, reason, word, button) => {
    live(refused(status, reason, { "Retry-After": "9" }));
    expect(await screen.findByText(en.cause[word] ?? "")).toBeTruthy();
    expect(overlay().getByText("why")).toBeTruthy();
    const role = button === "System" || button === "Log" ? "link" : "button";
    expect(overlay().getByRole(role, { name: button })).toBeTruthy();
  });

  it("nobody answers", async () => {
    live(() => Promise.reject(new TypeError("Failed to fetch")));
    expect(await screen.findByText(en.cause["network"] ?? "")).toBeTruthy();
    expect(screen.getByText(/Next try in|Trying now/)).toBeTruthy();
  });

  it("names the codecs of both sides", async () => {
    live(refused(422, "no-common-codec"));
    expect(await screen.findByText(/This browser offers H264, opus/)).toBeTruthy();
  });

  it("offers to start what is stopped, and what has ended", async () => {
    const daemon = live(undefined, process("cam", { order: "stop", exec: "finished" }, ON));
    daemon.on("PUT /api/v3/process/cam/command", { body: "OK" });
    expect(await screen.findByText(en.cause["stopped"] ?? "")).toBeTruthy();
    expect(daemon.orders("POST")).toEqual([]);
    await userEvent.click(screen.getByRole("button", { name: "Start it" }));
    expect(daemon.orders("PUT")[0]).toEqual({ path: "/api/v3/process/cam/command", body: { command: "start" } });
  });

  it("shows the way to the log of what has ended", async () => {
    live(undefined, process("cam", { exec: "failed", reconnect_seconds: -1 }, ON));
    expect(await screen.findByText(en.cause["ended"] ?? "")).toBeTruthy();
    expect(overlay().getByRole("link", { name: "Log" }).getAttribute("href")).toContain("/process/cam/log");
  });

  it("turns WebRTC on where it is off", async () => {
    const daemon = live(undefined, process("cam"));
    daemon.on("PUT /api/v3/process/cam", (body) => ({ body }));
    expect(await screen.findByText(en.cause["disabled"] ?? "")).toBeTruthy();
    await userEvent.click(screen.getByRole("button", { name: "Turn it on" }));
    expect(daemon.orders("PUT")[0]?.body).toEqual({ webrtc: { enabled: true } });
  });

  it("shows details after three failures", async () => {
    live(refused(500, "internal-error", { "Retry-After": "60" }));
    for (let tries = 1; tries < 3; tries++) {
      expect(screen.queryByRole("button", { name: "Show details" })).toBeNull();
      await userEvent.click(await screen.findByRole("button", { name: "Retry now" }));
    }
    await userEvent.click(await screen.findByRole("button", { name: "Show details" }));
    const details = screen.getByText(/"last_cause"/).textContent ?? "";
    expect(JSON.parse(details)).toMatchObject({ browser: navigator.userAgent, last_failed: { cause: { reason: "internal-error" }, ice: "new" } });
  });

  it("shows details of what no further try helps against, but none where nothing went wrong", async () => {
    live(refused(422, "ice-lite"));
    await userEvent.click(await screen.findByRole("button", { name: "Show details" }));
    expect(screen.getByText(/"last_cause"/).textContent).toContain('"ice-lite"');
    cleanup();
    live(undefined, process("cam", { order: "stop", exec: "finished" }, ON));
    await screen.findByText(en.cause["stopped"] ?? "");
    expect(screen.queryByRole("button", { name: "Show details" })).toBeNull();
  });

  it("copies them for a bug report", async () => {
    live(refused(422, "ice-lite"));
    const user = userEvent.setup();
    await user.click(await screen.findByRole("button", { name: "Show details" }));
    await user.click(overlay().getByRole("button", { name: "Copy diagnostics" }));
    expect(JSON.parse(await navigator.clipboard.readText())).toMatchObject({ last_failed: { offered_video: ["H264"] } });
  });
});

describe("on the way to the picture", () => {
  it("says what is waited for", async () => {
    live(() => new Promise<never>(() => undefined));
    expect(await screen.findByText(en.player.phases.answer)).toBeTruthy();
    expect(screen.getByTestId("chip").textContent).toBe("NOT LIVE");
  });

  it("opens the media path, then waits for a key frame", async () => {
    live();
    const made = await peer();
    expect(await screen.findByText(en.player.phases.ice)).toBeTruthy();
    act(() => made.become("connected"));
    expect(screen.getByText(en.player.phases.media)).toBeTruthy();
  });

  it("counts itself among those who watch, before the daemon's count does", async () => {
    const daemon = live({ status: 201, body: AUDIO_ANSWER });
    daemon.on(GET, { body: { process_id: "cam", state: "live", reason: "", plan: [], source: {}, viewers: [] } });
    const made = await peer();
    made.report = [{ id: "a", type: "inbound-rtp", kind: "audio", timestamp: 1, bytesReceived: 500, packetsReceived: 5 }];
    act(() => made.become("connected"));
    expect(await screen.findByText("1 watching")).toBeTruthy();
  });

  it("names the addresses when no media path opens", async () => {
    const daemon = live();
    daemon.on("GET /api/v3/webrtc", { body: { enabled: true, state: "on", candidates: ["192.0.2.1:8000/udp"], counters: {} } });
    const made = await peer();
    act(() => made.become("failed"));
    expect(screen.getByText(en.cause["no-path"] ?? "")).toBeTruthy();
    expect(await screen.findByText(/192\.0\.2\.1:8000/)).toBeTruthy();
  });

  it("plays sound alone, says so, and pauses by key", async () => {
    live({ status: 201, body: AUDIO_ANSWER });
    const made = await peer();
    made.report = [{ id: "a", type: "inbound-rtp", kind: "audio", timestamp: 1, bytesReceived: 500, packetsReceived: 5, audioLevel: 0.5 }];
    act(() => made.become("connected"));
    expect(await screen.findByText("Sound only")).toBeTruthy();
    expect(screen.getByTestId("chip").textContent).toContain("LIVE");
    fireEvent.keyDown(screen.getByRole("group", { name: "Live picture of cam" }), { key: "k" });
    expect(screen.getByText("Paused")).toBeTruthy();
    expect(made.isClosed).toBe(true);
    await userEvent.click(overlay().getByRole("button", { name: "Play" }));
    expect(FakePeer.made).toHaveLength(2);
  });

  it("says that the daemon ended it", async () => {
    live();
    const made = await peer();
    act(() => made.become("connected"));
    act(() => made.endDtls("closed"));
    expect(screen.getByText(en.cause["server-ended"] ?? "")).toBeTruthy();
  });

  it("says what a browser without WebRTC lacks", async () => {
    vi.stubGlobal("RTCPeerConnection", undefined);
    live();
    expect(await screen.findByText(en.player.unsupported)).toBeTruthy();
  });
});

describe("React's strict mode, which mounts everything twice", () => {
  it("leaves one connection and one session", async () => {
    const daemon = new FakeDaemon([process("cam", {}, ON)]);
    let made = 0;
    daemon.on(POST, () => ({ status: 201, body: ANSWER, headers: { Location: `http://localhost/api/v3/process/cam/whep/${(made += 1)}` } }));
    vi.stubGlobal("fetch", daemon.fetch);
    show(daemon, "/process/cam/live", true);
    await waitFor(() => expect(FakePeer.made).toHaveLength(2));
    const [first, second] = FakePeer.made;
    await waitFor(() => expect(second?.calls).toContain("remote"));
    expect([first?.isClosed, second?.isClosed]).toEqual([true, false]);
    const deleted = () => daemon.orders("DELETE").map((one) => one.path);
    await waitFor(() => expect(deleted()).toHaveLength(daemon.orders("POST").length - 1));
    expect(deleted()).not.toContain(`/api/v3/process/cam/whep/${made}`);
    cleanup();
    expect(second?.isClosed).toBe(true);
    expect(deleted()).toContain(`/api/v3/process/cam/whep/${made}`);
  });
});

describe("the tab", () => {
  it("is there only with WebRTC", async () => {
    show(new FakeDaemon([process("cam")]), "/process/cam");
    expect(await screen.findByRole("link", { name: "Overview" })).toBeTruthy();
    expect(screen.queryByRole("link", { name: "Live (WebRTC)" })).toBeNull();
    expect(screen.getByText(en.process.webrtcOff)).toBeTruthy();
  });
});

describe("what of the source reaches viewers", () => {
  const plan = [
    { kind: "video", action: "encode", codec: "hevc", reasons: [{ code: "codec", text: "hevc isn't for browsers" }] },
    { kind: "audio", action: "none", codec: "", reasons: [{ code: "no-audio", text: "the input has no audio" }] },
  ];

  it("is said below the picture", async () => {
    const daemon = live();
    daemon.on(GET, { body: { process_id: "cam", state: "live", reason: "", plan, source: {}, viewers: [] } });
    const found = screen.findByRole("status", { name: en.finding.title });
    await waitFor(async () => expect((await found).textContent).toContain("Sound: left out, the input has no audio"));
    expect((await found).textContent).toContain("Video hevc: encoded, hevc isn't for browsers");
  });

  it("leaves out what is as it should be", () => {
    const track = { kind: "video", action: "copy", codec: "h264", reasons: [{ code: "compatible", text: "fits" }] };
    expect(trackLine(track, en)).toBe("Video h264: copied");
  });

  it("knows silence and black", () => {
    const heard = (audioLevel: number | null, audioCodec = "Opus") => ({ audioLevel, audioCodec }) as Sample;
    expect(isSilence(heard(0))).toBe(true);
    expect(isSilence(heard(0.1))).toBe(false);
    expect(isSilence(heard(null))).toBe(false);
    expect(isSilence(heard(0, ""))).toBe(false);
    expect(isBlackPicture(new Uint8ClampedArray([16, 16, 16, 255, 0, 0, 0, 255]))).toBe(true);
    expect(isBlackPicture(new Uint8ClampedArray([16, 16, 16, 255, 0, 0, 40, 255]))).toBe(false);
  });
});

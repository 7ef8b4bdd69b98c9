/** WhepSession while it plays: lost connections, frozen pictures, hidden tabs, networks that go. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ANSWER, FakePeer, OFFER, Stage } from "@/testing/rtc";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

describe("the connection", () => {
  it("comes anew at once when the server ends it", async () => {
    const stage = new Stage();
    await stage.goLive();
    stage.peer.endDtls("closed");
    expect(stage.state).toMatchObject({ name: "waiting", cause: { word: "server-ended" } });
    await stage.pass(250);
    expect(stage.posts).toBe(2);
  });

  it("counts a close before it was connected as a path that failed", async () => {
    const stage = new Stage();
    stage.session.start();
    await stage.pass();
    stage.peer.endDtls("closed");
    expect(stage.state).toMatchObject({ name: "waiting", cause: { word: "no-path" } });
  });

  it("gives ICE eight seconds, for without candidates no event ever comes", async () => {
    const stage = new Stage();
    stage.session.start();
    await stage.pass(7_999);
    expect(stage.state).toMatchObject({ name: "connecting", phase: "ice" });
    await stage.pass(1);
    expect(stage.state).toMatchObject({ name: "waiting", cause: { word: "no-path" } });
    expect(stage.deletes).toHaveLength(1);
  });

  it("gives the first frame ten seconds", async () => {
    const stage = new Stage();
    stage.session.start();
    await stage.pass();
    stage.peer.become("connected");
    await stage.pass(10_000);
    expect(stage.state).toMatchObject({ name: "waiting", cause: { word: "no-frame" } });
  });

  it("is unstable while disconnected, and live again when it comes back", async () => {
    const stage = new Stage();
    await stage.goLive();
    stage.peer.become("disconnected");
    expect(stage.state).toMatchObject({ name: "unstable", why: "disconnected" });
    await stage.pass(2_000);
    stage.peer.become("connected");
    expect(stage.state.name).toBe("live");
  });

  it("is given up after three seconds of that", async () => {
    const stage = new Stage();
    await stage.goLive();
    stage.peer.become("disconnected");
    await stage.pass(3_000);
    expect(stage.state).toMatchObject({ name: "waiting", cause: { word: "disconnected" } });
  });
});

describe("a frozen picture", () => {
  it("is told after two seconds, and over with the next frame", async () => {
    const stage = new Stage();
    await stage.goLive();
    await stage.play(1_000);
    await stage.pass(2_500);
    expect(stage.state).toMatchObject({ name: "unstable", why: "frozen" });
    stage.session.frame();
    expect(stage.state.name).toBe("live");
  });

  it("isn't one where frames are rare", async () => {
    const stage = new Stage();
    await stage.goLive();
    await stage.play(12_000, 1_000);
    await stage.pass(3_500);
    expect(stage.state.name).toBe("live");
  });

  it("is built anew after eight seconds", async () => {
    const stage = new Stage();
    await stage.goLive();
    await stage.pass(9_000);
    expect(stage.deletes).toHaveLength(1);
    expect(stage.posts).toBe(2);
  });

  it("is waited for while the process itself is silent: the server keeps the viewer", async () => {
    const stage = new Stage();
    stage.isSilent = true;
    await stage.goLive();
    await stage.pass(60_000);
    expect(stage.state).toMatchObject({ name: "unstable", why: "frozen" });
    expect(stage.posts).toBe(1);
  });

  it("says whether bytes still come", async () => {
    const stage = new Stage();
    await stage.goLive();
    const video = { id: "v", type: "inbound-rtp", kind: "video", timestamp: 1, framesDecoded: 9, bytesReceived: 1_000 };
    stage.peer.report = [video];
    await stage.pass(1_100);
    await stage.pass(2_500);
    stage.peer.report = [{ ...video, bytesReceived: 9_000 }];
    await stage.pass(1_000);
    expect(stage.state).toMatchObject({ why: "frozen", hasBytes: true });
  });
});

describe("hidden and offline", () => {
  it("pauses after a minute out of sight, and is back at once", async () => {
    const stage = new Stage();
    await stage.goLive();
    stage.session.setVisible(false);
    await stage.pass(60_000);
    expect(stage.state).toEqual({ name: "paused", why: "hidden" });
    expect(stage.deletes).toHaveLength(1);
    stage.session.setVisible(true);
    await stage.pass();
    expect(stage.posts).toBe(2);
  });

  it("plays on where it is seen or heard elsewhere", async () => {
    const stage = new Stage();
    await stage.goLive();
    stage.keeps = true;
    stage.session.setVisible(false);
    await stage.pass(120_000);
    expect(stage.deletes).toHaveLength(0);
    stage.keeps = false;
    await stage.pass(60_000);
    expect(stage.state).toEqual({ name: "paused", why: "hidden" });
  });

  it("never connects while hidden", async () => {
    const stage = new Stage();
    stage.replies = [new TypeError("offline")];
    stage.session.start();
    await stage.pass();
    stage.session.setVisible(false);
    await stage.pass(30_000);
    expect(stage.posts).toBe(1);
    stage.session.setVisible(true);
    await stage.pass();
    expect(stage.posts).toBe(2);
  });

  it("stays paused when it was paused by hand", async () => {
    const stage = new Stage();
    await stage.goLive();
    stage.session.stop();
    stage.session.setVisible(false);
    stage.session.setVisible(true);
    stage.session.setOnline(true);
    await stage.pass();
    expect(stage.state).toEqual({ name: "paused", why: "user" });
  });

  it("waits for the network, but doesn't cut a picture that comes", async () => {
    const stage = new Stage();
    await stage.goLive();
    stage.session.setOnline(false);
    expect(stage.state.name).toBe("live");
    stage.replies = [new TypeError("offline")];
    stage.session.retry();
    await stage.pass();
    stage.session.setOnline(false);
    expect(stage.state).toEqual({ name: "paused", why: "offline" });
    stage.session.setOnline(true);
    await stage.pass();
    expect(stage.state.name).toBe("connecting");
  });

  it("is blocked without a request where the status already says why", async () => {
    const stage = new Stage();
    stage.session.block({ word: "stopped" });
    await stage.pass(20_000);
    expect(stage.requests).toHaveLength(0);
    stage.session.start();
    await stage.pass();
    expect(stage.posts).toBe(1);
  });
});

describe("diagnostics", () => {
  it("keep what a failed attempt knew, for a bug report, while the next one is on its way", async () => {
    const stage = new Stage();
    expect(stage.session.diagnostics()).toMatchObject({ attempt: null, last_failed: null });
    stage.session.start();
    await stage.pass(100);
    stage.peer.iceConnectionState = "checking";
    stage.peer.report = [
      { id: "P", type: "candidate-pair", state: "in-progress", requestsSent: 9 },
      { id: "L", type: "local-candidate", candidateType: "host", usernameFragment: "uvwx" },
      { id: "T", type: "transport", dtlsState: "new", iceLocalUsernameFragment: "uvwx", localCertificateId: "CF1" },
      { id: "CF1", type: "certificate", base64Certificate: "MII" },
    ];
    await stage.pass(8_000);
    expect(stage.state).toMatchObject({ name: "waiting" });
    const { attempt, last_failed } = stage.session.diagnostics();
    expect(attempt).toBeNull();
    expect(last_failed?.offer).toContain("a=rtpmap:102 H264/90000");
    expect(last_failed).toMatchObject({ cause: { word: "no-path" }, ice: "checking", dtls: "new", lasted: 8_000, answer: ANSWER });
    expect(last_failed?.phases.map(({ phase }) => phase)).toEqual(["offer", "answer", "ice"]);
    expect(last_failed?.stats).toEqual([
      { id: "P", type: "candidate-pair", state: "in-progress", requestsSent: 9 },
      { id: "L", type: "local-candidate", candidateType: "host" },
      { id: "T", type: "transport", dtlsState: "new" },
    ]);
    await stage.pass(1_000);
    expect(stage.session.diagnostics()).toMatchObject({ attempt: { cause: null, answer: ANSWER, stats: null }, last_failed: { ice: "checking" } });
  });

  it("never have a token, the keys of the connection, its address at the daemon, or a password that the daemon named", async () => {
    const stage = new Stage();
    FakePeer.offer = `${OFFER}a=ice-pwd:very-secret\r\na=fingerprint:sha-256 AA:BB\r\n`;
    await stage.goLive();
    const whileLive = JSON.stringify(stage.session.diagnostics());
    expect(whileLive).toContain("H264");
    stage.replies = [{ status: 400, body: JSON.stringify({ message: "rtsp://admin:hunter2@cam/1: no" }) }];
    stage.peer.become("failed");
    await stage.pass();
    const afterFailure = JSON.stringify(stage.session.diagnostics());
    await stage.pass(1_000);
    const refused = JSON.stringify(stage.session.diagnostics());
    expect(refused).toContain("•••@cam");
    for (const text of [whileLive, afterFailure, refused]) {
      for (const secret of ["very-secret", "AA:BB", "first", "/whep/1", "hunter2"]) expect(text).not.toContain(secret);
    }
  });
});

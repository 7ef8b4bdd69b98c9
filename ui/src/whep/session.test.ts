/** WhepSession: each row of its state machine, on a clock of the test's. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { AUDIO_ANSWER, FakePeer, OFFER, Stage, problem } from "@/testing/rtc";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const CREATED = { status: 201, body: "v=0\r\nm=video 7000 UDP/TLS/RTP/SAVPF 102\r\n", headers: { Location: "/late" } };

describe("one attempt", () => {
  it("offers, posts, takes the answer, and is live with the first frame", async () => {
    const stage = new Stage();
    const seen: string[] = [];
    stage.session.state.subscribe(() => {
      const { state } = stage;
      seen.push(state.name === "connecting" ? state.phase : state.name);
    });
    await stage.goLive();
    expect(seen).toEqual(["offer", "answer", "ice", "media", "live"]);
    expect(stage.peer.calls).toEqual(["add video", "add audio", "offer", "local", "remote"]);
    expect(stage.requests[0]).toMatchObject({ method: "POST", token: "Bearer first" });
    expect(stage.requests[0]?.body).toContain("useinbandfec=1;stereo=1");
    expect(stage.streams).toHaveLength(1);
  });

  const gathering = () => {
    vi.spyOn(FakePeer.prototype, "createOffer").mockImplementation(function (this: FakePeer) {
      this.iceGatheringState = "gathering";
      return Promise.resolve({ sdp: OFFER });
    });
    return new Stage();
  };

  it("waits for candidates, but no longer than a quarter of a second", async () => {
    const stage = gathering();
    stage.session.start();
    await stage.pass(249);
    expect(stage.posts).toBe(0);
    await stage.pass(1);
    expect(stage.posts).toBe(1);
  });

  it("asks as soon as there is one candidate", async () => {
    const stage = gathering();
    stage.session.start();
    await stage.pass(10);
    stage.peer.onicecandidate?.({ candidate: {} });
    await stage.pass();
    expect(stage.posts).toBe(1);
    await stage.pass(500);
    expect(stage.posts).toBe(1);
  });

  it("aims the jitter buffer of the video, and leaves sound alone", async () => {
    const stage = new Stage({ latency: 150 });
    await stage.goLive();
    expect(stage.peer.videoReceiver.jitterBufferTarget).toBe(150);
    stage.session.setLatency(500);
    expect(stage.peer.videoReceiver.jitterBufferTarget).toBe(500);
    expect(stage.peer.audioReceiver.jitterBufferTarget).toBeNull();
    expect(stage.posts).toBe(1);
  });

  it("starts once, however often it is told to", async () => {
    const stage = new Stage();
    stage.session.start();
    stage.session.start();
    await stage.pass();
    stage.session.start();
    expect(stage.posts).toBe(1);
  });

  it("says what a browser without WebRTC lacks", () => {
    const stage = new Stage({}, undefined);
    const none = new Stage({}, null);
    none.session.start();
    expect(none.state.name).toBe("unsupported");
    expect(stage.posts).toBe(0);
  });

  it("plays sound alone, by its bytes", async () => {
    const stage = new Stage();
    stage.replies = [{ status: 201, body: AUDIO_ANSWER, headers: { Location: "/s" } }];
    stage.session.start();
    await stage.pass();
    stage.peer.become("connected");
    stage.peer.report = [{ id: "a", type: "inbound-rtp", kind: "audio", timestamp: 1, bytesReceived: 500 }];
    await stage.pass(1_000);
    expect(stage.state).toMatchObject({ name: "live", isAudioOnly: true });
  });
});

describe("ends", () => {
  it("deletes the session with the token of now, in a way that outlives the page", async () => {
    const stage = new Stage();
    await stage.goLive();
    stage.token = "newer";
    stage.session.close();
    expect(stage.deletes).toEqual([
      { method: "DELETE", url: "http://daemon/api/v3/process/cam/whep/1", token: "Bearer newer", keepalive: true, body: "" },
    ]);
    expect(stage.peer.isClosed).toBe(true);
    stage.session.close();
    stage.session.stop();
    stage.session.start();
    expect(stage.requests).toHaveLength(2);
  });

  it("resolves an absolute Location, too", async () => {
    const stage = new Stage();
    stage.replies = [{ ...CREATED, headers: { Location: "http://other/session/9" } }];
    await stage.goLive();
    stage.session.stop();
    expect(stage.deletes[0]?.url).toBe("http://other/session/9");
  });

  it("deletes a session that comes when nobody wants it any more, and tells nobody", async () => {
    const stage = new Stage();
    let answer: (reply: typeof CREATED) => void = () => undefined;
    stage.replies = [new Promise((done) => (answer = done))];
    stage.session.start();
    await stage.pass();
    stage.session.stop();
    expect(stage.deletes).toHaveLength(0);
    answer(CREATED);
    await stage.pass();
    expect(stage.deletes.map((one) => one.url)).toEqual(["http://daemon/late"]);
    expect(stage.state).toEqual({ name: "paused", why: "user" });
  });

  it("leaves one session after the double mount of React's strict mode", async () => {
    const first = new Stage();
    first.session.start();
    first.session.close();
    const second = new Stage();
    await second.goLive();
    await first.pass(20_000);
    expect(first.posts - first.deletes.length).toBe(0);
    expect(second.posts - second.deletes.length).toBe(1);
  });

  it("keeps the last frame before the picture turns black", async () => {
    const stage = new Stage();
    await stage.goLive();
    stage.session.retry();
    expect(stage.teardowns).toBe(1);
    stage.session.retry(); // had no frame yet
    expect(stage.teardowns).toBe(1);
  });
});

describe("refusals", () => {
  const waits = async (reply: Stage["replies"][number]) => {
    const stage = new Stage();
    stage.replies = [reply];
    stage.session.start();
    await stage.pass();
    return stage;
  };

  it.each([
    [404, "not-live", "blocked", "not-live"],
    [404, "webrtc-off", "blocked", "subsystem-off"],
    [404, "unknown-process", "blocked", "gone"],
    [403, "insufficient-scope", "blocked", "forbidden"],
    [422, "no-common-codec", "blocked", "codec"],
    [422, "no-bundle", "blocked", "bad-offer"],
    [415, "unsupported-media-type", "blocked", "bad-offer"],
    [400, "bad-request", "blocked", "bad-offer"],
    [500, "internal-error", "waiting", "server"],
    [409, "no-media", "waiting", "source-starting"],
    [429, "address-limit", "waiting", "limit"],
    [503, "total-limit", "waiting", "limit"],
  ])("%i %s: %s, %s", async (status, reason, name, word) => {
    const stage = await waits(problem(status, reason));
    expect(stage.state).toMatchObject({ name, cause: { word, reason, message: "No", details: ["why"] } });
    expect(stage.peer.isClosed).toBe(true);
  });

  it("waits as long as Retry-After says", async () => {
    const stage = await waits(problem(429, "user-limit", { "Retry-After": "7" }));
    await stage.pass(6_999);
    expect(stage.posts).toBe(1);
    await stage.pass(1);
    expect(stage.posts).toBe(2);
  });

  it("asks again each second while the source is starting, without counting it as a failure", async () => {
    const stage = await waits(problem(409, "no-media"));
    stage.replies = [problem(409, "no-media"), problem(409, "no-media")];
    await stage.pass(2_000);
    expect(stage.posts).toBe(3);
    expect(stage.state).toMatchObject({ failures: 0 });
  });

  it("refreshes the token once, then goes on", async () => {
    const stage = await waits(problem(401, "missing-or-invalid-token"));
    expect(stage.refreshes).toBe(1);
    expect(stage.requests.map((one) => one.token)).toEqual(["Bearer first", "Bearer second"]);
    expect(stage.state).toMatchObject({ name: "connecting" });
  });

  it("is blocked by a second 401", async () => {
    const stage = new Stage();
    stage.replies = [problem(401, "x"), problem(401, "x")];
    stage.session.start();
    await stage.pass();
    expect(stage.state).toMatchObject({ name: "blocked", cause: { word: "auth" } });
    expect(stage.posts).toBe(2);
  });

  it("keeps asking for a viewer's link, whom no status tells when it is live", async () => {
    const stage = new Stage({ retriesNotLive: true });
    stage.replies = [problem(404, "not-live")];
    stage.session.start();
    await stage.pass();
    expect(stage.state.name).toBe("waiting");
    await stage.pass(3_000);
    expect(stage.posts).toBe(2);
  });

  it("tries once more where H.264 was missing, for its decoder may load late", async () => {
    const stage = new Stage();
    FakePeer.offer = OFFER.replace("H264", "VP8");
    stage.replies = [problem(422, "no-common-codec"), problem(422, "no-common-codec")];
    stage.session.start();
    await stage.pass();
    expect(stage.state.name).toBe("waiting");
    await stage.pass(2_000);
    expect(stage.state).toMatchObject({ name: "blocked", cause: { word: "codec" } });
  });

  it("tells an answer that can't be used from a network that fails", async () => {
    expect((await waits({ ...CREATED, body: "broken" })).state).toMatchObject({ cause: { word: "bad-answer" } });
    expect((await waits(new TypeError("offline"))).state).toMatchObject({ cause: { word: "network" } });
  });

  it("gives a silent daemon eight seconds", async () => {
    const stage = await waits(new Promise(() => undefined));
    await stage.pass(7_999);
    expect(stage.state.name).toBe("connecting");
    await stage.pass(1);
    expect(stage.state).toMatchObject({ name: "waiting", cause: { word: "timeout" } });
  });
});

describe("back-off", () => {
  it("grows to 15 s, with jitter after the first, and never more than one attempt lives", async () => {
    const stage = new Stage();
    const waited: number[] = [];
    stage.replies = Array.from({ length: 8 }, () => new TypeError("offline"));
    stage.session.start();
    for (let turn = 0; turn < 7; turn++) {
      await stage.pass();
      const { state } = stage;
      if (state.name !== "waiting") throw new Error(state.name);
      waited.push((state.until - Date.now()) / 1000);
      await stage.pass(state.until - Date.now());
    }
    expect(waited).toEqual([0.25, 1, 2, 4, 8, 15, 15]);
    expect(FakePeer.made.filter((one) => !one.isClosed).length).toBeLessThanOrEqual(1);
  });

  it.each([
    [0, 0.8],
    [1, 1.2],
  ])("jitter stays within a fifth (dice %d)", async (random, seconds) => {
    const stage = new Stage();
    stage.random = random;
    stage.replies = [new TypeError("offline"), new TypeError("offline")];
    stage.session.start();
    await stage.pass();
    await stage.pass(250);
    const { state } = stage;
    expect(state.name === "waiting" && (state.until - Date.now()) / 1000).toBeCloseTo(seconds);
  });

  it("is forgiven after ten seconds of picture", async () => {
    const stage = new Stage();
    stage.replies = [new TypeError("offline"), new TypeError("offline")];
    stage.session.start();
    await stage.pass(250);
    await stage.pass(1_000);
    stage.peer.become("connected");
    stage.session.frame();
    await stage.play(11_000);
    stage.replies = [new TypeError("offline")];
    stage.session.retry();
    await stage.pass();
    expect(stage.state).toMatchObject({ name: "waiting", failures: 1 });
  });

  it("can be cut short by hand", async () => {
    const stage = new Stage();
    stage.replies = [new TypeError("offline")];
    stage.session.start();
    await stage.pass();
    stage.session.retry();
    await stage.pass();
    expect(stage.posts).toBe(2);
    await stage.pass(1_000); // the first wait would be over
    expect(FakePeer.made.filter((one) => !one.isClosed)).toHaveLength(1);
    expect(stage.posts).toBe(2);
  });
});

/** WhepSession: one player's connection, kept alive (RFC 9725); a state machine without React.

One attempt lives at a time. Whatever comes from an older one is dropped, a late session of it is
deleted at the server. `#become` is the only place that changes the state. */
import type { Timer } from "@/lib/clock";
import { Store } from "@/lib/store";
import { Attempt, Stale } from "@/whep/attempt";
import { type AttemptRecord, type Diagnostics, recordOf, withoutSecrets } from "@/whep/diagnostics";
import { type Cause, Failure, backoff, isFinal } from "@/whep/failure";
import { codecsOf } from "@/whep/sdp";
import {
  CODEC_RETRY, DISCONNECTED_TIMEOUT, FRAME_TIMEOUT, FROZEN_AFTER, HIDDEN_PAUSE, ICE_TIMEOUT, MAX_SAMPLES,
  type Options, type Phase, REBUILD_AFTER, STEADY_AFTER, type State, type World,
} from "@/whep/state";
import { type Sample, StatsReader } from "@/whep/stats";

const TICK = 500; // milliseconds between looks at the picture
const STATS = 1_000;

export class WhepSession {
  readonly state = new Store<State>({ name: "idle" });
  readonly samples = new Store<readonly Sample[]>([]);
  #attempt: Attempt | null = null;
  #reader = new StatsReader();
  #failures = 0;
  #lastCause: Cause | null = null;
  #lastFailed: AttemptRecord | null = null;
  #waitingSince = 0;
  #wait: Timer | undefined;
  #hide: Timer | undefined;
  #isHidden = false;
  #isClosed = false;
  #triedCodecAgain = false;
  readonly #options: Options;
  readonly #world: World;

  constructor(options: Options, world: World) {
    this.#options = options;
    this.#world = world;
  }

  /** Play, unless it does already. */
  start(): void {
    if (this.#attempt || this.#isClosed) return;
    if (this.#isHidden && !this.#options.keepsPlaying()) this.#become({ name: "paused", why: "hidden" });
    else this.#begin();
  }

  /** Try at once, whatever was waited for. */
  retry(): void {
    if (this.#isClosed) return;
    this.#drop();
    this.#begin();
  }

  /** Pause: live has no past, so the session ends. */
  stop(why: "user" | "hidden" | "offline" = "user"): void {
    if (this.#isClosed) return;
    this.#drop();
    this.#become({ name: "paused", why });
  }

  /** The status says that trying is no use. */
  block(cause: Cause): void {
    if (this.#isClosed) return;
    this.#drop();
    this.#lastCause = cause;
    this.#become({ name: "blocked", cause });
  }

  /** End for good, synchronously: the page or the player goes. */
  close(): void {
    this.#drop();
    this.#isClosed = true;
    this.#world.clock.clear(this.#hide);
    this.#become({ name: "idle" });
  }

  setVisible(isVisible: boolean): void {
    this.#isHidden = !isVisible;
    this.#world.clock.clear(this.#hide);
    const { name } = this.state.get();
    if (!isVisible) {
      this.#hide = this.#world.clock.set(() => this.#pauseIfHidden(), HIDDEN_PAUSE);
      return;
    }
    if (this.#attempt) this.#attempt.lastFrame = this.#world.clock.now(); // none were shown while hidden
    const state = this.state.get();
    if (name === "waiting" || (state.name === "paused" && state.why === "hidden")) this.retry();
  }

  /** A connected player goes on while the browser thinks that it is offline: media will tell. */
  setOnline(isOnline: boolean): void {
    const state = this.state.get();
    if (isOnline) {
      if (state.name === "waiting" || (state.name === "paused" && state.why === "offline")) this.retry();
    } else if (state.name === "waiting" || state.name === "connecting") {
      this.stop("offline");
    }
  }

  /** What the jitter buffer aims at, at once and without a new connection. Milliseconds. */
  setLatency(milliseconds: number): void {
    this.#options.latency = milliseconds;
    this.#attempt?.aim(milliseconds);
  }

  /** A new frame is on the screen. */
  frame(): void {
    const attempt = this.#attempt;
    if (!attempt?.isConnected) return;
    const now = this.#world.clock.now();
    if (attempt.lastFrame) {
      const gap = Math.min(now - attempt.lastFrame, FROZEN_AFTER);
      attempt.usualGap = attempt.usualGap ? attempt.usualGap * 0.9 + gap * 0.1 : gap;
    }
    attempt.lastFrame = now;
    const state = this.state.get();
    if (state.name === "connecting" || (state.name === "unstable" && state.why === "frozen")) this.#goLive(false);
  }

  /** Everything that helps to find out why, of the attempt that lives and of the last that failed. */
  diagnostics(): Diagnostics {
    return withoutSecrets({
      state: this.state.get(),
      failures: this.#failures,
      last_cause: this.#lastCause,
      attempt: this.#attempt && recordOf(this.#attempt, this.#world.clock.now()),
      last_failed: this.#lastFailed,
      samples: this.samples.get().slice(-10),
    });
  }

  // -- one attempt

  #begin(): void {
    this.#world.clock.clear(this.#wait);
    const { RTCPeerConnection: Peer } = this.#world;
    if (!Peer) return this.#become({ name: "unsupported" });
    const peer = new Peer({ bundlePolicy: "max-bundle" });
    const attempt = new Attempt(peer, this.#options, this.#world);
    this.#attempt = attempt;
    this.#reader = new StatsReader();
    peer.onconnectionstatechange = () => this.#onConnection(attempt);
    void this.#run(attempt);
  }

  async #run(attempt: Attempt): Promise<void> {
    try {
      await attempt.negotiate((phase) => this.#enter(attempt, phase));
      this.#listenToDtls(attempt);
      this.#options.onStream(attempt.stream);
      // from now on, for the diagnostics: Chromium tells nothing more of a connection that is closed
      attempt.after(STATS, () => void this.#measure(attempt));
      attempt.after(ICE_TIMEOUT, () => {
        if (!attempt.isConnected) this.#fail({ word: "no-path" });
      });
    } catch (error) {
      if (attempt.isOver || error instanceof Stale) return;
      this.#fail(error instanceof Failure ? error.failed : { word: "bad-answer", message: String(error) });
    }
  }

  #enter(attempt: Attempt, phase: Phase): void {
    attempt.phases.push({ phase, at: this.#world.clock.now() });
    this.#become({ name: "connecting", phase, since: this.#world.clock.now() });
  }

  /** The server's close shows here within milliseconds, in connectionState after seconds. */
  #listenToDtls(attempt: Attempt): void {
    const transport = attempt.peer.getReceivers()[0]?.transport;
    if (!transport) return;
    transport.onstatechange = () => {
      if (attempt.isOver || (transport.state !== "closed" && transport.state !== "failed")) return;
      this.#fail({ word: attempt.isConnected && transport.state === "closed" ? "server-ended" : "no-path" });
    };
  }

  #onConnection(attempt: Attempt): void {
    if (attempt.isOver) return;
    const { connectionState } = attempt.peer;
    const state = this.state.get();
    if (connectionState === "connected") {
      if (!attempt.isConnected) this.#connected(attempt);
      else if (state.name === "unstable" && state.why === "disconnected") this.#goLive(!attempt.kinds.has("video"));
    } else if (connectionState === "failed") {
      this.#fail({ word: attempt.isConnected ? "disconnected" : "no-path" });
    } else if (connectionState === "disconnected" && attempt.isConnected && state.name !== "connecting") {
      this.#become({ name: "unstable", why: "disconnected", since: this.#world.clock.now(), hasBytes: false });
      attempt.after(DISCONNECTED_TIMEOUT, () => {
        if (attempt.peer.connectionState !== "connected") this.#fail({ word: "disconnected" });
      });
    }
  }

  #connected(attempt: Attempt): void {
    attempt.isConnected = true;
    this.#enter(attempt, "media");
    attempt.after(FRAME_TIMEOUT, () => {
      if (this.state.get().name === "connecting") this.#fail({ word: "no-frame" });
    });
    attempt.after(TICK, () => this.#look(attempt));
  }

  #goLive(isAudioOnly: boolean): void {
    this.#triedCodecAgain = false;
    this.#waitingSince = 0;
    this.#become({ name: "live", since: this.#world.clock.now(), isAudioOnly });
  }

  // -- while it plays

  /** Look whether the picture moves: when the source falls silent no event says so. */
  #look(attempt: Attempt): void {
    attempt.after(TICK, () => this.#look(attempt));
    const state = this.state.get();
    const now = this.#world.clock.now();
    if (state.name === "live" && now - state.since >= STEADY_AFTER) this.#failures = 0;
    if (this.#isHidden || !attempt.lastFrame) return;
    const still = now - attempt.lastFrame;
    if (state.name === "live" && still >= Math.max(FROZEN_AFTER, 5 * attempt.usualGap)) {
      this.#become({ name: "unstable", why: "frozen", since: attempt.lastFrame, hasBytes: false });
    } else if (state.name === "unstable" && state.why === "frozen" && still >= REBUILD_AFTER) {
      if (!this.#options.isSourceSilent()) this.#fail({ word: "frozen" });
    }
  }

  async #measure(attempt: Attempt): Promise<void> {
    if (!this.#isHidden || this.#options.keepsPlaying()) {
      const report = await attempt.peer.getStats();
      if (attempt.isOver) return;
      attempt.report = report;
      if (attempt.isConnected) this.#note(attempt, this.#reader.read(report));
    }
    attempt.after(STATS, () => void this.#measure(attempt));
  }

  #note(attempt: Attempt, sample: Sample): void {
    this.samples.set([...this.samples.get().slice(1 - MAX_SAMPLES), sample]);
    const hasBytes = sample.bytes > attempt.bytes;
    attempt.bytes = sample.bytes;
    const isNews = attempt.kinds.has("video") ? sample.framesDecoded > attempt.decoded : hasBytes;
    attempt.decoded = sample.framesDecoded;
    const state = this.state.get();
    if (isNews) this.#noteNews(attempt, state);
    else if (state.name === "unstable" && state.hasBytes !== hasBytes) this.#become({ ...state, hasBytes });
  }

  /** Decoded, though perhaps not shown: a covered tab, or sound alone. */
  #noteNews(attempt: Attempt, state: State): void {
    const isAudioOnly = !attempt.kinds.has("video");
    if (attempt.lastFrame || isAudioOnly) attempt.lastFrame = this.#world.clock.now();
    if (state.name === "unstable" && state.why === "frozen") this.#goLive(isAudioOnly);
    if (isAudioOnly && state.name === "connecting") this.#goLive(true);
  }

  #pauseIfHidden(): void {
    if (!this.#isHidden || !this.#attempt) return;
    if (this.#options.keepsPlaying()) this.#hide = this.#world.clock.set(() => this.#pauseIfHidden(), HIDDEN_PAUSE);
    else this.stop("hidden");
  }

  // -- failures

  #fail(given: Cause): void {
    const cause = this.#refined(given);
    const now = this.#world.clock.now();
    const isLate = cause.word === "codec" && !this.#triedCodecAgain && this.#lacksH264();
    if (this.#attempt) this.#lastFailed = recordOf(this.#attempt, now, cause);
    this.#drop();
    this.#lastCause = cause;
    if (isLate) this.#triedCodecAgain = true;
    else if (isFinal(cause.word)) return this.#become({ name: "blocked", cause });
    if (cause.word !== "source-starting") this.#failures += 1;
    this.#waitingSince ||= now;
    const seconds = isLate ? CODEC_RETRY / 1000 : this.#delay(cause);
    this.#wait = this.#world.clock.set(() => this.#waited(), seconds * 1000);
    this.#become({ name: "waiting", cause, until: now + seconds * 1000, failures: this.#failures, since: this.#waitingSince });
  }

  #refined(cause: Cause): Cause {
    return cause.word === "not-live" && this.#options.retriesNotLive ? { ...cause, word: "source-starting", retryAfter: 3 } : cause;
  }

  #lacksH264(): boolean {
    const offer = this.#attempt?.offer ?? "";
    return offer !== "" && !codecsOf(offer, "video").includes("H264");
  }

  #delay(cause: Cause): number {
    if (cause.word === "source-starting") return cause.retryAfter ?? 1;
    if (cause.word === "server-ended") return 0.25;
    return cause.retryAfter ?? backoff(this.#failures, this.#world.random);
  }

  #waited(): void {
    if (this.#isHidden && !this.#options.keepsPlaying()) return; // setVisible goes on
    this.#begin();
  }

  #drop(): void {
    this.#world.clock.clear(this.#wait);
    const attempt = this.#attempt;
    if (!attempt) return;
    this.#attempt = null;
    if (attempt.lastFrame) this.#options.onTeardown();
    attempt.end();
    this.#options.onStream(null);
  }

  #become(state: State): void {
    this.state.set(state);
  }
}

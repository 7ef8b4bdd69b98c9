/** Attempt: one peer connection from its offer to its end, and the session it has at the server. */
import type { Timer } from "@/lib/clock";
import { type Cause, Failure, causeOf } from "@/whep/failure";
import { kindsOf, withStereo } from "@/whep/sdp";
import { GATHERING, type Options, POST_TIMEOUT, type Phase, type World } from "@/whep/state";

/** Thrown when an attempt was given up while it waited for something. */
export class Stale extends Error {}

export class Attempt {
  readonly peer: RTCPeerConnection;
  readonly stream: MediaStream | null = typeof MediaStream === "undefined" ? null : new MediaStream();
  readonly phases: { phase: Phase; at: number }[] = [];
  kinds = new Set<string>();
  readonly began: number; // on the session's clock
  report: RTCStatsReport | null = null; // the last one
  isConnected = false;
  isOver = false;
  offer = "";
  answer = "";
  session: string | null = null;
  lastFrame = 0;
  usualGap = 0; // milliseconds between frames
  bytes = 0;
  decoded = 0;
  #timers = new Set<Timer>();
  readonly #options: Options;
  readonly #world: World;

  constructor(peer: RTCPeerConnection, options: Options, world: World) {
    this.peer = peer;
    this.#options = options;
    this.#world = world;
    this.began = world.clock.now();
  }

  /** Offer, gather, POST, and take the answer. Throws Failure, or Stale. */
  async negotiate(onPhase: (phase: Phase) => void): Promise<void> {
    const { peer } = this;
    onPhase("offer");
    peer.ontrack = ({ track }) => this.stream?.addTrack(track);
    peer.addTransceiver("video", { direction: "recvonly" });
    peer.addTransceiver("audio", { direction: "recvonly" });
    const offer = await this.#alive(peer.createOffer());
    await this.#alive(peer.setLocalDescription({ type: "offer", sdp: withStereo(offer.sdp ?? "") }));
    await this.#alive(this.#gathered());
    this.offer = peer.localDescription?.sdp ?? offer.sdp ?? "";
    onPhase("answer");
    const response = await this.#post();
    this.answer = await this.#alive(response.text());
    this.kinds = kindsOf(this.answer);
    onPhase("ice");
    try {
      await this.#alive(peer.setRemoteDescription({ type: "answer", sdp: this.answer }));
    } catch (error) {
      if (error instanceof Stale) throw error;
      throw new Failure({ word: "bad-answer", message: String(error) });
    }
    this.aim(this.#options.latency);
  }

  /** The video's jitter buffer; sound is left alone, for zero makes it choppy. */
  aim(milliseconds: number): void {
    for (const receiver of this.peer.getReceivers()) {
      if (receiver.track.kind === "video" && "jitterBufferTarget" in receiver) {
        receiver.jitterBufferTarget = milliseconds;
      }
    }
  }

  after(milliseconds: number, call: () => void): Timer {
    const timer = this.#world.clock.set(() => {
      this.#timers.delete(timer);
      if (!this.isOver) call();
    }, milliseconds);
    this.#timers.add(timer);
    return timer;
  }

  /** Close everything, here and at the server; a second time is harmless. */
  end(): void {
    if (this.isOver) return;
    this.isOver = true;
    for (const timer of this.#timers) this.#world.clock.clear(timer);
    this.#timers.clear();
    this.peer.ontrack = this.peer.onconnectionstatechange = null;
    this.peer.close();
    if (this.session) this.#delete(this.session);
  }

  async #alive<T>(promise: Promise<T>): Promise<T> {
    const value = await promise;
    if (this.isOver) throw new Stale();
    return value;
  }

  /** The first candidate will do: a server with ICE-lite learns our address from our checks (RFC 8445 section 2.5). */
  #gathered(): Promise<void> {
    return new Promise((done) => {
      if (this.peer.iceGatheringState === "complete") return done();
      const timer = this.#world.clock.set(done, GATHERING);
      this.peer.onicecandidate = () => {
        this.peer.onicecandidate = null;
        this.#world.clock.clear(timer);
        done();
      };
    });
  }

  async #post(): Promise<Response> {
    let response = await this.#send();
    if (response.status === 401 && (await this.#alive(this.#options.tokens.refresh()))) {
      response = await this.#send(); // once: a second 401 is final
    }
    if (response.status !== 201) throw new Failure(await this.#alive(causeOf(response)));
    const location = response.headers.get("Location");
    const session = location && new URL(location, response.url || this.#options.url).href;
    if (this.isOver) {
      if (session) this.#delete(session); // nobody wants it any more
      throw new Stale();
    }
    this.session = session;
    return response;
  }

  /** POST the offer. It isn't aborted with the attempt: a late session has to be deleted. */
  async #send(): Promise<Response> {
    const abort = new AbortController();
    const timer = this.#world.clock.set(() => abort.abort(), POST_TIMEOUT);
    try {
      return await this.#world.fetch(this.#options.url, {
        method: "POST",
        headers: this.#headers({ "Content-Type": "application/sdp" }),
        body: this.offer,
        signal: abort.signal,
      });
    } catch (error) {
      if (this.isOver) throw new Stale();
      const cause: Cause = abort.signal.aborted
        ? { word: "timeout" }
        : { word: "network", message: error instanceof Error ? error.message : String(error) };
      throw new Failure(cause);
    } finally {
      this.#world.clock.clear(timer);
    }
  }

  #delete(session: string): void {
    const gone = this.#world.fetch(session, { method: "DELETE", headers: this.#headers(), keepalive: true });
    gone.catch(() => undefined); // the server ends it by itself when nobody listens
  }

  #headers(more: Record<string, string> = {}): Record<string, string> {
    const token = this.#options.tokens.access;
    return token ? { Authorization: `Bearer ${token}`, ...more } : more;
  }
}

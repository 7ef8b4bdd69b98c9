/** Fakes for the session's tests: a peer connection that does as told, a clock, a server. */
import type { Options, World } from "@/whep/state";
import { WhepSession } from "@/whep/session";
import { vi } from "vitest";

export const OFFER =
  "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 102\r\na=rtpmap:102 H264/90000\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n";
export const ANSWER = "v=0\r\nm=video 7000 UDP/TLS/RTP/SAVPF 102\r\na=sendonly\r\nm=audio 7000 UDP/TLS/RTP/SAVPF 111\r\na=sendonly\r\n";
export const AUDIO_ANSWER = "v=0\r\nm=video 0 UDP/TLS/RTP/SAVPF 102\r\na=inactive\r\nm=audio 7000 UDP/TLS/RTP/SAVPF 111\r\na=sendonly\r\n";

export class FakePeer {
  static made: FakePeer[] = [];
  static offer = OFFER;
  connectionState = "new";
  iceConnectionState = "new";
  iceGatheringState = "complete";
  onconnectionstatechange: (() => void) | null = null;
  onicecandidate: ((event: { candidate: object | null }) => void) | null = null;
  ontrack: unknown = null;
  localDescription: { sdp: string } | null = null;
  isClosed = false;
  readonly dtls = { state: "new", onstatechange: null as (() => void) | null };
  readonly videoReceiver = { track: { kind: "video" }, transport: this.dtls, jitterBufferTarget: null as number | null };
  readonly audioReceiver = { track: { kind: "audio" }, transport: this.dtls, jitterBufferTarget: null as number | null };
  readonly calls: string[] = [];
  report: Record<string, unknown>[] = [];

  constructor() {
    FakePeer.made.push(this);
  }

  addTransceiver(kind: string): void {
    this.calls.push(`add ${kind}`);
  }
  createOffer() {
    this.calls.push("offer");
    return Promise.resolve({ sdp: FakePeer.offer });
  }
  setLocalDescription(given: { sdp: string }) {
    this.calls.push("local");
    this.localDescription = given;
    return Promise.resolve();
  }
  setRemoteDescription(given: { sdp: string }) {
    this.calls.push("remote");
    return given.sdp.includes("broken") ? Promise.reject(new Error("no SDP")) : Promise.resolve();
  }
  getReceivers() {
    return [this.videoReceiver, this.audioReceiver];
  }
  getStats() {
    return Promise.resolve(new Map(this.report.map((one) => [String(one["id"]), one])));
  }
  close(): void {
    this.isClosed = true;
  }
  become(state: string): void {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }
  endDtls(state: "closed" | "failed"): void {
    this.dtls.state = state;
    this.dtls.onstatechange?.();
  }
}

export interface Reply {
  status: number;
  body?: string;
  headers?: Record<string, string>;
}

/** Everything around one session; time stands still until `pass`. */
export class Stage {
  readonly requests: { method: string; url: string; token: string | null; keepalive: boolean; body: string }[] = [];
  replies: (Reply | Error | Promise<Reply>)[] = [];
  token = "first";
  refreshed: string | null = "second";
  refreshes = 0;
  readonly streams: (MediaStream | null)[] = [];
  teardowns = 0;
  keeps = false;
  isSilent = false;
  random = 0.5;
  readonly session: WhepSession;

  constructor(options: Partial<Options> = {}, Peer: unknown = FakePeer) {
    FakePeer.made = [];
    FakePeer.offer = OFFER;
    const token = () => this.token;
    const tokens = {
      get access() {
        return token();
      },
      refresh: () => {
        this.refreshes += 1;
        if (this.refreshed) this.token = this.refreshed;
        return Promise.resolve(this.refreshed);
      },
    };
    const world: World = {
      fetch: (url, init) => this.#fetch(String(url), init ?? {}),
      RTCPeerConnection: Peer as typeof RTCPeerConnection,
      clock: { now: () => Date.now(), set: (call, ms) => setTimeout(call, ms), clear: (timer) => clearTimeout(timer) },
      random: () => this.random,
    };
    this.session = new WhepSession(
      {
        url: "http://daemon/api/v3/process/cam/whep",
        tokens,
        latency: 0,
        onStream: (stream) => this.streams.push(stream),
        onTeardown: () => (this.teardowns += 1),
        keepsPlaying: () => this.keeps,
        isSourceSilent: () => this.isSilent,
        retriesNotLive: false,
        ...options,
      },
      world,
    );
  }

  async #fetch(url: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    this.requests.push({
      method: init.method ?? "GET",
      url,
      token: headers.get("Authorization"),
      keepalive: init.keepalive ?? false,
      body: typeof init.body === "string" ? init.body : "",
    });
    if (init.method === "DELETE") return new Response(null, { status: 200 });
    const next = this.replies.shift() ?? { status: 201, body: ANSWER, headers: { Location: `/api/v3/process/cam/whep/${this.posts}` } };
    const aborted = new Promise<never>((_, fail) => init.signal?.addEventListener("abort", () => fail(new DOMException("", "AbortError"))));
    const reply = await Promise.race([next, aborted]);
    if (reply instanceof Error) throw reply;
    const response = new Response(reply.body ?? "", { status: reply.status, headers: reply.headers ?? {} });
    Object.defineProperty(response, "url", { value: url });
    return response;
  }

  get posts(): number {
    return this.requests.filter((one) => one.method === "POST").length;
  }
  get deletes() {
    return this.requests.filter((one) => one.method === "DELETE");
  }
  get state() {
    return this.session.state.get();
  }
  get peer(): FakePeer {
    const last = FakePeer.made.at(-1);
    if (!last) throw new Error("no peer was made");
    return last;
  }

  async pass(milliseconds = 0): Promise<void> {
    await vi.advanceTimersByTimeAsync(milliseconds);
  }

  /** From nothing to a picture. */
  async goLive(): Promise<void> {
    this.session.start();
    await this.pass();
    this.peer.become("connected");
    this.session.frame();
  }

  /** Let frames come for a while. */
  async play(milliseconds: number, gap = 40): Promise<void> {
    for (let passed = 0; passed < milliseconds; passed += gap) {
      await this.pass(gap);
      this.session.frame();
    }
  }
}

export function problem(status: number, reason: string, headers: Record<string, string> = {}): Reply {
  const body = JSON.stringify({ code: status, message: "No", details: ["why"], reason });
  return { status, body, headers: { "Content-Type": "application/problem+json", ...headers } };
}

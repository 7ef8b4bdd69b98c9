/** The whole App before a daemon of the test's: answers by method and path. */
import { render } from "@testing-library/react";
import { Api } from "@/api/client";
import { TokenStore } from "@/api/tokens";
import type { Process } from "@/api/types";
import { App } from "@/views/App";

type Answer = { status?: number; body?: unknown; headers?: Record<string, string> } | (() => Promise<never>);
type Rule = Answer | ((body: unknown) => Answer);

export class FakeDaemon {
  readonly asked: { method: string; path: string; body: unknown }[] = [];
  readonly rules = new Map<string, Rule>();

  constructor(processes: Process[] = [], auths: string[] = []) {
    this.on("GET /api", { body: { app: "datarhei-core", auths, version: { number: "16.16.0" } } });
    this.on("GET /api/v3/process", { body: processes });
    this.on("GET /api/v3/events", { status: 404 });
    this.on("GET /api/v3/webrtc", { body: { enabled: true, state: "on", candidates: [], counters: {} } });
    for (const one of processes) {
      this.on(`GET /api/v3/process/${one.id}`, { body: one });
      this.on(`GET /api/v3/process/${one.id}/whep`, { status: 404, body: { reason: "not-live" } });
      this.on(`GET /api/v3/process/${one.id}/poster.jpg`, { status: 404 });
    }
  }

  on(call: string, rule: Rule): void {
    this.rules.set(call, rule);
  }

  fetch = async (url: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const method = init?.method ?? "GET";
    const path = new URL(String(url)).pathname;
    const isJson = new Headers(init?.headers).get("Content-Type") === "application/json";
    const body: unknown = isJson ? JSON.parse(String(init?.body)) : (init?.body ?? null);
    this.asked.push({ method, path, body });
    const rule = this.rules.get(`${method} ${path}`) ?? { status: 404 };
    let answer: Answer = rule as Answer;
    if (typeof rule === "function") answer = await (rule as (body: unknown) => Answer | Promise<never>)(body);
    const { status = 200, body: given = {}, headers = {} } = answer as Exclude<Answer, () => Promise<never>>;
    return new Response(typeof given === "string" ? given : JSON.stringify(given), { status, headers: { "Content-Type": "application/json", ...headers } });
  };

  orders(method: string): { path: string; body: unknown }[] {
    return this.asked.filter((one) => one.method === method).map(({ path, body }) => ({ path, body }));
  }
}

export function show(daemon: FakeDaemon, route = "/", isStrict = false) {
  location.hash = route;
  const base = new URL("http://localhost/api/");
  const tokens = new TokenStore(base, { fetch: daemon.fetch, channel: null });
  return render(<App api={new Api(base, tokens, daemon.fetch)} />, { reactStrictMode: isStrict });
}

export function process(id: string, state: Partial<Process["state"]> = {}, config: Partial<Process["config"]> = {}): Process {
  return {
    id,
    reference: "",
    created_at: 1,
    updated_at: 1,
    config: {
      id,
      reference: "",
      input: [{ id: "in", address: "rtsp://user:secret@camera/1", options: ["-rtsp_transport", "tcp"] }],
      output: [{ id: "out", address: "-", options: ["-f", "null"] }],
      options: [],
      reconnect: true,
      reconnect_delay_seconds: 5,
      autostart: true,
      stale_timeout_seconds: 30,
      limits: { cpu_usage: 0, memory_mbytes: 0, waitfor_seconds: 0 },
      webrtc: { enabled: false, video_pt: 102, audio_pt: 111, force_transcode: false },
      ...config,
    },
    state: {
      order: "start",
      exec: "running",
      runtime_seconds: 60,
      reconnect_seconds: -1,
      last_logline: "",
      progress: { inputs: [], outputs: [], frame: 1, fps: 25, size_kb: 0, time: 1, bitrate_kbit: 900, speed: 1, drop: 0, dup: 0 },
      memory_bytes: 1e6,
      cpu_usage: 3,
      command: [],
      ...state,
    },
  };
}

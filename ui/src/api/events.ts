/** useEvents(): the daemon's server-sent events go into the queries' cache; polling is the net below.

Read by fetch, since an EventSource can't send a bearer token (docs/reference/api.md, Events). */
import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { type Api, ApiError, isRecord } from "@/api/client";
import { keys, pace, useApi } from "@/api/queries";
import type { Process, WhepStatus } from "@/api/types";

export interface ServerEvent {
  name: string;
  data: string;
}

/** Parser of text/event-stream: chunks in, whole events out (HTML standard, 9.2). */
export class EventParser {
  #rest = "";
  #name = "";
  #data: string[] = [];

  parse(chunk: string): ServerEvent[] {
    const lines = (this.#rest + chunk).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? "";
    const events: ServerEvent[] = [];
    for (const line of lines) {
      if (line !== "") this.#take(line);
      else if (this.#name || this.#data.length > 0) {
        events.push({ name: this.#name || "message", data: this.#data.join("\n") });
        this.#name = "";
        this.#data = [];
      }
    }
    return events;
  }

  #take(line: string): void {
    const [, field = "", value = ""] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
    if (field === "event") this.#name = value;
    else if (field === "data") this.#data.push(value);
  }
}

const SILENCE = 40_000; // milliseconds; the daemon says something each 15 s
const AGAIN = 5_000;
const CALM = { list: 15_000, one: 5_000 }; // how often we ask while events come
const EAGER = { list: pace.list, one: pace.one };

/** Merge patch (RFC 7396) of plain JSON. */
export function merged<T>(before: T, patch: unknown): T {
  if (!isRecord(before) || !isRecord(patch)) return patch as T;
  const after = new Map(Object.entries(before));
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) after.delete(key);
    else after.set(key, after.has(key) ? merged(after.get(key), value) : value);
  }
  return Object.fromEntries(after) as T;
}

/** Put one event into the cache. */
export function apply(client: QueryClient, event: ServerEvent): void {
  const data: unknown = JSON.parse(event.data || "{}");
  if (!isRecord(data) || typeof data["id"] !== "string") return;
  const { id, webrtc, ...rest } = data as { id: string; webrtc?: unknown };
  if (event.name === "deleted") {
    client.setQueryData<Process[]>(keys.processes, (all) => all?.filter((one) => one.id !== id));
    return;
  }
  if (event.name === "process") noteProcess(client, id, rest);
  else if (event.name === "progress") patch(client, id, rest);
  noteViewers(client, id, webrtc);
}

function noteProcess(client: QueryClient, id: string, record: Record<string, unknown>): void {
  const known = client.getQueryData<Process[]>(keys.processes)?.find((one) => one.id === id);
  patch(client, id, record);
  if (known && known.updated_at === record["updated_at"]) return;
  // the event has no config: what is new or was changed has to be read
  void client.invalidateQueries({ queryKey: keys.processes });
  void client.invalidateQueries({ queryKey: keys.process(id) });
}

function patch(client: QueryClient, id: string, record: Record<string, unknown>): void {
  client.setQueryData<Process[]>(keys.processes, (all) =>
    all?.map((one) => (one.id === id ? merged(one, record) : one)),
  );
  client.setQueryData<Process>(keys.process(id), (one) => one && merged(one, record));
}

function noteViewers(client: QueryClient, id: string, webrtc: unknown): void {
  if (!isRecord(webrtc)) return;
  const status = client.getQueryData<WhepStatus>(keys.whep(id));
  const isNews = status && (status.state !== webrtc["state"] || status.viewers.length !== webrtc["viewers"]);
  if (isNews || (status === null && webrtc["state"] !== "off")) void client.invalidateQueries({ queryKey: keys.whep(id) });
}

export function useEvents(): void {
  const api = useApi();
  const client = useQueryClient();
  useEffect(() => {
    const abort = new AbortController();
    void listen(api, client, abort.signal);
    return () => {
      abort.abort();
      Object.assign(pace, EAGER);
    };
  }, [api, client]);
}

async function listen(api: Api, client: QueryClient, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    let wait = AGAIN;
    try {
      await readOnce(api, client, signal);
    } catch (error) {
      // not there, or gone: polling goes on meanwhile
      if (error instanceof ApiError) wait = Math.max(wait, 1000 * (error.retryAfter ?? 0));
    }
    Object.assign(pace, EAGER);
    await new Promise((done) => setTimeout(done, wait));
  }
}

async function readOnce(api: Api, client: QueryClient, signal: AbortSignal): Promise<void> {
  const silence = new AbortController();
  const both = AbortSignal.any([signal, silence.signal]);
  const response = await api.open("v3/events", { signal: both, timeout: 2 ** 31 - 1 });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  const parser = new EventParser();
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    for (;;) {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE);
      const { value, done } = (await reader?.read()) ?? { done: true };
      if (done || value === undefined) return;
      Object.assign(pace, CALM);
      for (const event of parser.parse(value)) apply(client, event);
    }
  } finally {
    clearTimeout(timer);
  }
}

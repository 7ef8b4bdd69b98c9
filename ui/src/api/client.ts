/** Api: requests with a bearer token, a deadline, and errors that carry the daemon's words. */
import { retryAfter } from "@/lib/retry";
import { Store } from "@/lib/store";
import type { TokenStore } from "@/api/tokens";

export const TIMEOUT = 15_000; // milliseconds
const REST = 5; // seconds, where a 429 names none
const LONGEST_REST = 600; // seconds; more would be a page that looks dead
const SLOWEST = 8; // times as slow as usual
const FORGIVEN = 60_000; // milliseconds without a 429

/** What the daemon refused, in its own words; or nobody answered (status 0). */
export class ApiError extends Error {
  readonly status: number;
  readonly reason: string;
  readonly details: string[];
  readonly retryAfter: number | null; // seconds

  constructor(status: number, message: string, reason: string, details: string[] = [], retryAfter: number | null = null) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.reason = reason;
    this.details = details;
    this.retryAfter = retryAfter;
  }
}

export interface Call {
  method?: string;
  json?: unknown;
  signal?: AbortSignal | undefined;
  timeout?: number; // milliseconds
  keepalive?: boolean;
}

export interface Reach {
  /** Wall clock of the last answer, and of the first failure since. */
  answered: number;
  failing: number | null;
}

/** What "too many requests" (429) made of the polling. */
interface Rest {
  /** Wall clock: nothing is asked again before. */
  until: number;
  factor: number;
}

export class Api {
  /** Whether the daemon answers; for the banner. */
  readonly reach = new Store<Reach>({ answered: Date.now(), failing: null });
  readonly rest = new Store<Rest>({ until: 0, factor: 1 });
  readonly base: URL;
  readonly tokens: TokenStore;
  readonly #fetch: typeof fetch;

  constructor(base: URL, tokens: TokenStore, fetcher: typeof fetch = (...given) => fetch(...given)) {
    this.base = base;
    this.tokens = tokens;
    this.#fetch = fetcher;
  }

  url(path: string): string {
    return new URL(path, this.base).href;
  }

  /** Ask for JSON. Throws ApiError; an aborted call throws what the browser throws. */
  async call<T>(path: string, call: Call = {}): Promise<T> {
    const response = await this.#authorized(path, call);
    const type = response.headers.get("Content-Type") ?? "";
    const body: unknown = type.includes("json") ? await response.json().catch(() => null) : await response.text();
    const error = response.ok ? null : refusal(response, body);
    this.#noteRest(error);
    if (error) throw error;
    return body as T;
  }

  /** How long to wait until asking again, milliseconds: `usual`, or longer while there are too many requests. */
  pace(usual: number): number {
    const { until, factor } = this.rest.get();
    return Math.max(usual * factor, until - Date.now());
  }

  #noteRest(error: ApiError | null): void {
    const now = Date.now();
    const { until, factor } = this.rest.get();
    if (error?.status === 429) {
      const wait = 1000 * Math.min(error.retryAfter ?? REST, LONGEST_REST);
      // what was under way when the first was refused says nothing new
      this.rest.set({ until: Math.max(until, now + wait), factor: now < until ? factor : Math.min(2 * factor, SLOWEST) });
    } else if (factor > 1 && now > until + FORGIVEN) {
      this.rest.set({ until: 0, factor: 1 });
    }
  }

  /** Ask for a body that isn't JSON: a stream of events, a picture. Throws ApiError. */
  async open(path: string, call: Call = {}): Promise<Response> {
    const response = await this.#authorized(path, call);
    if (!response.ok) throw refusal(response, await response.json().catch(() => null));
    return response;
  }

  async #authorized(path: string, call: Call): Promise<Response> {
    const response = await this.#send(path, call);
    if (response.status !== 401 || !this.tokens.isSignedIn) return response;
    const token = await this.tokens.refresh();
    return token === null ? response : await this.#send(path, call);
  }

  async #send(path: string, call: Call): Promise<Response> {
    const headers = new Headers();
    if (this.tokens.access) headers.set("Authorization", `Bearer ${this.tokens.access}`);
    const init: RequestInit = { method: call.method ?? "GET", headers, keepalive: call.keepalive ?? false };
    if (call.json !== undefined) {
      headers.set("Content-Type", "application/json");
      init.body = JSON.stringify(call.json);
    }
    const deadline = AbortSignal.timeout(call.timeout ?? TIMEOUT);
    init.signal = call.signal ? AbortSignal.any([call.signal, deadline]) : deadline;
    try {
      const response = await this.#fetch(this.url(path), init);
      this.reach.set({ answered: Date.now(), failing: null });
      return response;
    } catch (error) {
      if (call.signal?.aborted) throw error;
      const { answered, failing } = this.reach.get();
      this.reach.set({ answered, failing: failing ?? Date.now() });
      throw new ApiError(0, deadline.aborted ? "No answer in time" : "No answer from the daemon", deadline.aborted ? "timeout" : "network");
    }
  }
}

function refusal(response: Response, body: unknown): ApiError {
  const given = isRecord(body) ? body : {};
  const details = Array.isArray(given["details"]) ? given["details"].map(String) : [];
  const message = typeof given["message"] === "string" ? given["message"] : response.statusText || `HTTP ${response.status}`;
  const reason = typeof given["reason"] === "string" ? given["reason"] : "";
  return new ApiError(response.status, message, reason, details, retryAfter(response));
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Give a process's place in the API, relative to the base. */
export function processPath(id: string, part = ""): string {
  return `v3/process/${encodeURIComponent(id)}${part && `/${part}`}`;
}

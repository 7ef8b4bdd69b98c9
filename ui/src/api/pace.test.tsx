/** Polling: a daemon, or a proxy before it, that has too many requests gets fewer. */
import { act } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Api } from "@/api/client";
import { TokenStore } from "@/api/tokens";
import { FakeDaemon, process, show } from "@/testing/app";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const LIST = "/api/v3/process";
const pass = (seconds: number) => act(() => vi.advanceTimersByTimeAsync(1000 * seconds));
const asked = (daemon: FakeDaemon, path = LIST) => daemon.asked.filter((one) => one.path === path).length;
const refuse = (after?: string) => ({ status: 429, body: { message: "slow down" }, headers: after ? { "Retry-After": after } : {} });

describe("a page that is told 429", () => {
  it("asks nothing again before Retry-After, on any path", async () => {
    const daemon = new FakeDaemon([process("cam")]);
    show(daemon);
    await pass(10);
    expect(asked(daemon)).toBeGreaterThan(3);
    daemon.on(`GET ${LIST}`, refuse("120"));
    await pass(3);
    const polls = (one: { path: string }) => one.path !== "/api/v3/events"; // not a poll: it waits for as long as it likes
    const before = daemon.asked.filter(polls).length;
    daemon.on(`GET ${LIST}`, { body: [process("cam")] });
    await pass(110);
    expect(daemon.asked.filter(polls).length).toBe(before);
    const lists = asked(daemon);
    await pass(15);
    expect(asked(daemon)).toBe(lists + 2); // 120 s after the refusal, and then half as often as usual
  });

  it("asks less and less often without one, and as usual again when all is well", async () => {
    const daemon = new FakeDaemon([process("cam")]);
    daemon.on(`GET ${LIST}`, refuse());
    show(daemon);
    await pass(60); // long enough to be as slow as it gets
    const count = async (seconds: number) => {
      const before = asked(daemon);
      await pass(seconds);
      return asked(daemon) - before;
    };
    expect(await count(160)).toBeLessThanOrEqual(11); // 80 at the usual pace of 2 s
    daemon.on(`GET ${LIST}`, { body: [process("cam")] });
    await pass(120);
    expect(await count(20)).toBeGreaterThanOrEqual(9);
  });

  it("is left waiting for ten minutes at most", async () => {
    const daemon = new FakeDaemon();
    daemon.on(`GET ${LIST}`, refuse("86400"));
    const base = new URL("http://localhost/api/");
    const api = new Api(base, new TokenStore(base, { fetch: daemon.fetch, channel: null }), daemon.fetch);
    await expect(api.call("v3/process")).rejects.toMatchObject({ retryAfter: 86_400 });
    expect(api.pace(2_000)).toBe(600_000);
  });
});

describe("the events", () => {
  it("come back when they may, and polling goes on as usual meanwhile", async () => {
    const daemon = new FakeDaemon([process("cam")]);
    daemon.on("GET /api/v3/events", refuse("60"));
    show(daemon);
    await pass(50);
    expect(asked(daemon, "/api/v3/events")).toBe(1);
    expect(asked(daemon)).toBeGreaterThan(20);
    await pass(15);
    expect(asked(daemon, "/api/v3/events")).toBe(2);
  });
});

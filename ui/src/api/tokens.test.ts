/** TokenStore: one refresh at a time, also over several tabs, and no token longer than wanted. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { TokenStore } from "@/api/tokens";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const jwt = (name: string, exi = 600) => `h.${btoa(JSON.stringify({ sub: name, exi }))}.s`;
const BASE = new URL("http://daemon/api/");

/** Tabs of one browser share storage and channel; a daemon counts what they ask. */
class House {
  readonly asked: { path: string; token: string | null }[] = [];
  status = 200;
  answers = true;
  #serial = 0;
  readonly #ears = new Set<(event: MessageEvent) => void>();

  fetch = (url: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    this.asked.push({ path: new URL(String(url)).pathname, token: new Headers(init?.headers).get("Authorization") });
    if (!this.answers) return Promise.reject(new TypeError("no answer"));
    this.#serial += 1;
    const body = JSON.stringify({ access_token: jwt("admin"), refresh_token: `refresh-${this.#serial}` });
    return Promise.resolve(new Response(this.status === 200 ? body : "{}", { status: this.status }));
  };

  tab(): TokenStore {
    const ears = this.#ears;
    let own: ((event: MessageEvent) => void) | null = null;
    const channel = {
      addEventListener: (_: string, ear: (event: MessageEvent) => void) => {
        own = ear;
        ears.add(ear);
      },
      postMessage: (data: unknown) => {
        for (const ear of ears) if (ear !== own) ear({ data } as MessageEvent);
      },
    };
    const clock = { now: () => Date.now(), set: (call: () => void, ms: number) => setTimeout(call, ms), clear: (t?: ReturnType<typeof setTimeout>) => clearTimeout(t) };
    return new TokenStore(BASE, {
      fetch: this.fetch,
      clock,
      wall: () => Date.now(),
      random: () => 1,
      channel: channel as unknown as BroadcastChannel,
    });
  }
  get refreshes() {
    return this.asked.filter((one) => one.path.endsWith("/refresh"));
  }
}

describe("one tab", () => {
  it("refreshes at four fifths of the token's life", async () => {
    const house = new House();
    const tab = house.tab();
    await tab.signIn("admin", "x", false);
    expect(tab.status.get()).toBe("in");
    expect(tab.name).toBe("admin");
    await vi.advanceTimersByTimeAsync(479_000);
    expect(house.refreshes).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(house.refreshes).toEqual([{ path: "/api/login/refresh", token: "Bearer refresh-1" }]);
  });

  it("asks once for all who want a new token", async () => {
    const house = new House();
    const tab = house.tab();
    await tab.signIn("admin", "x", false);
    const all = await Promise.all([tab.refresh(), tab.refresh(), tab.refresh()]);
    expect(new Set(all).size).toBe(1);
    expect(house.refreshes).toHaveLength(1);
  });

  it("keeps the refresh token in the tab, or in the browser where that was wished", async () => {
    await new House().tab().signIn("admin", "x", false);
    expect(sessionStorage.getItem("dragonctl.refresh")).toBe("refresh-1");
    expect(localStorage.getItem("dragonctl.refresh")).toBeNull();
    await new House().tab().signIn("admin", "x", true);
    expect(localStorage.getItem("dragonctl.refresh")).toBe("refresh-1");
    expect(sessionStorage.getItem("dragonctl.refresh")).toBeNull();
  });

  it("is expired when the daemon refuses, but not when it doesn't answer", async () => {
    const house = new House();
    const tab = house.tab();
    await tab.signIn("admin", "x", false);
    house.answers = false;
    expect(await tab.refresh()).toBeNull();
    expect(tab.status.get()).toBe("in");
    house.answers = true;
    await vi.advanceTimersByTimeAsync(5_000);
    expect(house.refreshes).toHaveLength(2);
    house.status = 401;
    expect(await tab.refresh()).toBeNull();
    expect(tab.status.get()).toBe("expired");
    expect(sessionStorage.length).toBe(0);
    expect(tab.lastName).toBe("admin");
  });

  it("comes back after a reload", async () => {
    const house = new House();
    await house.tab().signIn("admin", "x", false);
    const again = house.tab();
    await again.restore();
    expect(again.status.get()).toBe("in");
    expect(house.refreshes.at(-1)?.token).toBe("Bearer refresh-1");
  });

  it("gives the daemon's refusal to who signs in", async () => {
    const house = new House();
    house.status = 401;
    const tab = house.tab();
    expect((await tab.signIn("admin", "wrong", false)).status).toBe(401);
    expect(tab.isSignedIn).toBe(false);
  });
});

describe("several tabs", () => {
  it("take over what one got, and never use a token that was replaced", async () => {
    const house = new House();
    const [first, second] = [house.tab(), house.tab()];
    await first.signIn("admin", "x", true);
    expect(second.status.get()).toBe("in");
    await first.refresh();
    await second.refresh();
    expect(house.refreshes.map((one) => one.token)).toEqual(["Bearer refresh-1", "Bearer refresh-2"]);
  });

  it("wait while another refreshes", async () => {
    const house = new House();
    const [first, second] = [house.tab(), house.tab()];
    await first.signIn("admin", "x", true);
    const both = Promise.all([first.refresh(), second.refresh()]);
    await vi.advanceTimersByTimeAsync(500);
    await both;
    expect(house.refreshes).toHaveLength(1);
    expect(second.access).toBe(first.access);
  });

  it("lend their login to a new one", async () => {
    const house = new House();
    await house.tab().signIn("admin", "x", false);
    sessionStorage.clear();
    const fresh = house.tab();
    const restored = fresh.restore();
    await vi.advanceTimersByTimeAsync(100);
    await restored;
    expect(fresh.status.get()).toBe("in");
    expect(house.refreshes).toHaveLength(0);
  });

  it("sign out together", async () => {
    const house = new House();
    const [first, second] = [house.tab(), house.tab()];
    await first.signIn("admin", "x", true);
    first.signOut();
    expect([first.status.get(), second.status.get()]).toEqual(["out", "out"]);
    expect(second.access).toBe("");
    expect(localStorage.length).toBe(0);
  });
});

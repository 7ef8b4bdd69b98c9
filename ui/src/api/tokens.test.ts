/** TokenStore: one refresh at a time, also over several tabs, and no token longer than wanted. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { TokenStore } from "@/api/tokens";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const jwt = (name: string, serial: number, exi = 600) => `h.${btoa(JSON.stringify({ sub: name, exi, jti: serial }))}.s`;
const BASE = new URL("http://daemon/api/");

type Ear = (event: MessageEvent) => void;

/** Tabs of one browser share storage and channel; a daemon counts what they ask, and ends a login
whose refresh token comes again after its successor was used, or another successor of it. */
class House {
  readonly asked: { path: string; token: string | null }[] = [];
  status = 200;
  answers = true;
  hasStorage = true;
  serial = 0;
  readonly #predecessor = new Map<string, string>();
  readonly #used = new Set<string>();
  readonly #replaced = new Set<string>();
  readonly #ears = new Set<Ear>();
  readonly #earOf = new Map<TokenStore, Ear>();

  fetch = (url: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    this.asked.push({ path: new URL(String(url)).pathname, token: new Headers(init?.headers).get("Authorization") });
    if (!this.answers) return Promise.reject(new TypeError("no answer"));
    const given = this.asked.at(-1)?.token?.replace("Bearer ", "") ?? "";
    if (!this.#isGood(given)) this.status = 401;
    this.serial += 1;
    this.#predecessor.set(`refresh-${this.serial}`, given);
    const body = JSON.stringify({ access_token: jwt("admin", this.serial), refresh_token: `refresh-${this.serial}` });
    return Promise.resolve(new Response(this.status === 200 ? body : "{}", { status: this.status }));
  };

  #isGood(token: string): boolean {
    const before = this.#predecessor.get(token) ?? "";
    const isFirstUse = !this.#used.has(token);
    if (this.#replaced.has(token) || (isFirstUse && this.#replaced.has(before))) return false;
    this.#used.add(token);
    if (before) this.#replaced.add(before);
    return true;
  }

  tab(): TokenStore {
    const ears = this.#ears;
    let own: Ear | null = null;
    const channel = {
      addEventListener: (_: string, ear: Ear) => {
        own = ear;
        ears.add(ear);
      },
      postMessage: (data: unknown) => {
        for (const ear of ears) if (ear !== own) ear({ data } as MessageEvent);
      },
    };
    const clock = { now: () => Date.now(), set: (call: () => void, ms: number) => setTimeout(call, ms), clear: (t?: ReturnType<typeof setTimeout>) => clearTimeout(t) };
    const made = new TokenStore(BASE, {
      fetch: this.fetch,
      clock,
      wall: () => Date.now(),
      random: () => 1,
      channel: channel as unknown as BroadcastChannel,
      ...(this.hasStorage ? {} : { local: null, tab: null }),
    });
    if (own) this.#earOf.set(made, own);
    return made;
  }

  /** Let a tab hear nothing, as the browser does with one that it froze. */
  hush(tab: TokenStore): void {
    this.#ears.delete(this.#earOf.get(tab) ?? (() => undefined));
  }
  unhush(): void {
    for (const ear of this.#earOf.values()) this.#ears.add(ear);
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

  it("settle on one successor where both refreshed at the same time", async () => {
    const house = new House();
    house.hasStorage = false; // so that nothing tells one to wait
    const tabs = [house.tab(), house.tab(), house.tab()];
    await tabs[0]?.signIn("admin", "x", false);
    for (let round = 1; round <= 3; round++) {
      await Promise.all(tabs.map((tab) => tab.refresh()));
      expect(house.refreshes).toHaveLength(3 * round);
      expect(new Set(tabs.map((tab) => tab.access)).size).toBe(1);
    }
    for (const tab of tabs) await tab.refresh(); // one after the other: each must have the newest
    expect(tabs.map((tab) => tab.status.get())).toEqual(["in", "in", "in"]);
  });

  it("ask the others before they use a token after a long sleep", async () => {
    const house = new House();
    const [first, second] = [house.tab(), house.tab()];
    await first.signIn("admin", "x", false);
    house.hush(second); // as a frozen tab
    await first.refresh();
    await first.refresh();
    house.unhush();
    vi.setSystemTime(Date.now() + 3_600_000);
    const woken = second.refresh();
    await vi.advanceTimersByTimeAsync(100);
    expect(await woken).toBe(first.access);
    expect(second.status.get()).toBe("in");
  });

  it("settle even if one didn't hear what the other got", async () => {
    const house = new House();
    house.hasStorage = false;
    const [first, second] = [house.tab(), house.tab()];
    await first.signIn("admin", "x", false);
    house.hush(second); // it is just loading
    house.serial = 7; // "refresh-8" comes after "refresh-10", as texts do
    await first.refresh();
    house.unhush();
    house.serial = 9;
    await second.refresh();
    expect(second.access).toBe(first.access);
  });

  it("ask the others after the browser had put one away", async () => {
    const house = new House();
    const first = house.tab();
    await first.signIn("admin", "x", false);
    const left = sessionStorage.getItem("dragonctl.refresh") ?? "";
    await first.refresh();
    await first.refresh();
    await vi.advanceTimersByTimeAsync(120_000);
    sessionStorage.setItem("dragonctl.refresh", left); // as the other tab's own storage has it
    sessionStorage.setItem("dragonctl.refreshed", "1");
    const second = house.tab();
    const restored = second.restore();
    await vi.advanceTimersByTimeAsync(100);
    await restored;
    expect(second.access).toBe(first.access);
    expect(house.refreshes).toHaveLength(2);
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

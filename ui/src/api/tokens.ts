/** TokenStore: who is signed in. Access token in memory, refresh token in this tab or browser.

The daemon ends all tokens of a login when a replaced refresh token comes again, or a second
successor of one (RFC 9700 section 4.14). So one tab refreshes at a time and the others take over
what it got; and where two did it all the same, both settle on the same successor. */
import { type Clock, type Timer, systemClock } from "@/lib/clock";
import { Store } from "@/lib/store";

const KEY = "dragonctl.refresh";
const AT = "dragonctl.refreshed"; // when, on the wall clock
const FRESH = 60_000; // milliseconds: others can't have replaced it more than once since
const LOCK = "dragonctl.refreshing";
const LOCK_SECONDS = 10;
const ASKING = 100; // milliseconds for another tab's word
const LATE = 5_000; // a timer that comes so late: this tab was frozen, and heard nothing
const REFRESH_AT = 0.8; // of a token's life
const CHANNEL = "dragonctl.session";

export type Status = "unknown" | "open" | "out" | "in" | "expired";

interface Pair {
  access: string;
  refresh: string;
}

type Message =
  | { type: "tokens"; pair: Pair; replaces: string; stays: boolean }
  | { type: "ask" }
  | { type: "out" };

export interface Surroundings {
  fetch: typeof fetch;
  clock: Clock;
  wall: () => number; // milliseconds since 1970
  local: Storage | null;
  tab: Storage | null;
  channel: BroadcastChannel | null;
  random: () => number;
}

export class TokenStore {
  /** open: auth is off. expired: was in, and has to sign in again over the page. */
  readonly status = new Store<Status>("unknown");
  access = "";
  /** Who was signed in last, so that they needn't type it again. */
  lastName = "";
  #refresh = "";
  #replaced = ""; // what #refresh came in the place of
  #stays = false;
  #isAsking = false;
  #due = Infinity;
  #timer: Timer | undefined;
  #flight: Promise<string | null> | null = null;
  readonly #base: URL;
  readonly #world: Surroundings;

  constructor(base: URL, world: Partial<Surroundings> = {}) {
    this.#base = base;
    this.#world = { ...surroundings(), ...world };
    this.#world.channel?.addEventListener("message", (event: MessageEvent<Message>) => this.#hear(event.data));
  }

  get isSignedIn(): boolean {
    return this.#refresh !== "";
  }

  /** An earlier page left a login that may still be good. */
  get isKnown(): boolean {
    const { local, tab } = this.#world;
    return Boolean(local?.getItem(KEY) ?? tab?.getItem(KEY));
  }

  get name(): string {
    return String(claims(this.access)["sub"] ?? this.lastName);
  }

  /** Auth is off: nobody has to sign in. */
  setOpen(): void {
    this.status.set("open");
  }

  /** Find what an earlier page or another tab left. */
  async restore(): Promise<void> {
    const { local, tab, wall } = this.#world;
    this.#stays = Boolean(local?.getItem(KEY));
    this.#refresh = (this.#stays ? local : tab)?.getItem(KEY) ?? "";
    // a tab that the browser had put away has what others replaced long ago
    const isOld = !this.#stays && wall() - Number(tab?.getItem(AT) ?? 0) > FRESH;
    if (!this.#refresh || isOld) await this.#ask();
    if (this.#refresh && !this.access) await this.refresh();
    if (!this.access && this.status.get() === "unknown") this.status.set("out");
  }

  /** Sign in. Gives the daemon's answer when it refuses. Throws TypeError if nobody answers. */
  async signIn(username: string, password: string, stays: boolean): Promise<Response> {
    const response = await this.#world.fetch(new URL("login", this.#base), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ username, password }),
      signal: AbortSignal.timeout(20_000),
    });
    if (response.ok) {
      const pair = readPair(await response.clone().json());
      if (pair) {
        this.#stays = stays;
        this.#take(pair, "", true);
      }
    }
    return response;
  }

  signOut(): void {
    this.#forget("out");
    this.#world.channel?.postMessage({ type: "out" } satisfies Message);
  }

  /** Get a new access token, once for all who ask; null when the login is over. */
  refresh(): Promise<string | null> {
    this.#flight ??= this.#refreshOnce().finally(() => {
      this.#flight = null;
    });
    return this.#flight;
  }

  /** Let another tab tell what it has. */
  async #ask(): Promise<void> {
    const { channel, clock } = this.#world;
    if (!channel) return;
    this.#isAsking = true;
    channel.postMessage({ type: "ask" } satisfies Message);
    await new Promise<void>((done) => clock.set(done, ASKING));
    this.#isAsking = false;
  }

  async #refreshOnce(): Promise<string | null> {
    if (this.#isLate()) {
      await this.#ask();
      if (!this.#isLate()) return this.access;
    }
    this.#lookThere();
    const before = this.#refresh;
    if (!before) return null;
    if (await this.#otherTabDoes(before)) return this.access;
    try {
      const response = await this.#world.fetch(new URL("login/refresh", this.#base), {
        headers: { Authorization: `Bearer ${before}` },
        signal: AbortSignal.timeout(10_000),
      });
      if (response.status === 401 || response.status === 403) {
        this.#forget("expired");
        return null;
      }
      const pair = response.ok ? readPair(await response.json()) : null;
      if (!pair) return null;
      const isKnown = this.#refresh !== before && this.#replaced === before;
      if (!isKnown || pair.refresh > this.#refresh) this.#take(pair, before, true);
      return this.access;
    } catch {
      this.#schedule(5); // nobody answers; the login may well be good
      return null;
    } finally {
      this.#world.local?.removeItem(LOCK);
    }
  }

  #isLate(): boolean {
    return this.#world.clock.now() > this.#due + LATE;
  }

  /** What another tab left in the browser is newer, even if we didn't hear of it. */
  #lookThere(): void {
    const left = this.#stays ? this.#world.local?.getItem(KEY) : null;
    if (!left || left === this.#refresh) return;
    this.#refresh = left;
    this.#replaced = "";
  }

  /** Whether another tab refreshed the token while we wanted to. */
  async #otherTabDoes(before: string): Promise<boolean> {
    const { local, clock, wall } = this.#world;
    if (!local) return false;
    const until = Number(local.getItem(LOCK) ?? 0);
    if (wall() < until && until - wall() <= LOCK_SECONDS * 1000) {
      for (let turn = 0; turn < 20 && this.#refresh === before; turn++) {
        await new Promise<void>((done) => clock.set(done, 100));
      }
      if (this.#refresh !== before) return true;
    }
    local.setItem(LOCK, String(wall() + LOCK_SECONDS * 1000));
    return false;
  }

  #take(pair: Pair, replaces: string, tells: boolean): void {
    this.access = pair.access;
    this.#refresh = pair.refresh;
    this.#replaced = replaces;
    this.lastName = String(claims(pair.access)["sub"] ?? "");
    const { local, tab, wall } = this.#world;
    (this.#stays ? local : tab)?.setItem(KEY, pair.refresh);
    tab?.setItem(AT, String(wall()));
    (this.#stays ? tab : local)?.removeItem(KEY);
    this.#schedule(this.#lifeSeconds() * REFRESH_AT);
    if (tells) this.#tell(replaces);
    this.status.set("in");
  }

  #tell(replaces: string): void {
    const pair = { access: this.access, refresh: this.#refresh };
    this.#world.channel?.postMessage({ type: "tokens", pair, replaces, stays: this.#stays } satisfies Message);
  }

  #lifeSeconds(): number {
    const life = Number(claims(this.access)["exi"]); // relative: a wrong clock does no harm
    return Number.isFinite(life) && life > 0 ? life : 600;
  }

  #schedule(seconds: number): void {
    const { clock, random } = this.#world;
    clock.clear(this.#timer);
    const wait = seconds * 1000 * (0.9 + 0.1 * random()); // not all tabs at the same instant
    this.#due = clock.now() + wait;
    this.#timer = clock.set(() => void this.refresh(), wait);
  }

  #forget(status: Status): void {
    const { local, tab, clock } = this.#world;
    clock.clear(this.#timer);
    this.#due = Infinity;
    this.access = this.#refresh = this.#replaced = "";
    local?.removeItem(KEY);
    tab?.removeItem(KEY);
    tab?.removeItem(AT);
    this.status.set(status);
  }

  #hear(message: Message): void {
    if (message.type === "out") {
      if (this.isSignedIn) this.#forget("out");
    } else if (message.type === "ask") {
      if (this.isSignedIn && this.access) this.#tell("");
    } else if (this.#wants(message)) {
      this.#stays = message.stays;
      this.#take(message.pair, message.replaces, false);
    } else if (this.#isSibling(message) && message.pair.refresh < this.#refresh) {
      this.#tell(this.#replaced); // who came later didn't hear of ours
    }
  }

  #wants({ pair, replaces }: Extract<Message, { type: "tokens" }>): boolean {
    if (this.status.get() === "open") return false;
    if (!this.isSignedIn || this.#isAsking || replaces === this.#refresh) return true;
    // all tabs choose alike, and the other successor is never used
    return this.#isSibling({ replaces }) && pair.refresh > this.#refresh;
  }

  /** Both replaced the same token. */
  #isSibling({ replaces }: { replaces: string }): boolean {
    return replaces !== "" && replaces === this.#replaced;
  }
}

function surroundings(): Surroundings {
  return {
    fetch: (...given) => fetch(...given),
    clock: systemClock,
    wall: () => Date.now(),
    local: storage("localStorage"),
    tab: storage("sessionStorage"),
    channel: typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel(CHANNEL),
    random: Math.random,
  };
}

function storage(name: "localStorage" | "sessionStorage"): Storage | null {
  try {
    return window[name];
  } catch {
    return null; // forbidden by the browser: the login lasts as long as the page
  }
}

function readPair(body: unknown): Pair | null {
  if (typeof body !== "object" || body === null) return null;
  const { access_token: access, refresh_token: refresh } = body as Record<string, unknown>;
  return typeof access === "string" && typeof refresh === "string" ? { access, refresh } : null;
}

/** Read a token's claims, unchecked: only the daemon can check them. */
export function claims(token: string): Record<string, unknown> {
  try {
    const part = (token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
    const read: unknown = JSON.parse(atob(part));
    return typeof read === "object" && read !== null ? (read as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

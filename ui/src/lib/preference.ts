/** Preferences of this browser; where storage is forbidden they last as long as the page. */
import { Store } from "@/lib/store";

export class Preference<T extends string> extends Store<T> {
  readonly #key: string;

  constructor(name: string, fallback: T, allowed: readonly T[]) {
    const key = `dragonctl.${name}`;
    const stored = read(key);
    super(allowed.find((one) => one === stored) ?? fallback);
    this.#key = key;
  }

  override set(value: T): void {
    super.set(value);
    try {
      localStorage.setItem(this.#key, value);
    } catch {
      // private mode: the choice is for this page only
    }
  }
}

function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

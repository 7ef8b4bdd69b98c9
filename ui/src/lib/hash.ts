/** Hash routes: `#/path?query`. Both stay in the fragment, which no server or proxy ever sees. */
import { useSyncExternalStore } from "react";

function subscribe(listener: () => void): () => void {
  addEventListener("hashchange", listener);
  return () => removeEventListener("hashchange", listener);
}

function parts(): [string, string] {
  const [path = "", query = ""] = splitOnce(location.hash.replace(/^#/, ""), "?");
  return [path.startsWith("/") ? path : `/${path}`, query];
}

function splitOnce(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

/** May somebody leave this page? Asked before each navigation; null: yes. */
let guard: ((go: () => void) => boolean) | null = null;

export function setGuard(asks: typeof guard): void {
  guard = asks;
}

export function navigate(to: string, options: { replace?: boolean } = {}): void {
  const go = () => {
    const url = new URL(location.href);
    url.hash = to;
    if (url.href === location.href) return;
    if (options.replace) {
      history.replaceState(null, "", url);
      dispatchEvent(new HashChangeEvent("hashchange"));
    } else {
      location.hash = to;
    }
  };
  if (!guard || guard(go)) go();
}

/** For wouter's Router. */
export function useHash(): [string, (to: string, options?: { replace?: boolean }) => void] {
  return [useSyncExternalStore(subscribe, () => parts()[0]), navigate];
}

useHash.hrefs = (href: string) => `#${href}`;

export function useQueryText(): string {
  return useSyncExternalStore(subscribe, () => parts()[1]);
}

/** One value of the query, and how to change it without a new entry in the history. */
export function useQueryValue(name: string): [string, (value: string) => void] {
  const value = new URLSearchParams(useQueryText()).get(name) ?? "";
  const change = (next: string) => {
    const [path, query] = parts();
    const values = new URLSearchParams(query);
    if (next) values.set(name, next);
    else values.delete(name);
    const text = values.toString();
    navigate(text ? `${path}?${text}` : path, { replace: true });
  };
  return [value, change];
}

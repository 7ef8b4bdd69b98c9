/** useKeys(): keys for the whole page; never while somebody types, or a dialog is open. */
import { useEffect, useRef } from "react";

export type Keys = Record<string, (event: KeyboardEvent) => void>;
const PREFIX = "g";
const PREFIX_TIME = 1_000; // milliseconds

export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement && ["checkbox", "radio", "range", "button"].includes(target.type)) return false;
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

/** Keys by their name; "g l" is g, then l. */
export function useKeys(keys: Keys, isActive = true): void {
  const latest = useRef(keys);
  useEffect(() => {
    latest.current = keys;
  });
  useEffect(() => {
    if (!isActive) return;
    let prefixed = 0;
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
      const isSecond = event.timeStamp - prefixed < PREFIX_TIME && prefixed > 0;
      prefixed = event.key === PREFIX ? event.timeStamp : 0;
      const call = latest.current[isSecond ? `${PREFIX} ${event.key}` : event.key];
      if (!call) return;
      event.preventDefault();
      call(event);
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [isActive]);
}

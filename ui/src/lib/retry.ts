/** Retry-After, in seconds or as a date (RFC 9110 section 10.2.3). */

/** Seconds, at least 0; null: the answer names none. */
export function retryAfter({ headers }: Response, now = Date.now()): number | null {
  const text = headers.get("Retry-After")?.trim() ?? "";
  const seconds = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - now) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : null;
}

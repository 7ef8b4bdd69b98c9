/** Numbers, sizes and times as a person reads them, in the page's language. */

let locale: string | undefined = typeof navigator === "undefined" ? "en" : navigator.language;

export function setLocale(next: string): void {
  locale = next;
}

export const NOTHING = "–";

export function number(value: number | null | undefined, places = 0): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NOTHING;
  return value.toLocaleString(locale, { minimumFractionDigits: places, maximumFractionDigits: places });
}

export function withUnit(value: number | null | undefined, unit: string, places = 0): string {
  const text = number(value, places);
  return text === NOTHING ? text : `${text}\u00a0${unit}`;
}

export function percent(value: number | null | undefined, places = 0): string {
  return withUnit(value, "%", places);
}

const BYTES = ["B", "kB", "MB", "GB", "TB"];

export function bytes(value: number | null | undefined): string {
  if (!value) return NOTHING;
  let size = value;
  let step = 0;
  while (size >= 1000 && step < BYTES.length - 1) {
    size /= 1000;
    step++;
  }
  return withUnit(size, BYTES[step] ?? "", size < 10 && step > 0 ? 1 : 0);
}

const STEPS = [
  ["d", 86_400],
  ["h", 3_600],
  ["min", 60],
  ["s", 1],
] as const;

/** The two largest units of a duration in seconds. */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || seconds < 0 || !Number.isFinite(seconds)) return NOTHING;
  let rest = Math.floor(seconds);
  const parts: string[] = [];
  for (const [unit, size] of STEPS) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0 || (unit === "s" && parts.length === 0)) parts.push(`${number(count)}\u00a0${unit}`);
  }
  return parts.slice(0, 2).join(" ");
}

export function clockTime(unixSeconds: number): string {
  return new Date(unixSeconds * 1000).toLocaleTimeString(locale, { hour12: false });
}

export function dateTime(unixSeconds: number): string {
  return new Date(unixSeconds * 1000).toLocaleString(locale, { dateStyle: "medium", timeStyle: "medium" });
}

/** Words for a count: "1 viewer", "2 viewers". */
export const plural = (one: string, many: string) => (n: number) => `${number(n)} ${n === 1 ? one : many}`;

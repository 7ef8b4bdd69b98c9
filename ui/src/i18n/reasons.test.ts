/** The daemon's reasons in German: as many as docs/reference/reasons.md lists, read from there. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { de } from "@/i18n/de";
import { WORDS } from "@/i18n/de/reasons";
import { en } from "@/i18n/en";

const PAGE = readFileSync("../docs/reference/reasons.md", "utf8");
const SHOWN = ["Why a track is copied, encoded or left out", "Why a request was refused", "What alarms the daemon"];
/** What the daemon's log, Prometheus and the command line say; the page shows none of it in words. */
const ELSEWHERE = ["Why a viewer ended", "Why `whep-test` is not content", "Counters"];

const parts = PAGE.split(/^## /m).slice(1).map((part): [string, string] => [part.slice(0, part.indexOf("\n")), part]);

/** The words of a section's tables, and of the sentence about errors without a word of their own. */
function words(part: string): string[] {
  const cells = part.split("\n").flatMap((line) => /^\| (`[^|]+`) \|/.exec(line)?.[1] ?? []);
  const [, rest = ""] = /has that of its status: ([^.]+)\./.exec(part) ?? [];
  return [...cells, rest].flatMap((text) => [...text.matchAll(/`([^`]+)`/g)].map(([, word = ""]) => word));
}

const listed = parts.filter(([title]) => SHOWN.includes(title)).flatMap(([, part]) => words(part));

describe("the daemon's reasons", () => {
  it("are all in German, and no others", () => {
    expect(parts.map(([title]) => title).sort()).toEqual([...SHOWN, ...ELSEWHERE].sort());
    expect(listed.length).toBeGreaterThan(100);
    expect(Object.keys(WORDS).sort()).toEqual([...new Set(listed)].sort());
  });

  it("come with the daemon's own words where these say more", () => {
    expect(de.said("b-frames", "the stream has B-frames")).toBe(WORDS["b-frames"]);
    expect(de.said("webrtc-off", "WebRTC is off: no port")).toBe("WebRTC ist für den ganzen Daemon aus: WebRTC is off: no port");
    expect(de.said("a-newer-word", "something new")).toBe("something new");
    expect(de.said("constructor", "no word at all")).toBe("no word at all");
    expect(en.said("b-frames", "the stream has B-frames")).toBe("the stream has B-frames");
  });

  it("of alarms say what to do, in each language", () => {
    const alarms = words(parts.find(([title]) => title === "What alarms the daemon")?.[1] ?? "");
    expect(alarms).toContain("disk-full");
    for (const { alarm } of [en, de]) expect(Object.keys(alarm.todo).sort()).toEqual([...alarms].sort());
  });
});

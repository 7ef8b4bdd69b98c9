/** The small things of lib/: words, masks, states, formats, copying. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { copyText } from "@/lib/copy";
import { bytes, duration, setLocale } from "@/lib/format";
import { mask } from "@/lib/mask";
import { buildOf, isOtherBuild } from "@/lib/page";
import { isOn, isTrouble, stateWord } from "@/lib/process";
import { changes } from "@/lib/diff";
import { retryAfter } from "@/lib/retry";
import { QuoteError, parseWords, writeWords } from "@/lib/words";

describe("words", () => {
  it.each([
    ["-rtsp_transport tcp", ["-rtsp_transport", "tcp"]],
    ["  -vf   'scale=640:360, fps=25' ", ["-vf", "scale=640:360, fps=25"]],
    ['-metadata title="it\'s"', ["-metadata", "title=it's"]],
    ["a\\ b ''", ["a b", ""]],
    ['"a \\"b\\" \\\\ \\n"', ['a "b" \\ \\n']],
    ["", []],
  ])("%s", (line, words) => {
    expect(parseWords(line)).toEqual(words);
    expect(parseWords(writeWords(words))).toEqual(words);
  });

  it("come back from whatever FFmpeg may be told", () => {
    const odd = ["a'b\"c", "\\", "$HOME", "x\ty", "drawtext=text='a\\:b'", "ünï", ""];
    expect(parseWords(writeWords(odd))).toEqual(odd);
  });

  it("tell where a quote begins that never ends", () => {
    expect(() => parseWords("-vf 'scale")).toThrow(QuoteError);
    expect(() => parseWords("-vf 'scale")).toThrow(/character 5/);
  });
});

describe("changes", () => {
  it.each([
    ["a\nb\nc", "a\nb\nc", []],
    ["a\nb\nc", "a\nx\nc", ["same a", "gone b", "new x"]],
    ["a\nb\nc\nd", "b\nc\nd\ne", ["gone a", "same d", "new e"]],
    ["", "a", ["gone ", "new a"]],
  ])("of %j to %j", (before, after, found) => {
    expect(changes(before, after).map(({ kind, line }) => `${kind} ${line}`)).toEqual(found);
  });
});

describe("mask", () => {
  it.each([
    ["rtsp://admin:pass@cam/1", "rtsp://•••@cam/1"],
    ["https://x/live?token=abc&x=1", "https://x/live?token=•••&x=1"],
    ["srt://h:1?passphrase=long+one", "srt://h:1?passphrase=•••"],
    ["rtmp://a.example/app/streamkey", "rtmp://a.example/app/•••"],
    ["Authorization: Bearer abc.def", "Authorization: Bearer •••"],
    ["a=ice-pwd:abcd", "a=ice-pwd:•••"],
    ["typ host generation 0 ufrag abcd network-cost 999", "typ host generation 0 ufrag ••• network-cost 999"],
    ["plain text, http://x/y?z=1", "plain text, http://x/y?z=1"],
  ])("%s", (text, masked) => expect(mask(text)).toBe(masked));
});

describe("state words", () => {
  const state = (order: string, exec: string, more = {}) => ({ order, exec, runtime_seconds: 60, reconnect_seconds: -1, ...more });
  it.each([
    ["start", "running", {}, "running"],
    ["start", "running", { progress: { speed: 0.9, frame: 1 } }, "slow"],
    ["start", "running", { runtime_seconds: 3, progress: { speed: 0.5, frame: 1 } }, "running"],
    ["start", "running", { progress: { speed: 0, frame: 0 } }, "running"],
    ["start", "starting", {}, "starting"],
    ["stop", "finishing", {}, "stopping"],
    ["start", "failed", {}, "failed"],
    ["start", "killed", {}, "failed"],
    ["start", "failed", { reconnect_seconds: 4 }, "retrying"],
    ["start", "finished", {}, "finished"],
    ["start", "finished", { reconnect_seconds: 0 }, "retrying"],
    ["stop", "failed", {}, "stopped"],
    ["stop", "finished", {}, "stopped"],
    ["start", "a word of tomorrow", {}, "unknown"],
  ])("%s, %s, %o: %s", (order, exec, more, word) => expect(stateWord(state(order, exec, more))).toBe(word));

  it("say what is on, and what the log explains", () => {
    expect(isOn(state("start", "failed", { reconnect_seconds: 3 }))).toBe(true);
    expect(isOn(state("start", "failed"))).toBe(false);
    expect(isOn(state("stop", "running"))).toBe(false);
    expect(isTrouble(state("start", "killed"))).toBe(true);
    expect(isTrouble(state("stop", "failed"))).toBe(false);
  });
});

describe("formats", () => {
  it("have two units at most, and no number where there is none", () => {
    setLocale("en");
    expect(duration(3 * 86_400 + 4 * 3_600 + 59).replaceAll("\u00a0", " ")).toBe("3 d 4 h");
    expect(duration(0).replaceAll("\u00a0", " ")).toBe("0 s");
    expect(duration(-1)).toBe("–");
    expect(bytes(1_530_000).replaceAll("\u00a0", " ")).toBe("1.5 MB");
    expect(bytes(0)).toBe("–");
  });
});

describe("copyText", () => {
  afterEach(() => vi.unstubAllGlobals());

  it("uses the clipboard where there is one", async () => {
    const writeText = vi.fn(() => Promise.resolve());
    vi.stubGlobal("navigator", { clipboard: { writeText } });
    expect(await copyText("x")).toBe(true);
    expect(writeText).toHaveBeenCalledWith("x");
  });

  it("takes the old way on a plain-HTTP page, gives focus back, and leaves nothing behind", async () => {
    vi.stubGlobal("navigator", {});
    document.body.innerHTML = "<button>b</button>";
    document.querySelector("button")?.focus();
    let selected = "";
    document.execCommand = () => {
      const area = document.querySelector("textarea");
      selected = area?.value ?? "";
      return true;
    };
    expect(await copyText("secret-free")).toBe(true);
    expect(selected).toBe("secret-free");
    expect(document.querySelector("textarea")).toBeNull();
    expect(document.activeElement?.tagName).toBe("BUTTON");
  });

  it("says so when nothing works", async () => {
    vi.stubGlobal("navigator", { clipboard: { writeText: () => Promise.reject(new Error("no")) } });
    document.execCommand = () => false;
    expect(await copyText("x")).toBe(false);
  });
});

describe("Retry-After", () => {
  const at = Date.parse("2026-01-01T00:00:00Z");
  it.each([
    ["120", 120],
    ["Thu, 01 Jan 2026 00:01:30 GMT", 90],
    ["Wed, 31 Dec 2025 00:00:00 GMT", 0],
    ["soon", null],
    ["", null],
  ])("of %j is %s seconds", (text, seconds) => {
    expect(retryAfter(new Response("", { headers: { "Retry-After": text } }), at)).toBe(seconds);
  });
});

describe("a build of the page", () => {
  const html = '<script type="module" crossorigin src="./assets/index-C0ffee_1.js"></script>';
  it("is known by its first script", () => {
    expect(isOtherBuild(html, "./assets/index-C0ffee_1.js")).toBe(false);
    expect(isOtherBuild(html, "./assets/index-0ther-00.js")).toBe(true);
    expect(isOtherBuild("<h1>UI not built</h1>", "./assets/index-C0ffee_1.js")).toBe(false);
    expect(isOtherBuild(html, "")).toBe(false);
  });

  it("has a hash for a person", () => {
    expect(buildOf("./assets/index-C0ffee_1.js")).toBe("C0ffee_1");
    expect(buildOf("/src/main.tsx")).toBe("–");
  });
});

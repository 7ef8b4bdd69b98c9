/** Stereo and kinds, on the offers that browsers really make (tests/data/offers). */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { codecsOf, kindsOf, withStereo } from "@/whep/sdp";

const read = (name: string) => readFileSync(`../tests/data/offers/${name}.sdp`, "utf8");

describe("withStereo", () => {
  it.each(["chromium-156", "safari-like", "firefox-153"])("asks for stereo once in the offer of %s", (name) => {
    const offer = read(name);
    const changed = withStereo(offer);
    const opus = /a=rtpmap:(\d+) opus/i.exec(offer)?.[1] ?? "";
    const line = changed.split(/\r?\n/).find((one) => one.startsWith(`a=fmtp:${opus} `));
    expect(line?.match(/stereo=1/g)).toHaveLength(1);
    expect(withStereo(changed)).toBe(changed);
    const others = (text: string) => text.split(/\r?\n/).filter((one) => !one.startsWith(`a=fmtp:${opus} `));
    expect(others(changed)).toEqual(others(offer));
  });

  it("leaves an offer without Opus alone", () => {
    expect(withStereo("m=audio 9 X 0\r\na=rtpmap:0 PCMU/8000\r\n")).toBe("m=audio 9 X 0\r\na=rtpmap:0 PCMU/8000\r\n");
  });

  it("doesn't take sprop-stereo for the wish to get it", () => {
    expect(withStereo("a=rtpmap:111 opus/48000/2\r\na=fmtp:111 sprop-stereo=1\r\n")).toContain("sprop-stereo=1;stereo=1");
  });
});

describe("codecsOf", () => {
  it("lists what a browser can decode, without helpers", () => {
    expect(codecsOf(read("chromium-156"), "video")).toEqual(["VP8", "VP9", "H264", "AV1"]);
    expect(codecsOf(read("firefox-153"), "video")).toEqual(["VP8", "VP9", "AV1"]);
    expect(codecsOf("", "video")).toEqual([]);
  });
});

describe("kindsOf", () => {
  it("knows what flows from what was rejected", () => {
    expect([...kindsOf("m=video 0 X 1\r\nm=audio 9 X 2\r\na=sendonly\r\n")]).toEqual(["audio"]);
    expect([...kindsOf("m=video 9 X 1\r\na=sendonly\r\nm=audio 9 X 2\r\na=inactive\r\n")]).toEqual(["video"]);
  });
});

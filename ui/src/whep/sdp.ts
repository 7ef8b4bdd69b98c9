/** What we read and change in session descriptions: stereo (RFC 7587), and which media flow. */

/** Ask for stereo sound: without it browsers mix Opus down to mono. Leaves other lines alone. */
export function withStereo(sdp: string): string {
  const opus = new Set([...sdp.matchAll(/^a=rtpmap:(\d+) opus\/48000/gim)].map((found) => found[1]));
  return sdp.replace(/^a=fmtp:(\d+) ([^\r\n]*)/gm, (line, type: string, parameters: string) => {
    if (!opus.has(type) || /(^|;)\s*stereo=/.test(parameters)) return line;
    return `a=fmtp:${type} ${parameters};stereo=1`;
  });
}

/** The kinds of media that an answer really sends. */
export function kindsOf(answer: string): Set<string> {
  const kinds = new Set<string>();
  for (const section of answer.split(/^(?=m=)/m)) {
    const found = /^m=(\w+) (\d+)/.exec(section);
    if (found?.[1] && found[2] !== "0" && !/^a=(inactive|recvonly)\r?$/m.test(section)) kinds.add(found[1]);
  }
  return kinds;
}

/** Codecs of one kind that an offer has, such as "H264"; without helpers like rtx. */
export function codecsOf(offer: string, kind: string): string[] {
  const section = offer.split(/^(?=m=)/m).find((one) => one.startsWith(`m=${kind} `)) ?? "";
  const names = [...section.matchAll(/^a=rtpmap:\d+ ([^/\s]+)\//gm)].map((found) => found[1] ?? "");
  const helpers = /^(rtx|red|ulpfec|flexfec-03|CN|telephone-event)$/;
  return [...new Set(names)].filter((name) => !helpers.test(name));
}

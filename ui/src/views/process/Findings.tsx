/** Findings: what of the source reaches viewers and why; and whether black or silence comes from it. */
import { type RefObject, useEffect, useState } from "react";
import type { TrackPlan, WhepStatus } from "@/api/types";
import { type Dict, useText } from "@/i18n";
import type { Sample } from "@/whep/stats";
import type { Whep } from "@/whep/useWHEP";

const LOOK = 2_000; // milliseconds between looks at the picture
const LOOKS = 2; // black ones in a row that count: one may be a cut
const DARK = 24; // of 255; black is 0, or 16 where a player doesn't stretch the range
const WIDTH = 16;
const HEIGHT = 9;
const SILENCE = 0.001; // of full scale, -60 dB
const SILENT_SAMPLES = 5; // seconds
/** What a POST would be refused with in that state. */
const WAITS: Readonly<Record<string, string>> = { failed: "no-legs", waiting: "no-media" };
const NO_NEWS = new Set(["compatible", "parameter-sets"]);

export function Findings({ whep, status }: { whep: Whep; status: WhepStatus | null }) {
  const t = useText();
  const isLive = whep.state.name === "live";
  const isBlack = useBlack(whep.videoRef, isLive);
  const isSilent = useSilence(whep.videoRef, whep.samples, isLive);
  const found = [
    isBlack && t.finding.black,
    isSilent && t.finding.silent,
    status && statusLine(status, t),
    ...(status?.plan ?? []).filter(isNews).map((track) => trackLine(track, t)),
  ].filter((one): one is string => Boolean(one));
  return (
    <div role="status" aria-label={t.finding.title}>
      {found.length > 0 && (
        <ul className="findings">
          {found.map((one) => (
            <li key={one}>{one}</li>
          ))}
        </ul>
      )}
    </div>
  );
}

/** Why nothing comes, or less than could; "": all is well. */
export function statusLine({ state, reason }: WhepStatus, t: Dict): string {
  return reason && t.said(WAITS[state] ?? "", reason);
}

/** "Video hevc: encoded, hevc isn't for browsers". */
export function trackLine({ kind, codec, action, reasons }: TrackPlan, t: Dict): string {
  const why = reasons.filter(({ code }) => !NO_NEWS.has(code)).map(({ code, text }) => t.said(code, text));
  const name = [t.finding.kinds[kind] ?? kind, codec].filter(Boolean).join(" ");
  return `${name}: ${[t.process.actions[action] ?? action, ...why].join(", ")}`;
}

function isNews({ action, reasons }: TrackPlan): boolean {
  return action !== "copy" || reasons.some(({ code }) => !NO_NEWS.has(code));
}

export function isSilence({ audioCodec, audioLevel }: Sample): boolean {
  return audioCodec !== "" && audioLevel !== null && audioLevel < SILENCE;
}

/** Whether the sound has been silent for some seconds. Nobody knows while it is muted: Chromium measures behind that. */
function useSilence(video: RefObject<HTMLVideoElement | null>, samples: readonly Sample[], isLive: boolean): boolean {
  const [count, setCount] = useState(0);
  useEffect(() => {
    const latest = samples.at(-1);
    const isHeard = isLive && video.current !== null && !video.current.muted && video.current.volume > 0;
    setCount((before) => (isHeard && latest && isSilence(latest) ? before + 1 : 0));
  }, [video, samples, isLive]);
  return count >= SILENT_SAMPLES;
}

/** Whether the picture has been black for some seconds. */
function useBlack(video: RefObject<HTMLVideoElement | null>, isLive: boolean): boolean {
  const [looks, setLooks] = useState(0);
  useEffect(() => {
    if (!isLive) return;
    const canvas = document.createElement("canvas");
    canvas.width = WIDTH;
    canvas.height = HEIGHT;
    const pencil = canvas.getContext("2d", { willReadFrequently: true });
    const timer = setInterval(() => {
      if (!pencil || !video.current?.videoWidth || document.visibilityState !== "visible") return;
      pencil.drawImage(video.current, 0, 0, WIDTH, HEIGHT);
      const isDark = isBlackPicture(pencil.getImageData(0, 0, WIDTH, HEIGHT).data);
      setLooks((before) => (isDark ? before + 1 : 0));
    }, LOOK);
    return () => {
      clearInterval(timer);
      setLooks(0);
    };
  }, [video, isLive]);
  return looks >= LOOKS;
}

/** `pixels`: red, green, blue, alpha of each. */
export function isBlackPicture(pixels: Uint8ClampedArray): boolean {
  return pixels.every((value, at) => at % 4 === 3 || value < DARK);
}

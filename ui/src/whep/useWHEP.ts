/** useWHEP(): a WhepSession for a video element, with the page's life around it. */
import { type RefObject, useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { systemClock } from "@/lib/clock";
import type { Diagnostics } from "@/whep/diagnostics";
import type { Cause } from "@/whep/failure";
import { WhepSession } from "@/whep/session";
import type { State, Tokens } from "@/whep/state";
import type { Sample } from "@/whep/stats";

export interface WhepInput {
  url: string;
  tokens: Tokens;
  /** null: go on. Else the status says why trying is no use. */
  obstacle: Cause | null;
  latency: number; // milliseconds
  isSourceSilent?: boolean;
  keepsPlaying?: boolean;
  retriesNotLive?: boolean;
  isEnabled?: boolean;
}

export interface Whep {
  state: State;
  samples: readonly Sample[];
  videoRef: RefObject<HTMLVideoElement | null>;
  /** The last frame of a connection that is gone; shown until the next picture. */
  stillRef: RefObject<HTMLCanvasElement | null>;
  retry(): void;
  stop(): void;
  /** For a bug report. */
  diagnostics(): Diagnostics | null;
}

export function useWHEP(input: WhepInput): Whep {
  const videoRef = useRef<HTMLVideoElement>(null);
  const stillRef = useRef<HTMLCanvasElement>(null);
  const latest = useRef(input);
  useEffect(() => {
    latest.current = input;
  });
  const [session, setSession] = useState<WhepSession | null>(null);

  useEffect(() => {
    const made = makeSession(latest, videoRef, stillRef);
    setSession(made);
    return () => made.close();
  }, [input.url, input.tokens]);

  useObstacle(session, input.obstacle, input.isEnabled ?? true);
  usePageLife(session);
  useFrames(session, videoRef);
  useEffect(() => session?.setLatency(input.latency), [session, input.latency]);

  const state = useSyncExternalStore(session?.state.subscribe ?? nothing, () => session?.state.get() ?? IDLE);
  const samples = useSyncExternalStore(session?.samples.subscribe ?? nothing, () => session?.samples.get() ?? NO_SAMPLES);
  const retry = useCallback(() => session?.retry(), [session]);
  const stop = useCallback(() => session?.stop(), [session]);
  const diagnostics = useCallback(() => session?.diagnostics() ?? null, [session]);
  return useMemo(
    () => ({ state, samples, videoRef, stillRef, retry, stop, diagnostics }),
    [state, samples, retry, stop, diagnostics],
  );
}

const IDLE: State = { name: "idle" };
const NO_SAMPLES: readonly Sample[] = [];
const nothing = () => () => undefined;

function makeSession(
  latest: RefObject<WhepInput>,
  videoRef: RefObject<HTMLVideoElement | null>,
  stillRef: RefObject<HTMLCanvasElement | null>,
): WhepSession {
  const options = {
    url: latest.current.url,
    tokens: latest.current.tokens,
    latency: latest.current.latency,
    onStream: (stream: MediaStream | null) => {
      if (videoRef.current) videoRef.current.srcObject = stream;
    },
    onTeardown: () => keepFrame(videoRef.current, stillRef.current),
    keepsPlaying: () => {
      const video = videoRef.current;
      const isInPicture = video !== null && document.pictureInPictureElement === video;
      return isInPicture || video?.muted === false || (latest.current.keepsPlaying ?? false);
    },
    isSourceSilent: () => latest.current.isSourceSilent ?? false,
    retriesNotLive: latest.current.retriesNotLive ?? false,
  };
  const Peer = (globalThis as { RTCPeerConnection?: typeof RTCPeerConnection }).RTCPeerConnection;
  const fetcher: typeof fetch = (...given) => fetch(...given);
  return new WhepSession(options, { fetch: fetcher, RTCPeerConnection: Peer, clock: systemClock, random: Math.random });
}

/** A closed connection turns its video black: keep what was seen. */
function keepFrame(video: HTMLVideoElement | null, still: HTMLCanvasElement | null): void {
  if (!video || !still || !video.videoWidth) return;
  still.width = video.videoWidth;
  still.height = video.videoHeight;
  still.getContext("2d")?.drawImage(video, 0, 0);
  still.dataset["has"] = "picture";
}

function useObstacle(session: WhepSession | null, obstacle: Cause | null, isEnabled: boolean): void {
  const word = obstacle?.word ?? null;
  const given = useRef(obstacle);
  useEffect(() => {
    given.current = obstacle;
  });
  useEffect(() => {
    if (!session || !isEnabled) return session?.stop("hidden");
    if (word !== null && given.current) return session.block(given.current);
    session.setVisible(document.visibilityState === "visible");
    session.start();
  }, [session, word, isEnabled]);
}

function usePageLife(session: WhepSession | null): void {
  useEffect(() => {
    if (!session) return;
    const onVisibility = () => session.setVisible(document.visibilityState === "visible");
    const onOnline = () => session.setOnline(true);
    const onOffline = () => session.setOnline(false);
    const onHide = () => session.stop("hidden"); // synchronous, so that the DELETE still leaves
    const onShow = (event: PageTransitionEvent) => {
      if (event.persisted) session.retry();
    };
    document.addEventListener("visibilitychange", onVisibility);
    addEventListener("online", onOnline);
    addEventListener("offline", onOffline);
    addEventListener("pagehide", onHide);
    addEventListener("pageshow", onShow);
    return () => {
      document.removeEventListener("visibilitychange", onVisibility);
      removeEventListener("online", onOnline);
      removeEventListener("offline", onOffline);
      removeEventListener("pagehide", onHide);
      removeEventListener("pageshow", onShow);
    };
  }, [session]);
}

/** Tell the session of each frame that is really shown. */
function useFrames(session: WhepSession | null, videoRef: RefObject<HTMLVideoElement | null>): void {
  useEffect(() => {
    const video = videoRef.current;
    if (!session || !video || !("requestVideoFrameCallback" in video)) return;
    let handle = 0;
    const onFrame = () => {
      session.frame();
      handle = video.requestVideoFrameCallback(onFrame);
    };
    handle = video.requestVideoFrameCallback(onFrame);
    return () => video.cancelVideoFrameCallback(handle);
  }, [session, videoRef]);
}

/** useControls(): what the buttons and keys of a player do to its video element. */
import { type RefObject, useCallback, useEffect, useState } from "react";
import { saveFile } from "@/lib/copy";
import { sound } from "@/views/player/preference";

export interface Controls {
  isMuted: boolean;
  volume: number;
  isFull: boolean;
  isInPicture: boolean;
  canPip: boolean;
  toggleMute(): void;
  setVolume(volume: number): void;
  toggleFull(): void;
  togglePip(): void;
  snapshot(): void;
}

interface OldVideo extends HTMLVideoElement {
  webkitEnterFullscreen?: () => void;
}

export function useControls(name: string, video: RefObject<HTMLVideoElement | null>, frame: RefObject<HTMLElement | null>): Controls {
  const [isMuted, setMuted] = useState(true);
  const [volume, setVolumeState] = useState(1);
  const modes = useModes(video, frame);

  const mute = useCallback(
    (next: boolean) => {
      if (video.current) video.current.muted = next;
      setMuted(next);
      sound.set(next ? "unwanted" : "wanted");
    },
    [video],
  );
  const toggleMute = () => mute(!isMuted);
  const setVolume = (next: number) => {
    const bounded = Math.min(1, Math.max(0, next));
    if (video.current) video.current.volume = bounded;
    setVolumeState(bounded);
    mute(bounded === 0);
  };
  const toggleFull = () => {
    if (document.fullscreenElement) return void document.exitFullscreen();
    if (frame.current?.requestFullscreen) frame.current.requestFullscreen().catch(() => undefined);
    else (video.current as OldVideo | null)?.webkitEnterFullscreen?.();
  };
  const togglePip = () => {
    if (document.pictureInPictureElement) return void document.exitPictureInPicture();
    video.current?.requestPictureInPicture().catch(() => undefined); // no picture yet, or forbidden
  };
  const snapshot = () => saveFrame(name, video.current);
  const canPip = typeof document !== "undefined" && document.pictureInPictureEnabled;
  return { isMuted, volume, ...modes, canPip, toggleMute, setVolume, toggleFull, togglePip, snapshot };
}

function useModes(video: RefObject<HTMLVideoElement | null>, frame: RefObject<HTMLElement | null>) {
  const [isFull, setFull] = useState(false);
  const [isInPicture, setInPicture] = useState(false);
  useEffect(() => {
    const { current } = video;
    const onFull = () => setFull(document.fullscreenElement !== null && document.fullscreenElement === frame.current);
    const onPip = () => setInPicture(document.pictureInPictureElement === current);
    document.addEventListener("fullscreenchange", onFull);
    current?.addEventListener("enterpictureinpicture", onPip);
    current?.addEventListener("leavepictureinpicture", onPip);
    return () => {
      document.removeEventListener("fullscreenchange", onFull);
      current?.removeEventListener("enterpictureinpicture", onPip);
      current?.removeEventListener("leavepictureinpicture", onPip);
    };
  }, [video, frame]);
  return { isFull, isInPicture };
}

function saveFrame(name: string, video: HTMLVideoElement | null): void {
  if (!video?.videoWidth) return;
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d")?.drawImage(video, 0, 0);
  const time = new Date().toISOString().slice(0, 19).replaceAll(":", "");
  canvas.toBlob((blob) => blob && saveFile(`${name}-${time}.png`, blob), "image/png");
}

/** VideoPlayer: a picture that says how it is, and the controls below it. */
import { type KeyboardEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { useText } from "@/i18n";
import { Button } from "@/kit/Button";
import { number, withUnit } from "@/lib/format";
import { isTyping } from "@/views/keys";
import { ControlBar } from "@/views/player/ControlBar";
import { Overlay } from "@/views/player/Overlay";
import { sound } from "@/views/player/preference";
import { type Controls, useControls } from "@/views/player/useControls";
import type { Whep } from "@/whep/useWHEP";

const IDLE = 3_000; // milliseconds until the controls hide

interface PlayerProps {
  id: string;
  whep: Whep;
  /** Width to height, kept free before the first picture. */
  ratio?: number;
  viewers?: number | undefined;
  onStats?: (() => void) | undefined;
  /** Few controls: for an iframe. */
  isBare?: boolean;
  /** What else helps when there is no picture. */
  help?: ReactNode;
}

export function VideoPlayer({ id, whep, ratio = 16 / 9, viewers, onStats, isBare = false, help }: PlayerProps) {
  const t = useText();
  const frame = useRef<HTMLDivElement>(null);
  const controls = useControls(id, whep.videoRef, frame);
  const [isIdle, wake] = useIdle();
  const { state } = whep;
  const isAudioOnly = state.name === "live" && state.isAudioOnly;
  const hasStill = state.name !== "live";
  const names = ["player", state.name === "live" && isIdle && "is-idle", hasStill && "is-dimmed", isAudioOnly && "is-audio"];
  const toggle = () => (isPaused(whep) ? whep.retry() : whep.stop());
  const onKey = (event: KeyboardEvent) => {
    wake();
    playerKey(event, { toggle, controls, retry: whep.retry, stats: onStats });
  };
  return (
    <div
      ref={frame}
      className={names.filter(Boolean).join(" ")}
      style={{ aspectRatio: String(ratio) }}
      data-state={state.name}
      role="group"
      aria-label={t.player.label(id)}
      tabIndex={0}
      onKeyDown={onKey}
      onPointerMove={wake}
      onFocus={wake}
      onDoubleClick={controls.toggleFull}
    >
      <video ref={whep.videoRef} autoPlay muted playsInline disableRemotePlayback tabIndex={-1} aria-label={t.player.label(id)} />
      <canvas ref={whep.stillRef} className="still" hidden={!hasStill} aria-hidden="true" />
      {isAudioOnly && <Level whep={whep} />}
      <Chip whep={whep} viewers={viewers} />
      <Overlay whep={whep} help={help} isBare={isBare} />
      {state.name === "live" && controls.isMuted && sound.get() === "new" && (
        <Button className="unmute" icon="muted" onClick={controls.toggleMute}>
          {t.player.tapToUnmute}
        </Button>
      )}
      <ControlBar whep={whep} controls={controls} isPaused={isPaused(whep)} onToggle={toggle} onStats={onStats} isBare={isBare} />
    </div>
  );
}

export function isPaused(whep: Whep): boolean {
  return whep.state.name === "paused" || whep.state.name === "idle";
}

/** What state the picture is in: opaque, so that it can be read over any picture. */
function Chip({ whep, viewers }: { whep: Whep; viewers?: number | undefined }) {
  const t = useText();
  const { state, samples } = whep;
  const latest = samples.at(-1);
  const words: Record<string, string> = { live: t.player.liveChip, unstable: t.player.frozenChip, paused: t.player.pausedChip };
  const latency = state.name === "live" ? latest?.latencyMs : null;
  return (
    <div className="chips">
      <span className={`chip chip-${state.name}`} data-testid="chip">
        {words[state.name] ?? t.player.offChip}
        {latency !== null && latency !== undefined && ` ${latest?.grade === "estimated" ? "≈ " : ""}${withUnit(latency, "ms")}`}
      </span>
      {/* the count may be of before this player came */}
      {viewers !== undefined && state.name === "live" && <span className="chip">{t.player.watching(Math.max(1, viewers))}</span>}
    </div>
  );
}

function Level({ whep }: { whep: Whep }) {
  const t = useText();
  const level = whep.samples.at(-1)?.audioLevel ?? 0;
  return (
    <div className="audio-tile">
      <p>{t.player.sound}</p>
      <meter min={0} max={1} value={Math.sqrt(level)} aria-label={t.stats.level}>
        {number(level, 2)}
      </meter>
    </div>
  );
}

function useIdle(): [boolean, () => void] {
  const [isIdle, setIdle] = useState(false);
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const timer = setTimeout(() => setIdle(true), IDLE);
    return () => clearTimeout(timer);
  }, [turn]);
  const wake = () => {
    setIdle(false);
    setTurn((before) => before + 1);
  };
  return [isIdle, wake];
}

interface KeyTargets {
  toggle: () => void;
  controls: Controls;
  retry: () => void;
  stats: (() => void) | undefined;
}

function playerKey(event: KeyboardEvent, { toggle, controls, retry, stats }: KeyTargets): void {
  const isOnButton = event.target instanceof HTMLButtonElement && (event.key === " " || event.key === "Enter");
  const isOnInput = isTyping(event.target) || event.target instanceof HTMLInputElement;
  if (isOnButton || isOnInput || event.ctrlKey || event.metaKey || event.altKey) return;
  const calls: Record<string, (() => void) | undefined> = {
    " ": toggle,
    k: toggle,
    m: controls.toggleMute,
    ArrowUp: () => controls.setVolume(controls.volume + 0.1),
    ArrowDown: () => controls.setVolume(controls.volume - 0.1),
    f: controls.toggleFull,
    p: controls.togglePip,
    s: stats,
    r: retry,
  };
  const call = calls[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!call) return;
  event.preventDefault();
  event.stopPropagation();
  call();
}


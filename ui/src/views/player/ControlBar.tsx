/** ControlBar: play, sound, latency, picture in picture, full screen, figures, snapshot. */
import { useSyncExternalStore } from "react";
import { useText } from "@/i18n";
import { IconButton } from "@/kit/Button";
import { LATENCIES, type Latency, latency } from "@/views/player/preference";
import type { Controls } from "@/views/player/useControls";
import type { Whep } from "@/whep/useWHEP";

interface BarProps {
  whep: Whep;
  controls: Controls;
  isPaused: boolean;
  onToggle: () => void;
  onStats?: (() => void) | undefined;
  isBare: boolean;
}

export function ControlBar({ whep, controls, isPaused, onToggle, onStats, isBare }: BarProps) {
  const t = useText();
  const { player } = t;
  return (
    <div className="controls" role="group" aria-label={player.controls}>
      <IconButton icon={isPaused ? "play" : "pause"} label={isPaused ? player.play : player.pause} onClick={onToggle} />
      <IconButton
        icon={controls.isMuted ? "muted" : "sound"}
        label={controls.isMuted ? player.unmute : player.mute}
        onClick={controls.toggleMute}
      />
      <input
        type="range"
        className="volume"
        aria-label={player.volume}
        min={0}
        max={1}
        step={0.05}
        value={controls.isMuted ? 0 : controls.volume}
        onChange={(event) => controls.setVolume(event.target.valueAsNumber)}
      />
      <span className="spacer" />
      {!isBare && <LatencyChoice />}
      {!isBare && <IconButton icon="camera" label={player.snapshot} disabled={whep.state.name !== "live"} onClick={controls.snapshot} />}
      {onStats && <IconButton icon="stats" label={player.stats} onClick={onStats} />}
      {controls.canPip && <IconButton icon="pip" label={player.pip} aria-pressed={controls.isInPicture} onClick={controls.togglePip} />}
      <IconButton
        icon="fullscreen"
        label={controls.isFull ? player.leaveFullscreen : player.fullscreen}
        onClick={controls.toggleFull}
      />
    </div>
  );
}

function LatencyChoice() {
  const t = useText();
  const chosen = useSyncExternalStore(latency.subscribe, latency.get);
  return (
    <select
      className="latency"
      aria-label={t.player.latency}
      value={chosen}
      onChange={(event) => latency.set(event.target.value as Latency)}
    >
      {LATENCIES.map((one) => (
        <option key={one} value={one}>
          {t.player.latencies[one]}
        </option>
      ))}
    </select>
  );
}

/** Wall: all live processes as muted tiles; those on the screen play, one can be enlarged. */
import { useEffect, useRef, useState } from "react";
import { Link } from "wouter";
import { processPath } from "@/api/client";
import { useApi, useProcesses } from "@/api/queries";
import type { Process } from "@/api/types";
import { useText } from "@/i18n";
import { Button } from "@/kit/Button";
import { EmptyState } from "@/kit/EmptyState";
import { navigate } from "@/lib/hash";
import { isOn } from "@/lib/process";
import { Poster } from "@/views/Poster";
import { useKeys } from "@/views/keys";
import { VideoPlayer } from "@/views/player/VideoPlayer";
import { messageOf } from "@/views/player/words";
import { obstacleOf } from "@/views/process/LiveTab";
import { processRoute } from "@/views/routes";
import { Queue, useTurn } from "@/views/wall/queue";
import { type Whep, useWHEP } from "@/whep/useWHEP";

export const MAX_TILES = 16;

export function Wall() {
  const t = useText();
  const list = useProcesses();
  const [big, setBig] = useState<string | null>(null);
  const [queue] = useState(() => new Queue());
  useKeys({ Escape: () => setBig(null) });
  const live = (list.data ?? [])
    .filter((one) => one.config.webrtc.enabled && isOn(one.state))
    .sort((a, b) => a.id.localeCompare(b.id, undefined, { numeric: true }));
  const shown = live.slice(0, MAX_TILES);
  const chosen = shown.find((one) => one.id === big);
  return (
    <div className="page">
      <div className="page-head">
        <h1>{t.wall.title}</h1>
        {live.length > 0 && <p className="quiet">{t.wall.count(live.length)}</p>}
      </div>
      {list.data && live.length === 0 && (
        <EmptyState title={t.wall.empty} actions={<Button onClick={() => navigate("/")}>{t.app.backToList}</Button>}>
          {t.wall.emptyText}
        </EmptyState>
      )}
      {chosen ? (
        <Enlarged process={chosen} onBack={() => setBig(null)} />
      ) : (
        <ul className="wall">
          {shown.map((one) => (
            <li key={one.id}>
              <Tile process={one} queue={queue} onEnlarge={() => setBig(one.id)} />
            </li>
          ))}
        </ul>
      )}
      {live.length > MAX_TILES && <p className="quiet">{t.wall.more(live.length - MAX_TILES)}</p>}
    </div>
  );
}

function useTile(process: Process, isEnabled: boolean): Whep {
  const api = useApi();
  return useWHEP({
    url: api.url(processPath(process.id, "whep")),
    tokens: api.tokens,
    obstacle: obstacleOf(process),
    latency: 150,
    isSourceSilent: process.state.exec !== "running",
    isEnabled,
  });
}

function Tile({ process, queue, onEnlarge }: { process: Process; queue: Queue; onEnlarge: () => void }) {
  const t = useText();
  const box = useRef<HTMLButtonElement>(null);
  const isSeen = useSeen(box);
  const isTurn = useTurn(queue, process.id, isSeen);
  const whep = useTile(process, isTurn);
  const isOnItsWay = ["idle", "paused", "connecting"].includes(whep.state.name);
  useEffect(() => {
    if (!isOnItsWay) queue.leave(process.id); // the next one may begin
  }, [queue, process.id, isOnItsWay]);
  const message = messageOf(whep.state, t, performance.now());
  const isLive = whep.state.name === "live";
  // not while paused: leaving the page pauses, and Chromium takes an image that begins then for a ping, which connect-src forbids
  const isAwaited = !isTurn || ["idle", "connecting", "waiting"].includes(whep.state.name);
  return (
    <button ref={box} type="button" className="tile" data-state={whep.state.name} aria-label={t.wall.enlarge(process.id)} onClick={onEnlarge}>
      <Poster id={process.id} isLive={isSeen && isAwaited && process.state.exec === "running"} className="tile-poster" />
      <video ref={whep.videoRef} autoPlay muted playsInline disableRemotePlayback tabIndex={-1} />
      <canvas ref={whep.stillRef} hidden={isLive} />
      {isTurn && message && <span className="chip tile-state">{message.title}</span>}
      <span className="tile-name">{process.id}</span>
    </button>
  );
}

/** Whether it is on the screen. */
function useSeen(box: { current: HTMLElement | null }): boolean {
  const [isSeen, setSeen] = useState(false);
  useEffect(() => {
    const { current } = box;
    if (!current) return;
    const watcher = new IntersectionObserver((entries) => setSeen(entries.at(-1)?.isIntersecting ?? false));
    watcher.observe(current);
    return () => watcher.disconnect();
  }, [box]);
  return isSeen;
}

function Enlarged({ process, onBack }: { process: Process; onBack: () => void }) {
  const t = useText();
  const whep = useTile(process, true);
  return (
    <div className="wall-big">
      <div className="row">
        <Button icon="back" autoFocus onClick={onBack}>
          {t.wall.shrink}
        </Button>
        <h2>{process.id}</h2>
        <Link href={processRoute(process.id, "live")}>{t.wall.open}</Link>
      </div>
      <VideoPlayer id={process.id} whep={whep} />
    </div>
  );
}

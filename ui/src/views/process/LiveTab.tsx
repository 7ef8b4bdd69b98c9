/** LiveTab: the process as a viewer sees it, over WHEP; and why not, when not. */
import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { Link } from "wouter";
import { processPath } from "@/api/client";
import { useApi, useSave, useWebRTC, useWhepStatus } from "@/api/queries";
import type { Process, WhepStatus } from "@/api/types";
import { useText } from "@/i18n";
import { Button } from "@/kit/Button";
import { CopyButton } from "@/kit/CopyButton";
import { SwitchField } from "@/kit/Field";
import { duration } from "@/lib/format";
import { isOn } from "@/lib/process";
import { useOrders } from "@/views/orders";
import { StatsPanel } from "@/views/player/StatsPanel";
import { VideoPlayer } from "@/views/player/VideoPlayer";
import { TARGETS, background, latency } from "@/views/player/preference";
import { Findings } from "@/views/process/Findings";
import { ShareDialog } from "@/views/process/ShareDialog";
import { absolute, processRoute } from "@/views/routes";
import type { Cause } from "@/whep/failure";
import { type Whep, useWHEP } from "@/whep/useWHEP";

export function LiveTab({ process }: { process: Process }) {
  const api = useApi();
  const t = useText();
  const { id, config, state } = process;
  const status = useWhepStatus(id, config.webrtc.enabled && isOn(state)).data ?? null;
  const aim = useSyncExternalStore(latency.subscribe, latency.get);
  const inBackground = useSyncExternalStore(background.subscribe, background.get);
  const [hasStats, setStats] = useState(() => matchMedia("(min-width: 45rem)").matches);
  const whep = useWHEP({
    url: api.url(processPath(id, "whep")),
    tokens: api.tokens,
    obstacle: obstacleOf(process),
    latency: TARGETS[aim],
    isSourceSilent: state.exec !== "running" || status?.state === "waiting",
    keepsPlaying: inBackground === "play",
  });
  useComeback(whep, status, useSignedIn());
  const section = useWholePicture();
  return (
    <section ref={section} className={hasStats ? "live has-stats" : "live"} aria-label={t.process.live}>
      <div className="live-main">
        <VideoPlayer
          id={id}
          whep={whep}
          ratio={ratioOf(process)}
          viewers={status?.viewers.length}
          onStats={() => setStats(!hasStats)}
          help={<Help process={process} whep={whep} status={status} />}
        />
        <Findings whep={whep} status={status} />
        <Below process={process} whep={whep} />
        <SwitchField
          label={t.player.keep}
          isOn={inBackground === "play"}
          onChange={(isPlayed) => background.set(isPlayed ? "play" : "pause")}
        />
      </div>
      {hasStats && <StatsPanel whep={whep} />}
    </section>
  );
}

/** What the process says about itself, before anybody asks for its picture. */
export function obstacleOf({ config, state }: Process): Cause | null {
  if (!config.webrtc.enabled) return { word: "disabled" };
  if (state.order !== "start") return { word: "stopped" };
  const isDead = ["finished", "failed", "killed"].includes(state.exec);
  return isDead && state.reconnect_seconds < 0 ? { word: "ended" } : null;
}

const SIDEWAYS = "(orientation: landscape) and (max-width: 60rem) and (max-height: 30rem)";

/** A phone that is turned shows the whole picture, and nothing above it but the bar. */
function useWholePicture() {
  const section = useRef<HTMLElement>(null);
  useEffect(() => {
    const media = matchMedia(SIDEWAYS);
    const show = () => {
      if (media.matches) section.current?.querySelector(".player")?.scrollIntoView({ block: "end" });
    };
    const frame = requestAnimationFrame(show); // after the new screen began at its top
    media.addEventListener("change", show);
    return () => {
      cancelAnimationFrame(frame);
      media.removeEventListener("change", show);
    };
  }, []);
  return section;
}

function ratioOf(process: Process): number {
  const video = process.state.progress.inputs.find((one) => one.width && one.height);
  return video?.width && video.height ? video.width / video.height : 16 / 9;
}

function useSignedIn(): boolean {
  const { tokens } = useApi();
  const status = useSyncExternalStore(tokens.status.subscribe, tokens.status.get);
  return status === "in" || status === "open";
}

/** Play again as soon as the status, or a new sign-in, says that it would work now. */
function useComeback(whep: Whep, status: WhepStatus | null, isSignedIn: boolean): void {
  const { state, retry } = whep;
  const isLive = status?.state === "live";
  const before = useRef({ isLive, isSignedIn });
  useEffect(() => {
    const came = isLive && !before.current.isLive;
    const signedIn = isSignedIn && !before.current.isSignedIn;
    before.current = { isLive, isSignedIn };
    const word = state.name === "blocked" || state.name === "waiting" ? state.cause.word : null;
    if (came && (word === "source-starting" || word === "not-live" || word === "subsystem-off")) retry();
    if (signedIn && word === "auth") retry();
  }, [isLive, isSignedIn, state, retry]);
}

/** The button that helps against what is wrong. */
function Help({ process, whep, status }: { process: Process; whep: Whep; status: WhepStatus | null }) {
  const t = useText();
  const orders = useOrders();
  const save = useSave();
  const { id } = process;
  const { state } = whep;
  const word = state.name === "blocked" || state.name === "waiting" ? state.cause.word : null;
  const toLog = (
    <Link className="button" href={processRoute(id, "log")}>
      {t.player.toLog}
    </Link>
  );
  switch (word) {
    case "stopped":
    case "ended":
      return (
        <>
          <Button kind="primary" icon="play" onClick={() => orders.order(id, "start")}>
            {t.player.start}
          </Button>
          {word === "ended" && toLog}
        </>
      );
    case "disabled":
      return (
        <Button kind="primary" onClick={() => save.mutate({ id, config: { webrtc: { enabled: true } } })}>
          {t.process.turnOn}
        </Button>
      );
    case "subsystem-off":
      return (
        <Link className="button" href="/system">
          {t.player.toSystem}
        </Link>
      );
    case "codec":
      return <CodecHelp whep={whep} status={status} isVp8Off={process.config.webrtc.vp8 === "off"} />;
    case "no-path":
      return <PathHelp />;
    case "source-starting":
    case "no-frame":
    case "frozen":
      return toLog;
    default:
      return null;
  }
}

function CodecHelp({ whep, status, isVp8Off }: { whep: Whep; status: WhepStatus | null; isVp8Off: boolean }) {
  const t = useText();
  const ours = status?.plan.filter((one) => one.action !== "none").map((one) => (one.kind === "video" ? "H.264" : "Opus")) ?? [];
  const failed = whep.diagnostics()?.last_failed;
  const theirs = failed ? [...failed.offered_video, ...failed.offered_audio] : [];
  return (
    <p className="overlay-note">
      {t.hint.codec(ours.join(", ") || "H.264, Opus", theirs.join(", ") || "–")} {isVp8Off ? t.hint.codecVp8 : t.hint.codecFix}
    </p>
  );
}

function PathHelp() {
  const t = useText();
  const { data } = useWebRTC();
  return <p className="overlay-note">{t.hint.noPath(data?.candidates.join(", ") || "–")}</p>;
}

function Below({ process, whep }: { process: Process; whep: Whep }) {
  const t = useText();
  const api = useApi();
  const [isSharing, setSharing] = useState(false);
  const { id } = process;
  const latest = whep.samples.at(-1);
  const isLive = whep.state.name === "live";
  const facts = [latest?.videoCodec, latest?.audioCodec, latest?.path].filter(Boolean).join(" · ");
  return (
    <>
      <div className="row">
        <CopyButton text={api.url(processPath(id, "whep"))}>{t.player.copyWhep}</CopyButton>
        <CopyButton text={() => absolute(processRoute(id, "live"))}>{t.player.copyLink}</CopyButton>
        <Button kind="quiet" icon="share" onClick={() => setSharing(true)}>
          {t.process.share}
        </Button>
      </div>
      <p className="quiet">
        {whep.state.name === "live" && <Connected since={whep.state.since} />} {isLive && facts && `${facts} · `}
        {t.player.whepNote}
      </p>
      {isSharing && <ShareDialog id={id} onClose={() => setSharing(false)} />}
    </>
  );
}

function Connected({ since }: { since: number }) {
  const t = useText();
  const [now, setNow] = useState(() => performance.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(performance.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  return <>{t.player.connectedFor(duration(Math.max(0, (now - since) / 1000)))} ·</>;
}

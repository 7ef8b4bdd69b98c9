/** StatsPanel: how good the picture is, with two minutes of each figure. */
import { useText } from "@/i18n";
import { Card, Facts } from "@/kit/Card";
import { CopyButton } from "@/kit/CopyButton";
import { Figure } from "@/kit/Sparkline";
import { NOTHING, number, percent, withUnit } from "@/lib/format";
import { diagnosticsText } from "@/views/player/words";
import type { Sample } from "@/whep/stats";
import type { Whep } from "@/whep/useWHEP";

export function StatsPanel({ whep }: { whep: Whep }) {
  const t = useText();
  const { samples, state } = whep;
  const latest = samples.at(-1);
  const list = (pick: (sample: Sample) => number | null) => samples.map(pick);
  const isStale = state.name !== "live";
  const latency = latest?.latencyMs ?? null;
  const about = latest?.grade === "estimated" ? "≈ " : "";
  const slow = latency !== null && latency >= 1_000;
  return (
    <Card
      title={t.stats.title}
      className={isStale ? "stats stale" : "stats"}
      actions={<CopyButton text={() => diagnosticsText(whep)}>{t.player.copyDiagnostics}</CopyButton>}
    >
      <div className="figures">
        <Figure name={t.stats.bitrate} value={withUnit(latest?.kbit, "kbit/s")} values={list((one) => one.kbit)} />
        <Figure name={t.stats.latency} value={latency === null ? NOTHING : `${about}${withUnit(latency, "ms")}`} values={list((one) => one.latencyMs)} />
        <Figure name={t.stats.frames} value={withUnit(latest?.fps, "fps")} values={list((one) => one.fps)} />
        <Figure name={t.stats.loss} value={percent(latest?.lossPercent, 1)} values={list((one) => one.lossPercent)} />
      </div>
      {latest?.grade && <small>{`${t.stats.latency}: ${t.stats[latest.grade]}.${slow ? ` ${t.stats.tip}` : ""}`}</small>}
      <Facts
        rows={[
          [t.stats.video, latest?.videoCodec ? `${latest.videoCodec} ${latest.width}×${latest.height}` : NOTHING],
          [t.stats.audio, <Audio key="audio" sample={latest} />],
          [t.stats.roundTrip, withUnit(latest?.rttMs, "ms", 1)],
          [t.stats.buffer, withUnit(latest?.bufferMs, "ms")],
          [t.stats.freezes, number(latest?.freezes)],
          [t.stats.dropped, number(latest?.dropped)],
          [t.stats.path, latest?.path || NOTHING],
        ]}
      />
    </Card>
  );
}

function Audio({ sample }: { sample: Sample | undefined }) {
  const t = useText();
  if (!sample?.audioCodec) return <>{NOTHING}</>;
  return (
    <>
      {sample.audioCodec}{" "}
      {Boolean(sample.audioLevel) && <meter min={0} max={1} value={Math.sqrt(sample.audioLevel ?? 0)} aria-label={t.stats.level} />}
    </>
  );
}

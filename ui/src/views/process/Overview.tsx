/** Overview: what goes in, what comes out, what it costs, and what FFmpeg said last. */
import { useEffect, useRef, useState } from "react";
import { Link } from "wouter";
import { useReachable, useSave, useWhepStatus } from "@/api/queries";
import type { Process, ProgressIO, ViewerState, WhepStatus } from "@/api/types";
import { useText } from "@/i18n";
import { Button } from "@/kit/Button";
import { Card, Facts } from "@/kit/Card";
import { CopyButton } from "@/kit/CopyButton";
import { Figure } from "@/kit/Sparkline";
import { bytes, duration, number, percent, withUnit } from "@/lib/format";
import { mask } from "@/lib/mask";
import { isOn } from "@/lib/process";
import { writeWords } from "@/lib/words";
import { statusLine, trackLine } from "@/views/process/Findings";
import { ShareDialog } from "@/views/process/ShareDialog";
import { processRoute } from "@/views/routes";

export function Overview({ process }: { process: Process }) {
  const { state, config } = process;
  const status = useWhepStatus(process.id, config.webrtc.enabled && isOn(state)).data;
  return (
    <div className="overview">
      <Now process={process} />
      <Streams process={process} />
      <Outputs process={process} status={status ?? null} />
      {status && <Viewers viewers={status.viewers} />}
      <Said process={process} />
    </div>
  );
}

function useHistory(value: number | null, key: unknown): (number | null)[] {
  const values = useRef<(number | null)[]>([]);
  const [shown, setShown] = useState<(number | null)[]>([]);
  useEffect(() => {
    values.current = [...values.current.slice(-119), value];
    setShown(values.current);
  }, [key, value]);
  return shown;
}

function Now({ process }: { process: Process }) {
  const t = useText();
  const { state } = process;
  const { progress } = state;
  const isRunning = state.exec === "running";
  const fps = useHistory(isRunning ? progress.fps : 0, progress);
  const rate = useHistory(isRunning ? progress.bitrate_kbit : 0, progress);
  const drops = `${t.process.dropped(number(progress.drop))} · ${t.process.repeated(number(progress.dup))}`;
  return (
    <Card title={t.process.now}>
      <Figure name={t.process.fps} value={isRunning ? number(progress.fps, 1) : number(null)} values={fps} />
      <Figure
        name={t.process.bitrate}
        value={isRunning && progress.bitrate_kbit > 0 ? withUnit(progress.bitrate_kbit, "kbit/s") : number(null)}
        values={rate}
      />
      <Facts
        rows={[
          [t.process.speed, isRunning ? `${number(progress.speed, 2)}× · ${drops}` : number(null)],
          [t.process.cpu, isRunning ? percent(state.cpu_usage, 1) : number(null)],
          [t.process.memory, isRunning ? bytes(state.memory_bytes) : number(null)],
          [t.process.uptime, duration(state.runtime_seconds)],
          [t.process.restarts, number(state.restarts ?? 0)],
          ...(state.exit_code ? ([[t.process.exitCode, number(state.exit_code)]] as const) : []),
        ]}
      />
    </Card>
  );
}

function Streams({ process }: { process: Process }) {
  const t = useText();
  const known = process.state.progress.inputs;
  return (
    <Card title={t.process.inputs}>
      {process.config.input.map((input, at) => (
        <div key={input.id ?? at} className="io">
          <code className="address">{mask(input.address)}</code>
          <ul>
            {known
              .filter((one) => one.index === at)
              .map((one) => (
                <li key={`${one.index}:${one.stream}`}>{describe(one)}</li>
              ))}
          </ul>
          {known.every((one) => one.index !== at) && <small>{t.process.noStreams}</small>}
        </div>
      ))}
    </Card>
  );
}

function describe(one: ProgressIO): string {
  const parts = [`${one.index}:${one.stream}`, one.codec];
  if (one.width) parts.push(`${one.width}×${one.height ?? 0}`, one.pix_fmt ?? "");
  if (one.sampling_hz) parts.push(`${one.sampling_hz / 1000} kHz`, one.layout ?? "");
  return parts.filter(Boolean).join(" ");
}

function Outputs({ process, status }: { process: Process; status: WhepStatus | null }) {
  const t = useText();
  const { id, config } = process;
  return (
    <Card title={t.process.outputs}>
      {config.output.map((output, at) => (
        <div key={output.id ?? at} className="io">
          <code className="address">{mask(output.address)}</code>
          {output.address !== "-" && (
            <CopyButton text={output.address} label={`${t.common.copy} ${t.process.outputs} ${at + 1}`} />
          )}
          <small>{writeWords(output.options)}</small>
        </div>
      ))}
      {config.webrtc.enabled ? <WebRTCOutput id={id} status={status} /> : <TurnOn id={id} />}
    </Card>
  );
}

function WebRTCOutput({ id, status }: { id: string; status: WhepStatus | null }) {
  const t = useText();
  const [isSharing, setSharing] = useState(false);
  const word = status?.state === "live" ? t.process.webrtcLive(t.list.viewers(status.viewers.length)) : (t.process.webrtcStates[status?.state ?? "off"] ?? status?.state);
  return (
    <div className="io">
      <strong>WebRTC</strong> {word}
      {status?.reason && <small>{statusLine(status, t)}</small>}
      <ul>
        {status?.plan.map((track) => (
          <li key={track.kind}>{trackLine(track, t)}</li>
        ))}
      </ul>
      <div className="row">
        <Link className="button button-primary" href={processRoute(id, "live")}>
          {t.list.watch}
        </Link>
        <Button icon="share" onClick={() => setSharing(true)}>
          {t.process.share}
        </Button>
      </div>
      {isSharing && <ShareDialog id={id} onClose={() => setSharing(false)} />}
    </div>
  );
}

export function TurnOn({ id }: { id: string }) {
  const t = useText();
  const isReachable = useReachable();
  const save = useSave();
  return (
    <div className="io">
      <span className="quiet">{t.process.webrtcOff}</span>
      <Button disabled={save.isPending || !isReachable} onClick={() => save.mutate({ id, config: { webrtc: { enabled: true } } })}>
        {t.process.turnOn}
      </Button>
    </div>
  );
}

function Viewers({ viewers }: { viewers: ViewerState[] }) {
  const t = useText();
  return (
    <Card title={`${t.process.viewersTitle} ${number(viewers.length)}`} className="wide">
      {viewers.length === 0 ? (
        <p className="quiet">{t.process.noViewers}</p>
      ) : (
        <div className="scroll" tabIndex={0} role="group" aria-label={t.process.viewersTitle}>
          <table>
            <thead>
              <tr>
                {[t.process.address, t.process.connected, t.process.sent, t.process.lost, t.process.roundTrip, t.process.program].map((name) => (
                  <th key={name} scope="col">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {viewers.map((one) => (
                <tr key={one.id}>
                  <th scope="row">{one.address}</th>
                  <td>{one.connected_seconds === null ? one.state : duration(one.connected_seconds)}</td>
                  <td>{bytes(one.bytes_sent)}</td>
                  <td>{number(one.packets_lost)}</td>
                  <td>{withUnit(one.rtt_ms, "ms", 1)}</td>
                  <td className="line">{one.user_agent}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

function Said({ process }: { process: Process }) {
  const t = useText();
  const [isShown, setShown] = useState(false);
  const command = writeWords(process.state.command);
  return (
    <Card title={t.process.lastLine} className="wide" actions={<Link href={processRoute(process.id, "log")}>{t.process.log}</Link>}>
      <p className="line mono">{mask(process.state.last_logline) || "–"}</p>
      {command && (
        <div className="row">
          <strong>{t.process.command}</strong>
          <Button kind="quiet" aria-expanded={isShown} onClick={() => setShown(!isShown)}>
            {isShown ? t.common.hide : t.common.show}
          </Button>
          <CopyButton text={mask(command)} label={`${t.common.copy}: ${t.process.command}`} />
        </div>
      )}
      {isShown && <pre className="wrap">{mask(command)}</pre>}
    </Card>
  );
}

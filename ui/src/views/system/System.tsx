/** System: what runs here, what FFmpeg can do, and what the daemon says. */
import { useState } from "react";
import { useAbout, useDaemonLog, useIsOutdated, useReloadSkills, useSkills, useUsage, useWebRTC } from "@/api/queries";
import type { Skills } from "@/api/types";
import { useText } from "@/i18n";
import { Banner } from "@/kit/Banner";
import { Button } from "@/kit/Button";
import { Card, Facts } from "@/kit/Card";
import { TextField } from "@/kit/Field";
import { bytes, duration, number, percent } from "@/lib/format";
import { mask } from "@/lib/mask";
import { buildOf, ownScript } from "@/lib/page";
import { Alarms } from "@/views/Alarms";
import { explain } from "@/views/orders";

export function System() {
  const t = useText();
  return (
    <div className="page">
      <h1>{t.system.title}</h1>
      <Alarms />
      <div className="system">
        <Daemon />
        <WebRTC />
        <FFmpeg />
        <Log />
      </div>
    </div>
  );
}

function Daemon() {
  const t = useText();
  const { data, error } = useAbout();
  const isOutdated = useIsOutdated();
  const usage = useUsageRows();
  const build = buildOf(ownScript());
  return (
    <Card title={t.system.daemon}>
      {error && <Banner tone="bad">{explain(error)}</Banner>}
      {data && (
        <Facts
          rows={[
            [t.system.name, data.name ?? "–"],
            [t.system.version, [data.product?.name, data.product?.version].filter(Boolean).join(" ") || "–"],
            [t.system.api, `datarhei Core ${data.version.number}`],
            [t.system.uptime, duration(data.uptime_seconds)],
            [t.system.runtime, [data.version.arch, data.version.compiler].filter(Boolean).join(", ")],
            ...usage,
            [t.system.page, isOutdated ? t.system.isOld(build) : build],
          ]}
        />
      )}
    </Card>
  );
}

function useUsageRows(): [string, string][] {
  const t = useText();
  const { data } = useUsage();
  if (!data) return [];
  const get = (name: string) => data.get(name) ?? NaN;
  return [
    [t.system.cpu, t.system.cpuUsed(percent(get("daemon_cpu"), 1), percent(100 - get("cpu_idle")))],
    [t.system.memory, t.system.memoryUsed(bytes(get("daemon_memory")), bytes(get("mem_total") - get("mem_free")), bytes(get("mem_total")))],
  ];
}

function WebRTC() {
  const t = useText();
  const { data, error } = useWebRTC();
  const counters = Object.entries(data?.counters ?? {}).filter(([, count]) => count > 0);
  return (
    <Card title={t.system.webrtc}>
      {error && <Banner tone="bad">{explain(error)}</Banner>}
      {data && (
        <Facts
          rows={[
            [t.system.state, [data.state === "on" ? t.common.on : t.common.off, data.reason].filter(Boolean).join(": ")],
            [t.system.addresses, data.candidates.join(", ") || "–"],
            [t.system.viewers, `${number(data.viewers)}, ${number(data.total_viewers)}`],
            [t.system.segmentation, data.gso ? t.common.on : t.common.off],
            [t.system.counters, counters.map(([name, count]) => `${name} ${number(count)}`).join(", ") || t.system.noCounters],
          ]}
        />
      )}
    </Card>
  );
}

function FFmpeg() {
  const t = useText();
  const { data, error } = useSkills();
  const reload = useReloadSkills();
  const [search, setSearch] = useState("");
  const found = data && search.trim().length > 1 ? find(data, search.trim().toLowerCase()) : [];
  return (
    <Card
      title={t.system.ffmpeg}
      className="wide"
      actions={
        <Button disabled={reload.isPending} onClick={() => reload.mutate()}>
          {t.system.reload}
        </Button>
      }
    >
      {error && <Banner tone="bad">{explain(error)}</Banner>}
      {data && <Facts rows={[[t.system.version, data.ffmpeg.version]]} />}
      {!data && !error && <p className="quiet">{t.app.loading} …</p>}
      <TextField label={t.system.search} type="search" value={search} onChange={(event) => setSearch(event.target.value)} />
      {search.trim().length > 1 && <p role="status">{t.system.found(found.length)}</p>}
      {found.length > 0 && (
        <div className="skills" tabIndex={0} role="group" aria-label={t.system.found(found.length)}>
          <table>
            <tbody>
              {found.slice(0, 100).map(([kind, id, name]) => (
                <tr key={`${kind} ${id}`}>
                  <td className="quiet">{kind}</td>
                  <th scope="row">
                    <code>{id}</code>
                  </th>
                  <td>{name}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

function find(skills: Skills, wanted: string): [string, string, string][] {
  const rows: [string, string, string][] = [];
  for (const group of ["codecs", "formats", "protocols"] as const) {
    for (const [kind, items] of Object.entries(skills[group])) {
      for (const item of items) rows.push([`${group}/${kind}`, item.id, item.name]);
    }
  }
  return rows.filter(([, id, name]) => `${id} ${name}`.toLowerCase().includes(wanted));
}

function Log() {
  const t = useText();
  const { data, error } = useDaemonLog();
  return (
    <Card title={t.system.log} className="wide">
      {error && <Banner tone="bad">{explain(error)}</Banner>}
      <div className="log wrap" role="log" aria-live="off" aria-label={t.system.log} tabIndex={0}>
        {(data ?? []).slice(-300).map((line, at) => (
          <div key={`${at} ${line}`} className="log-line">
            {mask(line)}
          </div>
        ))}
      </div>
    </Card>
  );
}

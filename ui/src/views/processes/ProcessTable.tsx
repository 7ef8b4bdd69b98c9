/** ProcessTable: one row for each process; on a phone the rows become cards. */
import { Link } from "wouter";
import { useWhepStatus } from "@/api/queries";
import type { Process } from "@/api/types";
import { useText } from "@/i18n";
import { bytes, duration, NOTHING, number, percent } from "@/lib/format";
import { mask } from "@/lib/mask";
import { isOn, isTrouble } from "@/lib/process";
import { Poster } from "@/views/Poster";
import { ProcessState } from "@/views/ProcessState";
import { processRoute } from "@/views/routes";
import { RowActions } from "@/views/processes/RowActions";
import { type SortKey, label } from "@/views/processes/filter";

interface TableProps {
  processes: Process[];
  sort: SortKey;
  onSort: (key: SortKey) => void;
  selected: ReadonlySet<string>;
  onSelect: (ids: ReadonlySet<string>) => void;
}

export function ProcessTable({ processes, sort, onSort, selected, onSelect }: TableProps) {
  const t = useText();
  const areAll = processes.every((one) => selected.has(one.id));
  const toggle = (id: string) => {
    const next = new Set(selected);
    if (!next.delete(id)) next.add(id);
    onSelect(next);
  };
  const sortable = (key: SortKey, name: string) => (
    <th scope="col" aria-sort={sort === key ? (key === "cpu" ? "descending" : "ascending") : undefined}>
      <button type="button" className="sort" aria-label={t.list.sortBy(name)} onClick={() => onSort(key)}>
        {name}
        <span aria-hidden="true">{sort === key ? (key === "cpu" ? " ↓" : " ↑") : ""}</span>
      </button>
    </th>
  );
  return (
    <table className="processes">
      <caption className="visually-hidden">{t.list.caption}</caption>
      <thead>
        <tr>
          <th scope="col" className="cell-select">
            <input
              type="checkbox"
              aria-label={t.list.selectAll}
              checked={areAll}
              onChange={() => onSelect(new Set(areAll ? [] : processes.map((one) => one.id)))}
            />
          </th>
          {sortable("id", t.list.process)}
          {sortable("state", t.list.state)}
          <th scope="col">{t.list.output}</th>
          {sortable("cpu", t.list.cpu)}
          <th scope="col" className="cell-memory">
            {t.list.memory}
          </th>
          <th scope="col" className="cell-uptime">
            {t.list.uptime}
          </th>
          <th scope="col">{t.list.live}</th>
          <th scope="col">
            <span className="visually-hidden">{t.list.actions}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {processes.map((one) => (
          <Row key={one.id} process={one} isSelected={selected.has(one.id)} onToggle={() => toggle(one.id)} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ process, isSelected, onToggle }: { process: Process; isSelected: boolean; onToggle: () => void }) {
  const t = useText();
  const { id, state } = process;
  const isRunning = state.exec === "running";
  const name = label(process);
  return (
    <tr className={isSelected ? "is-selected" : undefined}>
      <td className="cell-select">
        <input type="checkbox" aria-label={t.list.select(id)} checked={isSelected} onChange={onToggle} />
      </td>
      <th scope="row" className="cell-name">
        <span className="named">
          <Poster id={id} isLive={isRunning && process.config.webrtc.enabled} />
          <span>
            <Link href={processRoute(id)}>{id}</Link>
            {name && name !== id && <small>{name}</small>}
          </span>
        </span>
      </th>
      <td className="cell-state">
        <ProcessState state={state} />
        {isTrouble(state) && (
          <small className="reason">
            {state.last_logline && <span className="line">{mask(state.last_logline)}</span>}{" "}
            <Link href={processRoute(id, "log")} aria-label={t.list.logOf(id)}>
              {t.list.log}
            </Link>
          </small>
        )}
      </td>
      <td className="cell-output">
        {isRunning ? (
          <>
            {number(state.progress.fps, state.progress.fps < 10 ? 1 : 0)} fps
            {state.progress.bitrate_kbit > 0 && <small>{number(state.progress.bitrate_kbit)} kbit/s</small>}
          </>
        ) : (
          NOTHING
        )}
      </td>
      <td className="cell-cpu">{isRunning ? percent(state.cpu_usage, 0) : NOTHING}</td>
      <td className="cell-memory">{isRunning ? bytes(state.memory_bytes) : NOTHING}</td>
      <td className="cell-uptime">{isRunning ? duration(state.runtime_seconds) : NOTHING}</td>
      <td className="cell-live">
        <LiveCell process={process} />
      </td>
      <td className="cell-actions">
        <RowActions process={process} />
      </td>
    </tr>
  );
}

function LiveCell({ process }: { process: Process }) {
  const t = useText();
  const isOffered = process.config.webrtc.enabled && isOn(process.state);
  const status = useWhepStatus(process.id, isOffered, 4_000).data;
  if (!isOffered) return <span className="quiet">{t.list.off}</span>;
  const viewers = status?.viewers.length ?? 0;
  return (
    <span className="live-cell">
      <Link className="button button-small" href={processRoute(process.id, "live")} aria-label={t.list.watchOf(process.id)}>
        {t.list.watch}
      </Link>
      <small>{status?.state === "live" ? t.list.viewers(viewers) : t.list.waiting}</small>
    </span>
  );
}

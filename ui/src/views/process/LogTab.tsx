/** LogTab: what FFmpeg printed, this run and earlier ones; it follows until somebody reads. */
import { useLayoutEffect, useRef, useState } from "react";
import { useReport } from "@/api/queries";
import type { Process, Run } from "@/api/types";
import { useText } from "@/i18n";
import { Banner } from "@/kit/Banner";
import { Button } from "@/kit/Button";
import { CopyButton } from "@/kit/CopyButton";
import { SelectField, SwitchField, TextField } from "@/kit/Field";
import { saveFile } from "@/lib/copy";
import { clockTime, dateTime } from "@/lib/format";
import { mask } from "@/lib/mask";
import { writeWords } from "@/lib/words";
import { explain } from "@/views/orders";

const WINDOW = 2_000; // lines that are on the page at once
const NEAR_END = 24; // pixels

export function LogTab({ process }: { process: Process }) {
  const t = useText();
  const { data: report, error } = useReport(process.id);
  const [run, setRun] = useState("");
  const [filter, setFilter] = useState("");
  const [wraps, setWraps] = useState(true);
  if (!report) return error ? <Banner tone="bad">{explain(error)}</Banner> : null;
  const chosen = report.history.find((one) => String(one.created_at) === run) ?? report;
  const runs: [string, string][] = [
    ["", `${t.log.thisRun} · ${dateTime(report.created_at)}`],
    ...report.history.map((one): [string, string] => [String(one.created_at), dateTime(one.created_at)]),
  ];
  const command = mask(writeWords(process.state.command));
  const download = () =>
    saveFile(`${process.id}-report.json`, new Blob([mask(JSON.stringify(report, null, 2))], { type: "application/json" }));
  return (
    <section className="stack" aria-label={t.process.log}>
      <div className="row log-tools">
        <SelectField label={t.log.run} options={runs} value={run} onChange={(event) => setRun(event.target.value)} />
        <TextField label={t.log.filter} type="search" value={filter} onChange={(event) => setFilter(event.target.value)} />
        <SwitchField label={t.log.wrap} isOn={wraps} onChange={setWraps} />
        <Button onClick={download}>{t.log.download}</Button>
      </div>
      {command && (
        <div className="command">
          <code className="line">{command}</code>
          <CopyButton text={command} label={`${t.common.copy}: ${t.process.command}`} />
        </div>
      )}
      {chosen.prelude.length > 0 && (
        <details>
          <summary>{t.log.prelude}</summary>
          <pre className={wraps ? "wrap" : undefined}>{mask(chosen.prelude.join("\n"))}</pre>
        </details>
      )}
      <Lines key={run} run={chosen} filter={filter} wraps={wraps} />
    </section>
  );
}

function Lines({ run, filter, wraps }: { run: Run; filter: string; wraps: boolean }) {
  const t = useText();
  const box = useRef<HTMLDivElement>(null);
  const [isFollowing, setFollowing] = useState(true);
  const [seen, setSeen] = useState(0);
  const wanted = filter.toLowerCase();
  const lines = run.log.filter(([, text]) => text.toLowerCase().includes(wanted)).slice(-WINDOW);
  useLayoutEffect(() => {
    if (isFollowing && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [isFollowing, lines.length, wraps]);
  const onScroll = () => {
    const { current } = box;
    if (!current) return;
    const isAtEnd = current.scrollHeight - current.scrollTop - current.clientHeight < NEAR_END;
    if (isAtEnd !== isFollowing) {
      setFollowing(isAtEnd);
      setSeen(lines.length);
    }
  };
  const unseen = isFollowing ? 0 : Math.max(0, lines.length - seen);
  return (
    <div className="log-frame">
      <div ref={box} className={wraps ? "log wrap" : "log"} tabIndex={0} role="log" aria-live="off" aria-label={t.log.label} onScroll={onScroll}>
        {lines.length === 0 && <p className="quiet">{run.log.length > 0 ? t.list.noMatch : t.log.empty}</p>}
        {lines.map(([time, text], at) => (
          <div key={`${time}-${at}`} className={`log-line level-${level(text)}`}>
            <time>{clockTime(Number(time))}</time> {mask(text)}
          </div>
        ))}
      </div>
      {unseen > 0 && (
        <Button kind="primary" className="log-new" onClick={() => setFollowing(true)}>
          {t.log.newLines(unseen)}
        </Button>
      )}
    </div>
  );
}

/** FFmpeg prints no level here, but its words are few. */
export function level(text: string): "error" | "warning" | "info" {
  if (/\b(error|failed|invalid|unable|refused|timed out|denied|not found|no such|could not|cannot)\b/i.test(text)) return "error";
  return /\b(warning|deprecated|non[- ]monoton\w*|overflow|discarding|past duration|delay)\b/i.test(text) ? "warning" : "info";
}

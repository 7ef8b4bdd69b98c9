/** ProcessList: every process, whoever made it; one click to its picture or to what is wrong. */
import { useEffect, useState } from "react";
import { useProcesses } from "@/api/queries";
import type { Process } from "@/api/types";
import { useText } from "@/i18n";
import { Banner } from "@/kit/Banner";
import { Button } from "@/kit/Button";
import { EmptyState } from "@/kit/EmptyState";
import { duration } from "@/lib/format";
import { navigate, useQueryValue } from "@/lib/hash";
import { stateWord } from "@/lib/process";
import { Alarms } from "@/views/Alarms";
import { explain } from "@/views/orders";
import { ProcessTable } from "@/views/processes/ProcessTable";
import { SelectionBar } from "@/views/processes/SelectionBar";
import { type SortKey, matches, sorted } from "@/views/processes/filter";
import { useTestPicture } from "@/views/processes/testPicture";

export function ProcessList() {
  const t = useText();
  const list = useProcesses();
  const [filter, setFilter] = useQueryValue("filter");
  const [sort, setSort] = useQueryValue("sort");
  const by: SortKey = sort === "state" || sort === "cpu" ? sort : "id";
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const all = list.data ?? [];
  const shown = sorted(all.filter((one) => matches(one, filter)), by);
  const chosen = shown.filter((one) => selected.has(one.id)).map((one) => one.id);
  return (
    <div className="page">
      <div className="page-head">
        <h1>{t.list.title}</h1>
        {list.data && all.length > 0 && <p className="quiet">{summary(all, t.list.summary)}</p>}
        <div className="row page-actions">
          <input
            type="search"
            className="filter"
            aria-label={t.list.filter}
            placeholder={t.list.filterHint}
            value={filter}
            onChange={(event) => setFilter(event.target.value)}
          />
          <Button kind="primary" icon="plus" onClick={() => navigate("/new")}>
            {t.list.create}
          </Button>
        </div>
      </div>
      <Alarms />
      {list.error && <Stale error={list.error} at={list.dataUpdatedAt} retry={() => void list.refetch()} />}
      {chosen.length > 0 && <SelectionBar ids={chosen} onDone={() => setSelected(new Set())} />}
      {!list.data && !list.error && <Skeleton />}
      {list.data && all.length === 0 && <Empty />}
      {all.length > 0 && shown.length === 0 && (
        <EmptyState title={t.list.noMatch} actions={<Button onClick={() => setFilter("")}>{t.list.clear}</Button>} />
      )}
      {shown.length > 0 && (
        <div className={list.error ? "stale" : undefined}>
          <ProcessTable
            processes={shown}
            sort={by}
            onSort={(key) => setSort(key === "id" ? "" : key)}
            selected={selected}
            onSelect={setSelected}
          />
        </div>
      )}
    </div>
  );
}

function summary(all: Process[], write: (all: number, running: number, failed: number) => string): string {
  const words = all.map((one) => stateWord(one.state));
  const count = (...wanted: string[]) => words.filter((word) => wanted.includes(word)).length;
  return write(all.length, count("running", "slow"), count("failed", "retrying"));
}

function Empty() {
  const t = useText();
  const { create, isPending } = useTestPicture();
  const actions = (
    <>
      <Button kind="primary" icon="play" disabled={isPending} onClick={() => void create()}>
        {t.list.testPicture}
      </Button>
      <Button icon="plus" onClick={() => navigate("/new")}>
        {t.list.create}
      </Button>
    </>
  );
  return (
    <EmptyState title={t.list.empty} actions={actions}>
      {t.list.emptyText}
    </EmptyState>
  );
}

/** Shown after a moment only: a fast answer shouldn't flash. */
function Skeleton() {
  const t = useText();
  return (
    <div className="skeletons" role="status" aria-label={t.app.loading}>
      {[1, 2, 3, 4, 5].map((row) => (
        <div key={row} className="skeleton" />
      ))}
    </div>
  );
}

function Stale({ error, at, retry }: { error: Error; at: number; retry: () => void }) {
  const t = useText();
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  return (
    <Banner tone="bad" action={<Button onClick={retry}>{t.common.retry}</Button>}>
      <strong>{t.list.failed}</strong> {explain(error)} {at > 0 && t.common.asOf(duration((now - at) / 1000))}
    </Banner>
  );
}

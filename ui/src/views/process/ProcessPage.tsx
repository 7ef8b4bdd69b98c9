/** ProcessPage: one process under its tabs. */
import { ApiError } from "@/api/client";
import { useProcess, useReachable } from "@/api/queries";
import type { Process } from "@/api/types";
import { useText } from "@/i18n";
import { Banner } from "@/kit/Banner";
import { Button } from "@/kit/Button";
import { EmptyState } from "@/kit/EmptyState";
import { Tabs } from "@/kit/Tabs";
import { navigate } from "@/lib/hash";
import { ProcessState } from "@/views/ProcessState";
import { explain, useOrders } from "@/views/orders";
import { ConfigTab } from "@/views/process/ConfigTab";
import { LiveTab } from "@/views/process/LiveTab";
import { LogTab } from "@/views/process/LogTab";
import { Overview } from "@/views/process/Overview";
import { RowActions } from "@/views/processes/RowActions";
import { label } from "@/views/processes/filter";
import { processRoute } from "@/views/routes";

export function ProcessPage({ id, tab }: { id: string; tab: string }) {
  const t = useText();
  const { data: process, error, refetch } = useProcess(id);
  if (!process || (error instanceof ApiError && error.status === 404)) {
    return <Missing id={id} error={error} retry={() => void refetch()} />;
  }
  const hasLive = process.config.webrtc.enabled || tab === "live";
  const tabs = [
    { name: "overview", label: t.process.overview },
    ...(hasLive ? [{ name: "live", label: t.process.live }] : []),
    { name: "log", label: t.process.log },
    { name: "config", label: t.process.config },
  ].map((one) => ({
    href: processRoute(id, one.name === "overview" ? "" : one.name),
    label: one.label,
    isCurrent: one.name === tab,
  }));
  return (
    <div className="page">
      <Head process={process} />
      <Tabs label={t.process.tabs} tabs={tabs} />
      <div className={error && tab !== "live" ? "stale" : undefined}>
        <Content process={process} tab={tab} />
      </div>
    </div>
  );
}

function Content({ process, tab }: { process: Process; tab: string }) {
  switch (tab) {
    case "live":
      return <LiveTab process={process} />;
    case "log":
      return <LogTab process={process} />;
    case "config":
      return <ConfigTab process={process} />;
    default:
      return <Overview process={process} />;
  }
}

function Head({ process }: { process: Process }) {
  const t = useText();
  const orders = useOrders();
  const isReachable = useReachable();
  const { id, state } = process;
  const name = label(process);
  return (
    <div className="page-head">
      <h1>
        {id} {name && name !== id && <small>{name}</small>}
      </h1>
      <ProcessState state={state} />
      <div className="row page-actions">
        <Button icon="restart" disabled={state.order !== "start" || !isReachable} onClick={() => orders.order(id, "restart")}>
          {t.list.restart}
        </Button>
        <Button onClick={() => navigate(processRoute(id, "edit"))}>{t.list.edit}</Button>
        <RowActions process={process} hasLog={false} />
      </div>
    </div>
  );
}

function Missing({ id, error, retry }: { id: string; error: Error | null; retry: () => void }) {
  const t = useText();
  if (!error) return <div className="page skeletons" role="status" aria-label={t.app.loading} />;
  if (error instanceof ApiError && error.status === 404) {
    return (
      <div className="page">
        <h1 className="visually-hidden">{id}</h1>
        <EmptyState
          title={t.process.gone(id)}
          actions={<Button onClick={() => navigate("/")}>{t.app.backToList}</Button>}
        />
      </div>
    );
  }
  return (
    <div className="page">
      <h1>{id}</h1>
      <Banner tone="bad" action={<Button onClick={retry}>{t.common.retry}</Button>}>
        {explain(error)}
      </Banner>
    </div>
  );
}

/** Editor: a new process, or one that exists; as a form or as JSON. */
import { useQuery } from "@tanstack/react-query";
import { ApiError, processPath } from "@/api/client";
import { useApi } from "@/api/queries";
import type { Process } from "@/api/types";
import { useText } from "@/i18n";
import { Banner } from "@/kit/Banner";
import { Button } from "@/kit/Button";
import { EmptyState } from "@/kit/EmptyState";
import { navigate, useQueryValue } from "@/lib/hash";
import { EditForm } from "@/views/edit/EditForm";
import { NEW } from "@/views/edit/model";
import { explain } from "@/views/orders";

export function Editor({ id }: { id: string | null }) {
  const t = useText();
  const api = useApi();
  const [from] = useQueryValue("from");
  const source = id ?? from;
  const { data, error, refetch } = useQuery({
    queryKey: ["edit", source],
    enabled: source !== "",
    staleTime: Infinity, // what is typed isn't overwritten by what comes in
    gcTime: 0,
    refetchOnWindowFocus: false,
    queryFn: ({ signal }) => api.call<Process>(`${processPath(source)}?filter=config,state`, { signal }),
  });
  if (source === "") return <EditForm id={null} stored={NEW} updatedAt={0} isRunning={false} />;
  if (error instanceof ApiError && error.status === 404) {
    return (
      <div className="page">
        <h1 className="visually-hidden">{source}</h1>
        <EmptyState title={t.process.gone(source)} actions={<Button onClick={() => navigate("/")}>{t.app.backToList}</Button>} />
      </div>
    );
  }
  if (error) {
    return (
      <div className="page">
        <h1>{source}</h1>
        <Banner tone="bad" action={<Button onClick={() => void refetch()}>{t.common.retry}</Button>}>
          {explain(error)}
        </Banner>
      </div>
    );
  }
  if (!data) return <div className="page" aria-busy="true" />;
  const isCopy = id === null;
  return (
    <EditForm
      key={data.updated_at}
      id={id}
      stored={isCopy ? { ...data.config, id: "" } : data.config}
      updatedAt={data.updated_at}
      isRunning={!isCopy && data.state.order === "start"}
      reload={() => void refetch()}
    />
  );
}

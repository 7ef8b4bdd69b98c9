/** Queries: what the screens read, polled while somebody looks; and the orders they give. */
import { type QueryClient, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { createContext, useContext, useSyncExternalStore } from "react";
import { type Api, ApiError, processPath } from "@/api/client";
import type {
  About, Command, Metrics, Probe, Process, ProcessConfig, Report, Skills, ViewerToken, WebRTCState, WhepStatus,
} from "@/api/types";
import { isOtherBuild, ownScript } from "@/lib/page";

export const ApiContext = createContext<Api | null>(null);

export function useApi(): Api {
  const api = useContext(ApiContext);
  if (!api) throw new Error("there is no ApiContext here");
  return api;
}

/** Whether the last request was answered: while not, orders would only fail. */
export function useReachable(): boolean {
  const { reach } = useApi();
  return useSyncExternalStore(reach.subscribe, () => reach.get().failing === null);
}

/** Makes the time between two questions longer while the daemon, or a proxy, has too many of them. */
export function usePace(): (usual: number) => number {
  const api = useApi();
  useSyncExternalStore(api.rest.subscribe, api.rest.get); // whoever waits already has to wait longer
  return (usual) => api.pace(usual);
}

const USAGE = ["cpu_idle", "daemon_cpu", "daemon_memory", "mem_free", "mem_total"];
const PARTS = "filter=config,state,metadata";

/** How often a screen asks, milliseconds; slower while events tell the news. */
export const pace = { list: 2_000, one: 1_000, whep: 2_000, slow: 5_000, page: 60_000 };

export const keys = {
  processes: ["processes"] as const,
  process: (id: string) => ["process", id] as const,
  whep: (id: string) => ["whep", id] as const,
  report: (id: string) => ["report", id] as const,
};

export function useProcesses() {
  const api = useApi();
  const paced = usePace();
  return useQuery({
    queryKey: keys.processes,
    queryFn: ({ signal }) => api.call<Process[]>(`v3/process?${PARTS}`, { signal }),
    refetchInterval: () => paced(pace.list),
  });
}

export function useProcess(id: string) {
  const api = useApi();
  const paced = usePace();
  const client = useQueryClient();
  return useQuery({
    queryKey: keys.process(id),
    queryFn: ({ signal }) => api.call<Process>(`${processPath(id)}?${PARTS}`, { signal }),
    refetchInterval: () => paced(pace.one),
    initialData: () => client.getQueryData<Process[]>(keys.processes)?.find((one) => one.id === id),
    initialDataUpdatedAt: 0,
  });
}

/** null: it has no WebRTC state now, because it is stopped or its WebRTC is off. */
export function useWhepStatus(id: string, isEnabled: boolean, interval = pace.whep) {
  const api = useApi();
  const paced = usePace();
  return useQuery({
    queryKey: keys.whep(id),
    enabled: isEnabled,
    refetchInterval: () => paced(interval),
    queryFn: async ({ signal }) => {
      try {
        return await api.call<WhepStatus>(processPath(id, "whep"), { signal });
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) return null;
        throw error;
      }
    },
  });
}

export function useReport(id: string) {
  const api = useApi();
  const paced = usePace();
  return useQuery({
    queryKey: keys.report(id),
    queryFn: ({ signal }) => api.call<Report>(processPath(id, "report"), { signal }),
    refetchInterval: () => paced(2_000),
  });
}

export function useAbout() {
  const api = useApi();
  const paced = usePace();
  return useQuery({
    queryKey: ["about"],
    queryFn: ({ signal }) => api.call<About>("../api", { signal }),
    refetchInterval: () => paced(pace.slow),
  });
}

/** What the daemon and its machine use now, by the name of the metric. */
export function useUsage() {
  const api = useApi();
  const paced = usePace();
  return useQuery({
    queryKey: ["usage"],
    queryFn: async ({ signal }) => {
      const metrics = USAGE.map((name) => ({ name }));
      const answer = await api.call<Metrics>("v3/metrics", { method: "POST", json: { metrics }, signal });
      return new Map(answer.metrics.map(({ name, values }) => [name, values.at(-1)?.[1]]));
    },
    refetchInterval: () => paced(pace.slow),
  });
}

/** Whether the daemon has another build of the UI than this page: looked at after each start of the daemon. */
export function useIsOutdated(): boolean {
  const api = useApi();
  const paced = usePace();
  const started = useAbout().data?.created_at;
  const { data } = useQuery({
    queryKey: ["page", started],
    queryFn: ({ signal }) => api.call<string>(new URL("./", document.baseURI).href, { signal }),
    refetchInterval: () => paced(pace.page),
  });
  return typeof data === "string" && isOtherBuild(data, ownScript());
}

export function useWebRTC(interval = pace.slow) {
  const api = useApi();
  const paced = usePace();
  return useQuery({
    queryKey: ["webrtc"],
    queryFn: ({ signal }) => api.call<WebRTCState>("v3/webrtc", { signal }),
    refetchInterval: () => paced(interval),
  });
}

export function useSkills() {
  const api = useApi();
  return useQuery({
    queryKey: ["skills"],
    queryFn: ({ signal }) => api.call<Skills>("v3/skills", { signal, timeout: 60_000 }),
    staleTime: Infinity,
  });
}

export function useReloadSkills() {
  const api = useApi();
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => api.call<Skills>("v3/skills/reload", { method: "POST", timeout: 60_000 }),
    onSuccess: (skills) => client.setQueryData(["skills"], skills),
  });
}

export function useDaemonLog() {
  const api = useApi();
  const paced = usePace();
  return useQuery({
    queryKey: ["log"],
    queryFn: ({ signal }) => api.call<string[]>("v3/log", { signal }),
    refetchInterval: () => paced(pace.slow),
  });
}

/** Order something of a process; shown at once, taken back when it is refused. */
export function useCommand() {
  const api = useApi();
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ id, command }: { id: string; command: Command }) =>
      api.call(processPath(id, "command"), { method: "PUT", json: { command } }),
    onMutate: async ({ id, command }) => {
      await client.cancelQueries({ queryKey: keys.processes });
      const before = client.getQueryData<Process[]>(keys.processes);
      const one = client.getQueryData<Process>(keys.process(id));
      client.setQueryData<Process[]>(keys.processes, (all) =>
        all?.map((process) => (process.id === id ? foreseen(process, command) : process)),
      );
      if (one) client.setQueryData(keys.process(id), foreseen(one, command));
      return { before, one };
    },
    onError: (_error, { id }, earlier) => {
      if (earlier?.before) client.setQueryData(keys.processes, earlier.before);
      if (earlier?.one) client.setQueryData(keys.process(id), earlier.one);
    },
    onSettled: (_data, _error, { id }) => refresh(client, id),
  });
}

function foreseen(process: Process, command: Command): Process {
  const isStop = command === "stop";
  const isDead = !["running", "starting", "finishing"].includes(process.state.exec);
  const exec = isStop ? (isDead ? process.state.exec : "finishing") : "starting";
  return { ...process, state: { ...process.state, order: isStop ? "stop" : "start", exec } };
}

export function useDelete() {
  const api = useApi();
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => api.call(processPath(id), { method: "DELETE", timeout: 30_000 }),
    onSuccess: (_data, id) =>
      client.setQueryData<Process[]>(keys.processes, (all) => all?.filter((one) => one.id !== id)),
    onSettled: (_data, _error, id) => refresh(client, id),
  });
}

/** Create (`id` null) or change a process; gives its config as stored. */
export function useSave() {
  const api = useApi();
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ id, config }: { id: string | null; config: unknown }) =>
      api.call<ProcessConfig>(id === null ? "v3/process" : processPath(id), {
        method: id === null ? "POST" : "PUT",
        json: config,
        timeout: 30_000,
      }),
    onSuccess: (config) => refresh(client, config.id),
  });
}

function refresh(client: QueryClient, id: string): void {
  void client.invalidateQueries({ queryKey: keys.processes });
  void client.invalidateQueries({ queryKey: keys.process(id) });
  void client.invalidateQueries({ queryKey: keys.whep(id) });
}

/** Look at a config's inputs, saved or not: by a process that lives as long as the look. */
export async function probeConfig(api: Api, config: ProcessConfig, signal: AbortSignal): Promise<Probe> {
  const id = `probe-${Math.random().toString(36).slice(2, 10)}`;
  const output = [{ id: "none", address: "-", options: ["-f", "null"] }];
  const webrtc = { ...config.webrtc, enabled: false };
  const json = { ...config, id, reference: "probe", output, webrtc, autostart: false, reconnect: false };
  await api.call("v3/process", { method: "POST", json, signal });
  try {
    return await api.call<Probe>(processPath(id, "probe"), { signal, timeout: 25_000 });
  } finally {
    await api.call(processPath(id), { method: "DELETE", keepalive: true });
  }
}

export async function makeViewerToken(api: Api, id: string, ttl: number, viewers: number): Promise<ViewerToken> {
  const json = { ttl_seconds: ttl, max_viewers: viewers };
  return api.call<ViewerToken>(processPath(id, "token"), { method: "POST", json });
}

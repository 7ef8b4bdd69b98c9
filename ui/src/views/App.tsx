/** App: who is here, which screen they want, and what holds for all screens. */
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { Suspense, lazy, useEffect, useState, useSyncExternalStore } from "react";
import { Redirect, Route, Router, Switch } from "wouter";
import { type Api, ApiError } from "@/api/client";
import { useEvents } from "@/api/events";
import { ApiContext } from "@/api/queries";
import { introduce } from "@/api/start";
import { Toasts } from "@/kit/Toast";
import { useHash, useQueryText } from "@/lib/hash";
import { Boundary } from "@/views/Boundary";
import { NotFound } from "@/views/NotFound";
import { Shell } from "@/views/Shell";
import { SignIn } from "@/views/login/SignIn";
import { SignInAgain } from "@/views/login/SignInAgain";
import { Waiting } from "@/views/login/Waiting";
import { ProcessPage } from "@/views/process/ProcessPage";
import { ProcessList } from "@/views/processes/ProcessList";
import { Watch } from "@/views/watch/Watch";

const Editor = lazy(async () => ({ default: (await import("@/views/edit/Editor")).Editor }));
const System = lazy(async () => ({ default: (await import("@/views/system/System")).System }));
const Wall = lazy(async () => ({ default: (await import("@/views/wall/Wall")).Wall }));

export function makeClient(): QueryClient {
  const isWorthRetry = (count: number, error: unknown) =>
    count < 2 && !(error instanceof ApiError && error.status >= 400 && error.status < 500);
  return new QueryClient({ defaultOptions: { queries: { retry: isWorthRetry, networkMode: "always" }, mutations: { networkMode: "always" } } });
}

export function App({ api }: { api: Api }) {
  const [client] = useState(makeClient);
  return (
    <QueryClientProvider client={client}>
      <ApiContext value={api}>
        <Router hook={useHash} searchHook={useQueryText}>
          <Boundary>
            <Switch>
              <Route path="/watch/:id">{({ id }) => <Watch id={decodeURIComponent(id)} />}</Route>
              <Route>
                <Inside api={api} />
              </Route>
            </Switch>
          </Boundary>
          <Toasts />
        </Router>
      </ApiContext>
    </QueryClientProvider>
  );
}

/** Everything that needs a login. */
function Inside({ api }: { api: Api }) {
  const status = useSyncExternalStore(api.tokens.status.subscribe, api.tokens.status.get);
  useIntroduction(api, status === "unknown");
  if (status === "unknown") return <Waiting />;
  if (status === "out") return <SignIn />;
  return (
    <>
      <Screens />
      {status === "expired" && <SignInAgain />}
    </>
  );
}

/** Ask the daemon who we are, each 3 s until it answers. */
function useIntroduction(api: Api, isWanted: boolean): void {
  useEffect(() => {
    if (!isWanted) return;
    let isOver = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = () => {
      introduce(api).catch(() => {
        if (!isOver) timer = setTimeout(ask, api.pace(3_000));
      });
    };
    ask();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [api, isWanted]);
}

function Screens() {
  useEvents();
  return (
    <Shell>
      <Suspense fallback={<div className="page" aria-busy="true" />}>
        <Switch>
          <Route path="/" component={ProcessList} />
          <Route path="/login">
            <Redirect to="/" replace />
          </Route>
          <Route path="/new" component={() => <Editor id={null} />} />
          <Route path="/wall" component={Wall} />
          <Route path="/system" component={System} />
          <Route path="/process/:id/edit">{({ id }) => <Editor key={id} id={decodeURIComponent(id)} />}</Route>
          <Route path="/process/:id/:tab?">
            {({ id, tab }) => <ProcessPage key={id} id={decodeURIComponent(id)} tab={tab ?? "overview"} />}
          </Route>
          <Route component={NotFound} />
        </Switch>
      </Suspense>
    </Shell>
  );
}

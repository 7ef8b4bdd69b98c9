/** Watch: one picture and nothing else, for somebody with a viewer's link or for an iframe. */
import { useMemo, useSyncExternalStore } from "react";
import { processPath } from "@/api/client";
import { useApi } from "@/api/queries";
import { useText } from "@/i18n";
import { useQueryText } from "@/lib/hash";
import { VideoPlayer } from "@/views/player/VideoPlayer";
import { TARGETS, latency } from "@/views/player/preference";
import type { Cause } from "@/whep/failure";
import { useWHEP } from "@/whep/useWHEP";

export function Watch({ id }: { id: string }) {
  const t = useText();
  const api = useApi();
  const query = useQueryText();
  const token = new URLSearchParams(query).get("token") ?? "";
  // a link's token can't be renewed: when it ends, somebody has to make another link
  const tokens = useMemo(() => ({ access: token, refresh: () => Promise.resolve(null) }), [token]);
  const aim = useSyncExternalStore(latency.subscribe, latency.get);
  const whep = useWHEP({
    url: api.url(processPath(id, "whep")),
    tokens,
    obstacle: token ? null : NO_TOKEN,
    latency: TARGETS[aim],
    retriesNotLive: true,
  });
  const word = whep.state.name === "blocked" ? whep.state.cause.word : null;
  const isOver = word === "auth" || word === "forbidden";
  return (
    <main className="watch">
      <h1 className="visually-hidden">{t.watch.title(id)}</h1>
      <VideoPlayer id={id} whep={whep} isBare help={isOver && <p className="overlay-note">{token ? t.hint.link : t.watch.noToken}</p>} />
    </main>
  );
}

const NO_TOKEN: Cause = { word: "auth" };

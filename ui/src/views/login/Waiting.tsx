/** Waiting: the daemon doesn't answer yet. */
import { useEffect, useState, useSyncExternalStore } from "react";
import { useApi } from "@/api/queries";
import { useText } from "@/i18n";

export function Waiting() {
  const t = useText();
  const { reach, base } = useApi();
  const { failing } = useSyncExternalStore(reach.subscribe, reach.get);
  const [isLong, setLong] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLong(true), 1_000);
    return () => clearTimeout(timer);
  }, []);
  return (
    <main className="centered" aria-busy="true">
      <h1 className="brand">
        <img src="./icon.svg" alt="" width="32" height="32" />
        dragonctl
      </h1>
      <p role="status">{failing !== null || isLong ? t.login.waiting(base.host) : ""}</p>
    </main>
  );
}

/** useLeaveGuard(): nobody loses what they typed by a click or a closed tab. */
import { useEffect, useRef, useState } from "react";
import { setGuard } from "@/lib/hash";

export function useLeaveGuard(isDirty: boolean) {
  const [isAsking, setAsking] = useState(false);
  const go = useRef<() => void>(() => undefined);
  useEffect(() => {
    if (!isDirty) return;
    const onUnload = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener("beforeunload", onUnload);
    setGuard((leave) => {
      go.current = leave;
      setAsking(true);
      return false;
    });
    return () => {
      removeEventListener("beforeunload", onUnload);
      setGuard(null);
    };
  }, [isDirty]);
  const leave = () => {
    setAsking(false);
    setGuard(null);
    go.current();
  };
  return { isAsking, leave, stay: () => setAsking(false) };
}

/** Overlay: why there is no picture, what happens next, and the button that helps. */
import { type ReactNode, useEffect, useState } from "react";
import { useText } from "@/i18n";
import { Button } from "@/kit/Button";
import { CopyButton } from "@/kit/CopyButton";
import { duration } from "@/lib/format";
import { diagnosticsText, messageOf } from "@/views/player/words";
import type { Word } from "@/whep/failure";
import type { Whep } from "@/whep/useWHEP";

const OBSTACLES: Word[] = ["stopped", "ended", "disabled"];
const SHOW_DETAILS_AFTER = 3; // attempts without a picture

export function Overlay({ whep, help, isBare }: { whep: Whep; help?: ReactNode; isBare: boolean }) {
  const t = useText();
  const { state } = whep;
  const now = useNow(state.name === "waiting" || state.name === "unstable" || state.name === "connecting");
  const [areShown, setShown] = useState(false);
  const message = messageOf(state, t, now);
  if (!message) return null;
  const isWaiting = state.name === "waiting";
  const isObstacle = state.name === "blocked" && OBSTACLES.includes(state.cause.word); // nothing is there to be tried again
  const canRetry = isWaiting || state.name === "unstable" || (state.name === "blocked" && !isObstacle);
  const failures = isWaiting ? state.failures : 0;
  const hasDetails = !isBare && (failures >= SHOW_DETAILS_AFTER || (state.name === "blocked" && !isObstacle));
  return (
    <div className={`overlay ${message.isTrouble ? "overlay-trouble" : "overlay-calm"}`}>
      <div className="overlay-box" role="status" aria-live="polite">
        {state.name === "connecting" && <span className="spinner" aria-hidden="true" />}
        <strong>{message.title}</strong>
        {message.text.map((line) => (
          <p key={line}>{line}</p>
        ))}
      </div>
      {isWaiting && <p className="countdown">{countdown(state.until - now, failures, t.player)}</p>}
      <div className="row row-center">
        {canRetry && <Button onClick={whep.retry}>{t.player.retryNow}</Button>}
        {state.name === "paused" && (
          <Button kind="primary" icon="play" onClick={whep.retry}>
            {t.player.play}
          </Button>
        )}
        {help}
        {hasDetails && (
          <Button aria-expanded={areShown} onClick={() => setShown(!areShown)}>
            {areShown ? t.player.hideDetails : t.player.showDetails}
          </Button>
        )}
      </div>
      {hasDetails && areShown && <Diagnostics whep={whep} />}
    </div>
  );
}

function Diagnostics({ whep }: { whep: Whep }) {
  const t = useText();
  const text = diagnosticsText(whep);
  return (
    <div className="diagnostics">
      <CopyButton text={text}>{t.player.copyDiagnostics}</CopyButton>
      <pre tabIndex={0}>{text}</pre>
    </div>
  );
}

type PlayerText = ReturnType<typeof useText>["player"];

function countdown(milliseconds: number, failures: number, t: PlayerText): string {
  return milliseconds <= 500 ? t.tryingNow : t.nextTry(duration(Math.ceil(milliseconds / 1000)), failures + 1);
}

/** The session's clock, while something counts. */
function useNow(isCounting: boolean): number {
  const [now, setNow] = useState(() => performance.now());
  useEffect(() => {
    if (!isCounting) return;
    const tick = () => setNow(performance.now());
    tick();
    const timer = setInterval(tick, 250);
    return () => clearInterval(timer);
  }, [isCounting]);
  return now;
}

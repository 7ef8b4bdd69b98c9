/** WebRTCFields: watch it in the browser? And what that will cost, before anything is saved. */
import { useRef, useState } from "react";
import { probeConfig, useApi, useWebRTC } from "@/api/queries";
import type { Probe } from "@/api/types";
import { useText } from "@/i18n";
import { Banner } from "@/kit/Banner";
import { Button } from "@/kit/Button";
import { NumberField, SelectField, SwitchField } from "@/kit/Field";
import { mask } from "@/lib/mask";
import type { FieldsProps } from "@/views/edit/FormFields";
import { configOf } from "@/views/edit/model";
import { describeStream, verdict } from "@/views/edit/verdict";
import { explain } from "@/views/orders";

export function WebRTCFields({ draft, dispatch, errors }: FieldsProps) {
  const t = useText();
  const { webrtc } = draft.config;
  const { data: subsystem } = useWebRTC();
  const probing = useProbe(draft);
  return (
    <>
      <SwitchField label={t.editor.webrtcOn} isOn={webrtc.enabled} onChange={(enabled) => dispatch({ type: "webrtc", values: { enabled } })} />
      {webrtc.enabled && subsystem && !subsystem.enabled && <Banner tone="warn">{t.editor.verdict.off}</Banner>}
      {webrtc.enabled && (
        <SwitchField
          label={t.editor.force}
          isOn={webrtc.force_transcode}
          onChange={(force_transcode) => dispatch({ type: "webrtc", values: { force_transcode } })}
        />
      )}
      <div className="row">
        <Button disabled={probing.isBusy} onClick={probing.start}>
          {t.editor.probe}
        </Button>
        {probing.isBusy && <Button onClick={probing.cancel}>{t.common.cancel}</Button>}
        <span className="quiet" role="status">
          {probing.isBusy ? t.editor.probing : !probing.probe && webrtc.enabled ? t.editor.verdict.unknown : ""}
        </span>
      </div>
      {probing.error && <Banner tone="bad">{probing.error}</Banner>}
      {probing.probe && <Result probe={probing.probe} isForced={webrtc.force_transcode} isOn={webrtc.enabled} />}
      {webrtc.enabled && <Advanced draft={draft} dispatch={dispatch} errors={errors} />}
    </>
  );
}

const STARTS = ["gop", "keyframe", "off"] as const; // the daemon's words

function Advanced({ draft, dispatch, errors }: FieldsProps) {
  const t = useText();
  const { webrtc } = draft.config;
  const set = (values: Partial<typeof webrtc>) => dispatch({ type: "webrtc", values });
  return (
    <details>
      <summary>{t.editor.advanced}</summary>
      <div className="fields">
        <SwitchField
          label={t.editor.vp8}
          hint={t.editor.vp8Hint}
          isOn={webrtc.vp8 !== "off"}
          onChange={(isServed) => set({ vp8: isServed ? "auto" : "off" })}
        />
        <SelectField
          label={t.editor.instant}
          hint={t.editor.instantHint}
          error={errors["webrtc.instant_start"]}
          value={webrtc.instant_start ?? "gop"}
          onChange={(event) => set({ instant_start: event.target.value })}
          options={STARTS.map((one) => [one, t.editor.instants[one]])}
        />
        <NumberField
          label={t.editor.videoPt}
          min={96}
          max={127}
          error={errors["webrtc.video_pt"]}
          value={webrtc.video_pt}
          onValue={(video_pt) => set({ video_pt })}
        />
        <NumberField
          label={t.editor.audioPt}
          min={96}
          max={127}
          error={errors["webrtc.audio_pt"]}
          value={webrtc.audio_pt}
          onValue={(audio_pt) => set({ audio_pt })}
        />
      </div>
    </details>
  );
}

function useProbe(draft: FieldsProps["draft"]) {
  const t = useText();
  const api = useApi();
  const [isBusy, setBusy] = useState(false);
  const [probe, setProbe] = useState<Probe | null>(null);
  const [error, setError] = useState("");
  const abort = useRef<AbortController | null>(null);
  const start = async () => {
    const { config, errors } = configOf(draft, t.editor);
    const first = Object.entries(errors).find(([field]) => field.startsWith("input"));
    setError(first?.[1] ?? "");
    if (first) return;
    abort.current = new AbortController();
    setBusy(true);
    setProbe(null);
    try {
      setProbe(await probeConfig(api, config, abort.current.signal));
    } catch (failed) {
      if (!abort.current.signal.aborted) setError(explain(failed));
    } finally {
      setBusy(false);
    }
  };
  return { isBusy, probe, error, start, cancel: () => abort.current?.abort() };
}

function Result({ probe, isForced, isOn }: { probe: Probe; isForced: boolean; isOn: boolean }) {
  const t = useText();
  if (probe.streams.length === 0) {
    return (
      <Banner tone="bad">
        <strong>{t.editor.probeNothing}</strong>
        <pre className="wrap">{mask(probe.log.slice(-8).join("\n"))}</pre>
      </Banner>
    );
  }
  return (
    <div role="status" className="stack">
      <ul className="verdict">
        {probe.streams.map((one) => (
          <li key={`${one.index}:${one.stream}`} className="mono">
            {describeStream(one)}
          </li>
        ))}
      </ul>
      {isOn && (
        <ul className="verdict">
          {verdict(probe, isForced, t).map((one) => (
            <li key={one.kind} data-action={one.action}>
              <span className={`tone-${one.isWarning ? "warn" : "good"}`} aria-hidden="true">
                {one.isWarning ? "◆" : "●"}
              </span>{" "}
              <strong>{t.editor.verdict[one.kind]}</strong>: {one.text}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

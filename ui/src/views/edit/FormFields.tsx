/** FormFields: the draft as a form, in blocks that fold. */
import type { Dispatch, ReactNode } from "react";
import { useText } from "@/i18n";
import { Button, IconButton } from "@/kit/Button";
import { CopyButton } from "@/kit/CopyButton";
import { NumberField, SwitchField, TextField } from "@/kit/Field";
import { writeWords } from "@/lib/words";
import { WebRTCFields } from "@/views/edit/WebRTCFields";
import { type Action, type Draft, type Errors, type RowDraft, type Side, configOf } from "@/views/edit/model";

export interface FieldsProps {
  draft: Draft;
  dispatch: Dispatch<Action>;
  errors: Errors;
}

export function FormFields(props: FieldsProps) {
  const t = useText();
  return (
    <>
      <Block title={t.editor.general} isOpen>
        <General {...props} />
      </Block>
      <Block title={t.process.inputs} isOpen>
        <Rows side="input" {...props} />
      </Block>
      <Block title={t.editor.webrtc} isOpen>
        <WebRTCFields {...props} />
      </Block>
      <Block title={t.process.outputs} isOpen>
        <Rows side="output" {...props} />
      </Block>
      <Block title={t.editor.life}>
        <Life {...props} />
      </Block>
      <Block title={t.editor.limits}>
        <Limits {...props} />
      </Block>
      <Block title={t.editor.preview}>
        <Preview draft={props.draft} />
      </Block>
    </>
  );
}

function Block({ title, isOpen = false, children }: { title: string; isOpen?: boolean; children: ReactNode }) {
  return (
    <details className="card" open={isOpen}>
      <summary>{title}</summary>
      <div className="stack">{children}</div>
    </details>
  );
}

function General({ draft, dispatch, errors }: FieldsProps) {
  const t = useText();
  const { config } = draft;
  return (
    <div className="fields">
      <TextField
        label={t.editor.id}
        hint={t.editor.idHint}
        error={errors["id"]}
        value={config.id}
        onChange={(event) => dispatch({ type: "set", values: { id: event.target.value } })}
      />
      <TextField
        label={t.editor.reference}
        error={errors["reference"]}
        value={config.reference}
        onChange={(event) => dispatch({ type: "set", values: { reference: event.target.value } })}
      />
    </div>
  );
}

function Life({ draft, dispatch, errors }: FieldsProps) {
  const t = useText();
  const { config } = draft;
  return (
    <div className="fields">
      <SwitchField label={t.editor.autostart} isOn={config.autostart} onChange={(autostart) => dispatch({ type: "set", values: { autostart } })} />
      <SwitchField label={t.editor.reconnect} isOn={config.reconnect} onChange={(reconnect) => dispatch({ type: "set", values: { reconnect } })} />
      <NumberField
        label={t.editor.reconnectDelay}
        error={errors["reconnect_delay_seconds"]}
        value={config.reconnect_delay_seconds}
        onValue={(reconnect_delay_seconds) => dispatch({ type: "set", values: { reconnect_delay_seconds } })}
      />
      <NumberField
        label={t.editor.stale}
        hint={t.editor.staleHint}
        error={errors["stale_timeout_seconds"]}
        value={config.stale_timeout_seconds}
        onValue={(stale_timeout_seconds) => dispatch({ type: "set", values: { stale_timeout_seconds } })}
      />
    </div>
  );
}

function Rows({ side, draft, dispatch, errors }: FieldsProps & { side: Side }) {
  const t = useText();
  const rows = draft[side];
  return (
    <>
      {errors["io"] && <p className="field-error">{errors["io"]}</p>}
      {rows.map((row, at) => (
        <Row key={row.key} side={side} row={row} at={at} count={rows.length} dispatch={dispatch} errors={errors} />
      ))}
      <div className="row">
        <Button icon="plus" onClick={() => dispatch({ type: "add", side })}>
          {side === "input" ? t.editor.addInput : t.editor.addOutput}
        </Button>
      </div>
      {side === "input" && (
        <TextField
          label={t.editor.globalOptions}
          error={errors["options"]}
          value={draft.options}
          spellCheck={false}
          autoCapitalize="none"
          onChange={(event) => dispatch({ type: "options", text: event.target.value })}
        />
      )}
    </>
  );
}

interface RowProps {
  side: Side;
  row: RowDraft;
  at: number;
  count: number;
  dispatch: Dispatch<Action>;
  errors: Errors;
}

function Row({ side, row, at, count, dispatch, errors }: RowProps) {
  const t = useText();
  const name = side === "input" ? t.editor.input(at + 1) : t.editor.output(at + 1);
  const change = (values: Partial<Pick<RowDraft, "address" | "options">>) => dispatch({ type: "row", side, at, values });
  return (
    <div className="io-row" role="group" aria-label={name}>
      <TextField
        label={`${name}: ${t.editor.address}`}
        placeholder={side === "input" ? "rtsp://camera.example/stream" : "-"}
        error={errors[`${side}.${at}.address`]}
        value={row.address}
        spellCheck={false}
        autoCapitalize="none"
        onChange={(event) => change({ address: event.target.value })}
      />
      <TextField
        label={`${name}: ${t.editor.options}`}
        placeholder={side === "input" ? "-rtsp_transport tcp" : "-c copy -f null"}
        hint={at === 0 ? t.editor.optionsHint : undefined}
        error={errors[`${side}.${at}.options`]}
        value={row.options}
        spellCheck={false}
        autoCapitalize="none"
        onChange={(event) => change({ options: event.target.value })}
      />
      <div className="row-actions">
        <IconButton icon="up" label={t.editor.up(name)} disabled={at === 0} onClick={() => dispatch({ type: "move", side, at, by: -1 })} />
        <IconButton icon="down" label={t.editor.down(name)} disabled={at === count - 1} onClick={() => dispatch({ type: "move", side, at, by: 1 })} />
        <IconButton icon="close" label={t.editor.removeIO(name)} disabled={count === 1} onClick={() => dispatch({ type: "remove", side, at })} />
      </div>
    </div>
  );
}

function Limits({ draft, dispatch, errors }: FieldsProps) {
  const t = useText();
  const { limits } = draft.config;
  return (
    <div className="fields">
      <NumberField
        label={t.editor.limitCpu}
        hint={t.editor.limitHint}
        error={errors["limits.cpu_usage"]}
        value={limits.cpu_usage}
        onValue={(cpu_usage) => dispatch({ type: "limits", values: { cpu_usage } })}
      />
      <NumberField
        label={t.editor.limitMemory}
        hint={t.editor.limitHint}
        error={errors["limits.memory_mbytes"]}
        value={limits.memory_mbytes}
        onValue={(memory_mbytes) => dispatch({ type: "limits", values: { memory_mbytes } })}
      />
      <NumberField
        label={t.editor.limitFor}
        error={errors["limits.waitfor_seconds"]}
        value={limits.waitfor_seconds}
        onValue={(waitfor_seconds) => dispatch({ type: "limits", values: { waitfor_seconds } })}
      />
    </div>
  );
}

/** As FFmpeg gets it, but for what the daemon adds: progress, and the legs for viewers. */
function Preview({ draft }: { draft: Draft }) {
  const t = useText();
  const { config } = configOf(draft, t.editor);
  const words = ["ffmpeg", ...config.options];
  for (const one of config.input) words.push(...one.options, "-i", one.address);
  for (const one of config.output) words.push(...one.options, one.address);
  const text = writeWords(words);
  return (
    <>
      <pre className="wrap">{text}</pre>
      <div className="row">
        <CopyButton text={text} />
      </div>
    </>
  );
}

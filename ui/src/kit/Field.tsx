/** Fields: a label, an input, a hint and an error that belong together. */
import { type InputHTMLAttributes, type ReactNode, type Ref, type SelectHTMLAttributes, useId } from "react";

interface Frame {
  label: string;
  hint?: string | undefined;
  error?: string | undefined;
  className?: string;
}

type TextProps = Frame & InputHTMLAttributes<HTMLInputElement> & { ref?: Ref<HTMLInputElement>; after?: ReactNode };

export function TextField({ label, hint, error, className, after, ...input }: TextProps) {
  const id = useId();
  return (
    <div className={["field", className].filter(Boolean).join(" ")}>
      <label htmlFor={id}>{label}</label>
      <div className="field-row">
        <input id={id} type="text" {...described(id, hint, error)} {...input} />
        {after}
      </div>
      <Notes id={id} hint={hint} error={error} />
    </div>
  );
}

interface NumberProps extends Frame {
  value: number;
  onValue: (value: number) => void;
  min?: number;
  max?: number;
  step?: number;
}

export function NumberField({ value, onValue, min = 0, step = 1, ...rest }: NumberProps) {
  return (
    <TextField
      {...rest}
      type="number"
      inputMode="numeric"
      min={min}
      step={step}
      value={Number.isFinite(value) ? value : ""}
      onChange={(event) => onValue(event.target.valueAsNumber)}
    />
  );
}

type SelectProps = Frame & SelectHTMLAttributes<HTMLSelectElement> & { options: readonly (readonly [string, string])[] };

export function SelectField({ label, hint, error, className, options, ...select }: SelectProps) {
  const id = useId();
  return (
    <div className={["field", className].filter(Boolean).join(" ")}>
      <label htmlFor={id}>{label}</label>
      <select id={id} {...described(id, hint, error)} {...select}>
        {options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
      <Notes id={id} hint={hint} error={error} />
    </div>
  );
}

interface SwitchProps {
  label: string;
  isOn: boolean;
  onChange: (isOn: boolean) => void;
  hint?: string;
}

export function SwitchField({ label, isOn, onChange, hint }: SwitchProps) {
  const id = useId();
  return (
    <div className="field switch">
      <label>
        <input
          type="checkbox"
          checked={isOn}
          aria-describedby={hint ? `${id}-hint` : undefined}
          onChange={(event) => onChange(event.target.checked)}
        />
        <span>{label}</span>
      </label>
      {hint && <small id={`${id}-hint`}>{hint}</small>}
    </div>
  );
}

function described(id: string, hint?: string, error?: string) {
  const ids = [error && `${id}-error`, hint && `${id}-hint`].filter(Boolean).join(" ");
  return { "aria-invalid": error ? true : undefined, "aria-describedby": ids || undefined };
}

function Notes({ id, hint, error }: { id: string; hint?: string | undefined; error?: string | undefined }) {
  return (
    <>
      {error && (
        <p className="field-error" id={`${id}-error`}>
          {error}
        </p>
      )}
      {hint && <small id={`${id}-hint`}>{hint}</small>}
    </>
  );
}

/** Card: a titled block. */
import { type ReactNode, useId } from "react";

interface CardProps {
  title: string;
  className?: string;
  actions?: ReactNode;
  children: ReactNode;
}

export function Card({ title, className, actions, children }: CardProps) {
  const id = useId();
  return (
    <section className={["card", className].filter(Boolean).join(" ")} aria-labelledby={id}>
      <div className="card-head">
        <h2 id={id}>{title}</h2>
        {actions}
      </div>
      {children}
    </section>
  );
}

/** Facts: names and values side by side. */
export function Facts({ rows }: { rows: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className="facts">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Sparkline: the last two minutes of a figure as one line; the number beside it says the rest. */

const WIDTH = 120;
const HEIGHT = 28;

export function Sparkline({ values, points = 120 }: { values: readonly (number | null)[]; points?: number }) {
  const known = values.slice(-points).map((value) => value ?? 0);
  const top = Math.max(...known, 1e-9);
  const step = WIDTH / Math.max(points - 1, 1);
  const from = WIDTH - (known.length - 1) * step;
  const line = known
    .map((value, at) => `${(from + at * step).toFixed(1)},${(HEIGHT - 2 - (value / top) * (HEIGHT - 4)).toFixed(1)}`)
    .join(" ");
  return (
    <svg className="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      {known.length > 1 && <polyline points={line} />}
    </svg>
  );
}

/** Figure: a name, a number, and how it went. */
export function Figure({ name, value, values }: { name: string; value: string; values: readonly (number | null)[] }) {
  return (
    <div className="figure">
      <span className="figure-name">{name}</span>
      <span className="figure-value">{value}</span>
      <Sparkline values={values} />
    </div>
  );
}

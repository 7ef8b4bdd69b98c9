/** After the build: a .gz beside each asset, and the budget of what a first visit loads. */
import { readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const BUDGET = 130_000; // bytes, gzip
const out = process.env.DRAGONCTL_UI_OUT ?? "../daemon/_ui";
const sizes = new Map();
for (const name of readdirSync(out, { recursive: true })) {
  const path = join(out, name);
  if (!statSync(path).isFile() || !/\.(js|css|svg|html)$/.test(name)) continue;
  const packed = gzipSync(readFileSync(path), { level: 9 });
  sizes.set(name.replaceAll("\\", "/"), packed.length);
  if (!name.endsWith(".html")) writeFileSync(`${path}.gz`, packed);
}
const page = readFileSync(join(out, "index.html"), "utf8");
const first = [...sizes].filter(([name]) => name.endsWith(".js") && page.includes(name));
if (first.length === 0) throw new Error("index.html loads no script");
const total = first.reduce((sum, [, size]) => sum + size, 0);
console.log(`initial JavaScript: ${(total / 1000).toFixed(1)} kB gzip of ${BUDGET / 1000}`);
if (total > BUDGET) {
  console.error("over the budget: load something later, or leave it out");
  process.exit(1);
}

/** changes(): what differs between two texts, line by line (longest common subsequence). */

export interface Change {
  kind: "same" | "gone" | "new";
  line: string;
}

/** Only the lines that differ, each group with the line before it. */
export function changes(before: string, after: string): Change[] {
  const all = compared(before.split("\n"), after.split("\n"));
  return all.filter(({ kind }, at) => kind !== "same" || (all[at + 1]?.kind ?? "same") !== "same");
}

function compared(before: string[], after: string[]): Change[] {
  const common = lengths(before, after);
  const found: Change[] = [];
  let one = 0;
  let two = 0;
  while (one < before.length || two < after.length) {
    const [gone, added] = [before[one], after[two]];
    if (gone !== undefined && gone === added) {
      found.push({ kind: "same", line: gone });
      one++;
      two++;
    } else if (gone !== undefined && (added === undefined || at(common, one + 1, two) >= at(common, one, two + 1))) {
      found.push({ kind: "gone", line: gone });
      one++;
    } else {
      found.push({ kind: "new", line: added ?? "" });
      two++;
    }
  }
  return found;
}

/** How many lines the rests from there have in common. */
function lengths(before: string[], after: string[]): number[][] {
  const table: number[][] = [];
  for (let one = before.length - 1; one >= 0; one--) {
    const row: number[] = [];
    for (let two = after.length - 1; two >= 0; two--) {
      const isSame = before[one] === after[two];
      row[two] = isSame ? at(table, one + 1, two + 1) + 1 : Math.max(at(table, one + 1, two), row[two + 1] ?? 0);
    }
    table[one] = row;
  }
  return table;
}

function at(table: number[][], one: number, two: number): number {
  return table[one]?.[two] ?? 0;
}

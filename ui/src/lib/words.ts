/** Words of a command line: a shell-like line <-> the list that FFmpeg gets. */

export class QuoteError extends Error {
  /** The character where the quote begins, from 0. */
  readonly at: number;

  constructor(at: number) {
    super(`a quote that begins at character ${at + 1} never ends`);
    this.at = at;
  }
}

/** Split as a POSIX shell does, without expansions. Throws QuoteError. */
export function parseWords(line: string): string[] {
  const words: string[] = [];
  let word: string | null = null;
  for (let at = 0; at < line.length; at++) {
    const character = line.charAt(at);
    if (/\s/.test(character)) {
      if (word !== null) words.push(word);
      word = null;
    } else if (character === "'" || character === '"') {
      const [text, end] = readQuoted(line, at);
      word = (word ?? "") + text;
      at = end;
    } else if (character === "\\" && at + 1 < line.length) {
      word = (word ?? "") + line.charAt(++at);
    } else {
      word = (word ?? "") + character;
    }
  }
  if (word !== null) words.push(word);
  return words;
}

function readQuoted(line: string, start: number): [string, number] {
  const quote = line.charAt(start);
  let text = "";
  for (let at = start + 1; at < line.length; at++) {
    const character = line.charAt(at);
    if (character === quote) return [text, at];
    const next = line.charAt(at + 1);
    if (quote === '"' && character === "\\" && (next === '"' || next === "\\")) {
      text += next;
      at++;
    } else {
      text += character;
    }
  }
  throw new QuoteError(start);
}

/** Write words so that parseWords gives them back. */
export function writeWords(words: readonly string[]): string {
  return words.map(quoted).join(" ");
}

function quoted(word: string): string {
  if (word !== "" && !/[\s'"\\]/.test(word)) return word;
  return word.includes("'") ? `"${word.replace(/[\\"]/g, "\\$&")}"` : `'${word}'`;
}

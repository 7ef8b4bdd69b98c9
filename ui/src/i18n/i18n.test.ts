/** Languages: every sentence is there, none is empty, and each takes what it is given. */
import { describe, expect, it } from "vitest";
import { de } from "@/i18n/de";
import { en } from "@/i18n/en";

type Node = string | ((...given: (string | number)[]) => string) | { [key: string]: Node };

function sentences(node: Node, path = ""): Map<string, string> {
  if (typeof node === "string") return new Map([[path, node]]);
  if (typeof node === "function") return new Map([[path, String(node(7, 7, 7))]]);
  return new Map(Object.entries(node).flatMap(([key, value]) => [...sentences(value, `${path}.${key}`)]));
}

describe("German", () => {
  const english = sentences(en as unknown as Node);
  const german = sentences(de as unknown as Node);

  it("has every sentence", () => {
    expect([...german.keys()].sort()).toEqual([...english.keys()].sort());
    expect([...german].filter(([, text]) => !text.trim())).toEqual([]);
  });

  it("uses what it is given wherever English does", () => {
    const lost = [...english].filter(([path, text]) => text.includes("7") && !german.get(path)?.includes("7"));
    expect(lost).toEqual([]);
  });
});

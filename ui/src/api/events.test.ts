/** Events: the stream's lines, merge patches, and what they do to what the screens read. */
import { QueryClient } from "@tanstack/react-query";
import { describe, expect, it } from "vitest";
import { EventParser, apply, merged } from "@/api/events";
import { keys } from "@/api/queries";
import type { Process } from "@/api/types";
import { process } from "@/testing/app";

describe("the parser", () => {
  it("takes chunks that end anywhere", () => {
    const text = ': hello\nevent: process\ndata: {"id":"a"}\n\nevent: ready\ndata: {}\r\n\r\ndata: x\ndata: y\n\n';
    const whole = new EventParser().parse(text);
    expect(whole).toEqual([
      { name: "process", data: '{"id":"a"}' },
      { name: "ready", data: "{}" },
      { name: "message", data: "x\ny" },
    ]);
    const parser = new EventParser();
    expect([...text].flatMap((one) => parser.parse(one))).toEqual(whole);
  });
});

describe("merged", () => {
  it("is a merge patch: null takes away, lists replace", () => {
    expect(merged({ a: 1, b: { c: 2, d: [1] } }, { b: { c: null, d: [2] }, e: 3 })).toEqual({ a: 1, b: { d: [2] }, e: 3 });
  });
});

describe("apply", () => {
  const cache = () => {
    const client = new QueryClient();
    client.setQueryData(keys.processes, [process("cam"), process("gate")]);
    return { client, list: () => client.getQueryData<Process[]>(keys.processes) ?? [] };
  };

  it("lays progress over what is known, and leaves inputs in place", () => {
    const { client, list } = cache();
    apply(client, { name: "progress", data: JSON.stringify({ id: "cam", state: { cpu_usage: 50, progress: { fps: 12 } } }) });
    expect(list()[0]?.state).toMatchObject({ cpu_usage: 50, exec: "running", progress: { fps: 12, inputs: [] } });
  });

  it("reads a process anew whose config was changed, or that is new", () => {
    const { client } = cache();
    apply(client, { name: "process", data: JSON.stringify({ id: "cam", updated_at: 1, state: {} }) });
    expect(client.getQueryState(keys.processes)?.isInvalidated).toBe(false);
    apply(client, { name: "process", data: JSON.stringify({ id: "cam", updated_at: 9, state: {} }) });
    expect(client.getQueryState(keys.processes)?.isInvalidated).toBe(true);
  });

  it("forgets what was deleted, and ignores what it doesn't know", () => {
    const { client, list } = cache();
    apply(client, { name: "deleted", data: '{"id":"cam"}' });
    apply(client, { name: "weather", data: '{"id":"gate","state":{"exec":"rain"}}' });
    apply(client, { name: "ready", data: "{}" });
    expect(list().map((one) => [one.id, one.state.exec])).toEqual([["gate", "running"]]);
  });
});

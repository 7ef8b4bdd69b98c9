/** The wall's queue: so many at a time, in the order in which they asked. */
import { describe, expect, it } from "vitest";
import { Queue } from "@/views/wall/queue";

describe("the queue", () => {
  it("lets so many connect at a time, in order", () => {
    const queue = new Queue(2);
    const begun: string[] = [];
    for (const id of ["a", "b", "c", "d"]) queue.enter(id, () => begun.push(id));
    expect(begun).toEqual(["a", "b"]);
    queue.leave("b");
    queue.leave("b");
    expect(begun).toEqual(["a", "b", "c"]);
  });

  it("forgets who doesn't want it any more", () => {
    const queue = new Queue(1);
    const begun: string[] = [];
    for (const id of ["a", "b", "c"]) queue.enter(id, () => begun.push(id));
    queue.leave("b");
    queue.leave("a");
    expect(begun).toEqual(["a", "c"]);
  });
});

/** Queue: few tiles connect at a time, however slow the machine; the daemon bounds unfinished connections. */
import { useEffect, useState } from "react";

export const AT_A_TIME = 4;

export class Queue {
  readonly #size: number;
  readonly #waiting = new Map<string, () => void>();
  readonly #busy = new Set<string>();

  constructor(size = AT_A_TIME) {
    this.#size = size;
  }

  /** Ask for a turn; `call` may come at once. */
  enter(id: string, call: () => void): void {
    this.#waiting.set(id, call);
    this.#next();
  }

  /** Done, or not wanted any more; a second time is harmless. */
  leave(id: string): void {
    this.#waiting.delete(id);
    this.#busy.delete(id);
    this.#next();
  }

  #next(): void {
    for (const [id, call] of this.#waiting) {
      if (this.#busy.size >= this.#size) return;
      this.#waiting.delete(id);
      this.#busy.add(id);
      call();
    }
  }
}

/** Whether it is a tile's turn; it lasts as long as it is wanted. */
export function useTurn(queue: Queue, id: string, isWanted: boolean): boolean {
  const [isTurn, setTurn] = useState(false);
  useEffect(() => {
    if (!isWanted) return;
    queue.enter(id, () => setTurn(true));
    return () => {
      queue.leave(id);
      setTurn(false);
    };
  }, [queue, id, isWanted]);
  return isTurn && isWanted;
}

/** Clock: time and timers as an argument, so that tests own them. */

export type Timer = ReturnType<typeof setTimeout>;

export interface Clock {
  /** Milliseconds, monotonic. */
  now(): number;
  set(call: () => void, milliseconds: number): Timer;
  clear(timer: Timer | undefined): void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  set: (call, milliseconds) => setTimeout(call, milliseconds),
  clear: (timer) => clearTimeout(timer),
};

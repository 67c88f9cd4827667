import type { Clock } from "../clock.ts";

/** A clock that runs like another one and can be moved ahead of it. */
export class MovableClock implements Clock {
  readonly #base: Clock;
  #aheadMs = 0;

  constructor(base: Clock) {
    this.#base = base;
  }

  now(): number {
    return this.#base.now() + this.#aheadMs;
  }

  monotonic(): number {
    return this.#base.monotonic() + this.#aheadMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.#base.sleep(ms, signal);
  }

  /** Moves the wall clock and the monotonic one. A sleep that is under way takes no notice. */
  advance(ms: number): void {
    this.#aheadMs += ms;
  }
}

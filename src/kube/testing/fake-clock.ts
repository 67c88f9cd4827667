import type { Clock } from "../../clock.ts";

interface Sleeper {
  readonly due: number;
  readonly wake: () => void;
}

/** A clock that stands still until a test moves it. */
export class FakeClock implements Clock {
  #wall: number;
  #monotonic = 0;
  readonly #sleepers = new Set<Sleeper>();

  constructor(wall = Date.UTC(2030, 0, 1)) {
    this.#wall = wall;
  }

  now(): number {
    return this.#wall;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  /** How many sleeps are going on. */
  get sleeping(): number {
    return this.#sleepers.size;
  }

  /** How long until the next sleeper wakes, in milliseconds; undefined if nobody sleeps. */
  get nextWakeMs(): number | undefined {
    const first = this.#first();
    return first && first.due - this.#monotonic;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const onAbort = () => {
        this.#sleepers.delete(sleeper);
        reject(signal?.reason);
      };
      const sleeper: Sleeper = {
        due: this.#monotonic + Math.max(ms, 0),
        wake: () => {
          signal?.removeEventListener("abort", onAbort);
          resolve();
        },
      };
      this.#sleepers.add(sleeper);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** Moves both clocks, waking every sleeper at its time and letting what it starts settle before going on. */
  async advance(ms: number): Promise<void> {
    const target = this.#monotonic + ms;
    await settle();
    for (let first = this.#first(); first !== undefined && first.due <= target; first = this.#first()) {
      this.#move(first.due);
      this.#sleepers.delete(first);
      first.wake();
      await settle();
    }
    this.#move(target);
  }

  /** Moves the wall clock alone, as an administrator or a time server does. */
  jumpWall(ms: number): void {
    this.#wall += ms;
  }

  /** Time passes and nobody wakes: the process was stopped. */
  freeze(ms: number): void {
    this.#move(this.#monotonic + ms);
  }

  #move(to: number): void {
    const by = Math.max(0, to - this.#monotonic);
    this.#monotonic += by;
    this.#wall += by;
  }

  #first(): Sleeper | undefined {
    let first: Sleeper | undefined;
    for (const sleeper of this.#sleepers) {
      if (first === undefined || sleeper.due < first.due) {
        first = sleeper;
      }
    }
    return first;
  }
}

/** Lets everything that is ready to run do so: promises, and callbacks of input and output that have arrived. */
export async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/**
 * Waits for real input and output (a local connection) to bring something about. Fails after ten real seconds, which
 * only a broken test reaches.
 */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const giveUpAt = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > giveUpAt) {
      throw new Error(`waited in vain until ${what}`);
    }
    await settle();
  }
}

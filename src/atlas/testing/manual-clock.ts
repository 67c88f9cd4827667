import type { Clock } from "../../clock.ts";

interface Sleeper {
  readonly wakesAt: number;
  readonly wake: () => void;
}

export interface ManualClockOptions {
  /** Wall-clock time at the start, milliseconds since the epoch. @default 2026-01-01T00:00:00Z */
  readonly startAt?: number;
  /** Sleeps up to this long end at once and move the time by as much. @default 0 */
  readonly skipUpToMs?: number;
}

/** A clock that only a test moves. */
export class ManualClock implements Clock {
  /** How long each sleep was to last, in order. */
  readonly sleeps: number[] = [];
  readonly #skipUpToMs: number;
  readonly #sleepers = new Set<Sleeper>();
  readonly #watchers = new Set<() => void>();
  #wall: number;
  #monotonic = 1_000_000;

  constructor(options: ManualClockOptions = {}) {
    this.#wall = options.startAt ?? Date.UTC(2026, 0, 1);
    this.#skipUpToMs = options.skipUpToMs ?? 0;
  }

  now(): number {
    return this.#wall;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  /** Moves the wall clock alone, as an administrator or a machine that slept would. */
  setWallClockBy(ms: number): void {
    this.#wall += ms;
  }

  /** Moves the time and wakes whoever was to be woken until then. */
  advance(ms: number): void {
    const until = this.#monotonic + ms;
    for (;;) {
      const next = [...this.#sleepers].sort((one, other) => one.wakesAt - other.wakesAt)[0];
      if (next === undefined || next.wakesAt > until) break;
      this.#moveTo(next.wakesAt);
      next.wake();
    }
    this.#moveTo(until);
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.sleeps.push(ms);
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (ms <= this.#skipUpToMs) {
      this.advance(ms);
      return Promise.resolve();
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = () => {
      this.#sleepers.delete(sleeper);
      reject(signal?.reason);
    };
    const sleeper: Sleeper = {
      wakesAt: this.#monotonic + ms,
      wake: () => {
        this.#sleepers.delete(sleeper);
        signal?.removeEventListener("abort", onAbort);
        resolve();
      },
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#sleepers.add(sleeper);
    for (const watcher of this.#watchers) watcher();
    return promise;
  }

  /** Resolves once someone sleeps for exactly so long. */
  async sleeping(ms: number): Promise<void> {
    while (![...this.#sleepers].some(({ wakesAt }) => wakesAt === this.#monotonic + ms)) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#watchers.add(resolve);
      await promise;
      this.#watchers.delete(resolve);
    }
  }

  #moveTo(monotonic: number): void {
    this.#wall += monotonic - this.#monotonic;
    this.#monotonic = monotonic;
  }
}

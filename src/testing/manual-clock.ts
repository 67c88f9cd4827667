import type { Clock } from "../clock.ts";
import { settle } from "./settle.ts";

interface Sleeper {
  readonly dueAt: number;
  readonly wake: () => void;
}

export interface ManualClockOptions {
  /** Wall-clock time at the start, milliseconds since the epoch. @default 2026-01-01T00:00:00Z */
  readonly startAt?: number;
  /** Sleeps up to this long end at once and move the time by as much. @default no sleep does */
  readonly skipUpToMs?: number;
}

/** A clock that stands still until a test moves it. */
export class ManualClock implements Clock {
  /** How long each sleep was to last, in order. */
  readonly sleeps: number[] = [];
  readonly #skipUpToMs: number;
  readonly #sleepers = new Set<Sleeper>();
  readonly #watchers = new Set<() => void>();
  #wall: number;
  #monotonic = 0;

  constructor(options: ManualClockOptions = {}) {
    this.#wall = options.startAt ?? Date.UTC(2026, 0, 1);
    this.#skipUpToMs = options.skipUpToMs ?? Number.NEGATIVE_INFINITY;
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

  /** How long until the next sleeper wakes, in milliseconds; undefined if nothing sleeps. */
  get nextWakeMs(): number | undefined {
    const first = this.#first();
    return first && first.dueAt - this.#monotonic;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.sleeps.push(ms);
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (ms <= this.#skipUpToMs) {
      this.advanceNow(ms);
      return Promise.resolve();
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = () => {
      this.#sleepers.delete(sleeper);
      reject(signal?.reason);
    };
    const sleeper: Sleeper = {
      dueAt: this.#monotonic + Math.max(ms, 0),
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

  /** Resolves once a caller sleeps for exactly so long. */
  async untilSleeping(ms: number): Promise<void> {
    while (![...this.#sleepers].some(({ dueAt }) => dueAt === this.#monotonic + ms)) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#watchers.add(resolve);
      await promise;
      this.#watchers.delete(resolve);
    }
  }

  /** Moves both clocks, waking every sleeper at its time and letting what it starts settle before going on. */
  async advance(ms: number): Promise<void> {
    const until = this.#monotonic + ms;
    await settle();
    while (this.#wakeNext(until)) await settle();
    this.#moveTo(until);
  }

  /** Moves both clocks and wakes every sleeper at its time, before anything that they start can run. */
  advanceNow(ms: number): void {
    const until = this.#monotonic + ms;
    while (this.#wakeNext(until));
    this.#moveTo(until);
  }

  /** Moves the wall clock alone, as an administrator, a time server or a machine that slept does. */
  jumpWall(ms: number): void {
    this.#wall += ms;
  }

  /** Time passes and no sleeper wakes: the process was stopped. */
  freeze(ms: number): void {
    this.#moveTo(this.#monotonic + ms);
  }

  #wakeNext(until: number): boolean {
    const first = this.#first();
    if (first === undefined || first.dueAt > until) return false;
    this.#moveTo(first.dueAt);
    first.wake();
    return true;
  }

  /** Of two that are due at the same time, the one that fell asleep first. */
  #first(): Sleeper | undefined {
    let first: Sleeper | undefined;
    for (const sleeper of this.#sleepers) {
      if (first === undefined || sleeper.dueAt < first.dueAt) first = sleeper;
    }
    return first;
  }

  #moveTo(monotonic: number): void {
    const by = Math.max(monotonic - this.#monotonic, 0);
    this.#monotonic += by;
    this.#wall += by;
  }
}

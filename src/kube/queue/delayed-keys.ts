import type { Clock } from "../../clock.ts";
import { Heap } from "./heap.ts";

/**
 * - `wall`: milliseconds since the epoch; for times that mean something outside, such as the renewal of a certificate
 * - `monotonic`: for backoff, which a changed clock must not stretch
 */
export type TimeBasis = "wall" | "monotonic";

interface Delayed {
  readonly key: string;
  readonly basis: TimeBasis;
  readonly at: number;
  readonly priority: number;
}

/** A clock that is kept in step is set back by less than this, in milliseconds. */
const SET_BACK_MS = 60_000;

/**
 * The keys that wait for a time, each once. Only comparisons with the clock, no timers: a caller that asks late, after a
 * suspended machine or a changed clock, loses nothing. Where the wall clock is set back, what waits for a time of it is
 * due: the wrong clock may have set that time, a year too late.
 */
export class DelayedKeys {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Delayed>();
  /** May hold entries that were replaced or removed since: only those that `#entries` holds count. */
  readonly #heaps: Readonly<Record<TimeBasis, Heap<Delayed>>> = {
    wall: new Heap((a, b) => a.at < b.at),
    monotonic: new Heap((a, b) => a.at < b.at),
  };

  /** How far the wall clock was ahead of the monotonic one, when it was last measured. */
  #wallAheadMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#wallAheadMs = clock.now() - clock.monotonic();
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Makes the key wait until then; if it waits already, the earlier time counts. */
  add(key: string, basis: TimeBasis, at: number, priority: number): void {
    const entry: Delayed = { key, basis, at, priority };
    const existing = this.#entries.get(key);
    if (existing !== undefined && this.#leftMs(existing) <= this.#leftMs(entry)) return;
    this.#entries.set(key, entry);
    const heap = this.#heaps[basis];
    heap.push(entry);
    // A renewal is months away and its key is scheduled a thousand times before: replaced entries must not pile up.
    if (heap.size > 2 * this.#entries.size + 64) heap.retain((one) => this.#entries.get(one.key) === one);
  }

  remove(key: string): void {
    this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
    for (const heap of Object.values(this.#heaps)) heap.retain(() => false);
  }

  /** Takes out the keys that are due. */
  takeDue(): readonly { readonly key: string; readonly priority: number }[] {
    const due: Delayed[] = this.#isSetBack() ? this.#takeAll("wall") : [];
    for (const heap of [this.#heaps.wall, this.#heaps.monotonic]) {
      for (let first = this.#first(heap); first && this.#leftMs(first) <= 0; first = this.#first(heap)) {
        heap.pop();
        this.#entries.delete(first.key);
        due.push(first);
      }
    }
    return due;
  }

  /** How long until the next key is due, in milliseconds; undefined if none waits. */
  get nextMs(): number | undefined {
    const lefts = [this.#heaps.wall, this.#heaps.monotonic]
      .map((heap) => this.#first(heap))
      .flatMap((entry) => (entry === undefined ? [] : [this.#leftMs(entry)]));
    return lefts.length === 0 ? undefined : Math.max(0, Math.min(...lefts));
  }

  #isSetBack(): boolean {
    const before = this.#wallAheadMs;
    this.#wallAheadMs = this.#clock.now() - this.#clock.monotonic();
    return this.#wallAheadMs < before - SET_BACK_MS;
  }

  #takeAll(basis: TimeBasis): Delayed[] {
    const all = [...this.#entries.values()].filter((entry) => entry.basis === basis);
    for (const { key } of all) this.#entries.delete(key);
    return all;
  }

  #first(heap: Heap<Delayed>): Delayed | undefined {
    let first = heap.peek();
    while (first !== undefined && this.#entries.get(first.key) !== first) {
      heap.pop();
      first = heap.peek();
    }
    return first;
  }

  #leftMs(entry: Delayed): number {
    return entry.at - (entry.basis === "wall" ? this.#clock.now() : this.#clock.monotonic());
  }
}

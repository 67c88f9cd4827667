import { Heap } from "../../../src/kube/queue/heap.ts";
import { runMicrotasks } from "./microtasks.ts";

/** Something that happens at a time. Taking `run` away cancels it. */
export interface Timer {
  readonly at: number;
  readonly order: number;
  run: (() => void) | undefined;
}

/** A time base that timers can be set on. */
export interface TimeBase {
  now(): number;
  after(ms: number, run: () => void): Timer;
}

const before = (one: Timer, other: Timer) => one.at < other.at || (one.at === other.at && one.order < other.order);

/**
 * Owns time. Nothing waits: the next timer runs, then everything that it made ready, then the next one, whether a
 * millisecond or a day later.
 *
 * Leases have a time base of their own, which stands still while `isQuiet`: a leader that renews every two seconds
 * would fill two days with 86,000 renewals that say nothing. All leases stand still together, so that none notices.
 */
export class Scheduler {
  /** Called before each step, at its time, to deliver what has happened without a step of its own. */
  beforeStep: () => void = () => {};
  /** Called after each step. */
  afterStep: () => void = () => {};
  isQuiet: () => boolean = () => false;
  steps = 0;
  readonly real: TimeBase = { now: () => this.#now, after: (ms, run) => this.#add(this.#timers, this.#now + ms, run) };
  readonly lease: TimeBase = {
    now: () => this.#now - this.#leaseStoodMs,
    after: (ms, run) => this.#add(this.#leaseTimers, this.lease.now() + ms, run),
  };
  readonly #timers = new Heap<Timer>(before);
  readonly #leaseTimers = new Heap<Timer>(before);
  #now: number;
  #leaseStoodMs = 0;
  #order = 0;

  constructor(startAt: number) {
    this.#now = startAt;
  }

  get now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): Timer {
    return this.real.after(ms, run);
  }

  at(time: number, run: () => void): Timer {
    return this.#add(this.#timers, Math.max(time, this.#now), run);
  }

  /** Runs everything until then, or until `isOver`. To be called from a macrotask. */
  runUntil(end: number, isOver: () => boolean): void {
    runMicrotasks();
    while (!isOver()) {
      const next = first(this.#timers);
      const nextLease = first(this.#leaseTimers);
      const leaseAt = nextLease === undefined ? Number.POSITIVE_INFINITY : nextLease.at + this.#leaseStoodMs;
      const isLease = leaseAt < (next?.at ?? Number.POSITIVE_INFINITY) && !this.isQuiet();
      const at = isLease ? leaseAt : (next?.at ?? Number.POSITIVE_INFINITY);
      if (at > end) break;
      if (!isLease && at > this.#now && this.isQuiet()) this.#leaseStoodMs += at - this.#now;
      this.#now = at;
      this.beforeStep();
      this.#step((isLease ? this.#leaseTimers : this.#timers).pop());
    }
  }

  #step(timer: Timer | undefined): void {
    const run = timer?.run;
    if (timer === undefined || run === undefined) return;
    timer.run = undefined;
    this.steps += 1;
    run();
    runMicrotasks();
    this.afterStep();
  }

  #add(heap: Heap<Timer>, at: number, run: () => void): Timer {
    this.#order += 1;
    const timer: Timer = { at, order: this.#order, run };
    heap.push(timer);
    return timer;
  }
}

/** The next one that was not cancelled. */
function first(heap: Heap<Timer>): Timer | undefined {
  let timer = heap.peek();
  while (timer !== undefined && timer.run === undefined) {
    heap.pop();
    timer = heap.peek();
  }
  return timer;
}

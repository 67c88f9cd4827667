import { type BackoffOptions, backoffMs } from "../../backoff.ts";
import type { Clock } from "../../clock.ts";
import { whenAborted } from "../../deadline.ts";
import { Alarm } from "../alarm.ts";
import type { Log } from "../log.ts";
import { DelayedKeys } from "./delayed-keys.ts";
import { ReadyKeys, type Share } from "./ready-keys.ts";
import { startLimit } from "./time-limit.ts";

/** A worker's result for a key. A throw is the third outcome: retry after a backoff. */
export type Outcome =
  /** Nothing more to do until the key is added again. */
  | { readonly kind: "done" }
  /** Reconcile again at this wall-clock time, in milliseconds; `priority` as in `add`. */
  | { readonly kind: "again"; readonly at: number; readonly priority?: number };

/** How a run ended, for metrics. */
export type RunResult = "done" | "again" | "failed" | "timedOut";

export type Worker = (key: string, signal: AbortSignal) => Promise<Outcome>;

/** Receives the figures of each run. It must not throw. */
export interface WorkQueueObserver {
  /** @param waitedMs how long the key had been due */
  started?(key: string, waitedMs: number): void;
  finished?(key: string, workedMs: number, result: RunResult): void;
}

export interface WorkQueueOptions {
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  /** The wait after a failure. @default from 1 s to 5 min */
  readonly backoff?: BackoffOptions;
  /** The shares of a key: limits that it has in common with others. @default none */
  readonly sharesOf?: (key: string) => readonly Share[];
  readonly observer?: WorkQueueObserver;
  /** Longest time between two checks of the wall clock, which can be changed, in milliseconds. @default 1 min */
  readonly clockCheckMs?: number | undefined;
}

export interface AddOptions {
  /** Smaller goes sooner. @default 0 */
  readonly priority?: number;
}

export interface RunOptions {
  /** Number of keys that are worked on concurrently. */
  readonly concurrency: number;
  /** After this long a worker's signal aborts, in milliseconds; the reason is a DeadlineReached. */
  readonly itemTimeoutMs: number;
  /** Aborts when no more keys shall be taken; the signals of the workers at work abort with it. */
  readonly signal: AbortSignal;
}

interface Run {
  readonly worker: Worker;
  readonly options: RunOptions;
  readonly idle: () => void;
}

interface Item {
  readonly startedAt: number;
  /** The key was added while it was worked on. */
  dirty: { priority: number } | undefined;
  /** It ignored its signal for so long that its place went to another key. */
  stuck: boolean;
}

const DEFAULT_BACKOFF: BackoffOptions = { firstMs: 1000, maxMs: 300_000 };
const CLOCK_CHECK_MS = 60_000;

/**
 * Keys to reconcile. A key is worked on by one worker at a time, and once more if it was added meanwhile; adding it
 * twice is adding it once. Delays are kept by the wall clock and survive a suspended machine.
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #ready: ReadyKeys;
  readonly #delayed: DelayedKeys;
  readonly #atWork = new Map<string, Item>();
  readonly #failures = new Map<string, number>();
  readonly #alarm: Alarm;
  #run: Run | undefined;
  #isPumping = false;
  #lastFinishedAt: number | undefined;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
    this.#ready = new ReadyKeys(options.sharesOf);
    this.#delayed = new DelayedKeys(options.clock);
    this.#alarm = new Alarm(options.clock);
  }

  /** Keys that are due and wait for a worker. */
  get depth(): number {
    return this.#ready.size;
  }

  /** Keys that wait for their time. */
  get delayed(): number {
    return this.#delayed.size;
  }

  /** Keys that are worked on. */
  get atWork(): number {
    return this.#atWork.size;
  }

  /** Runs that have ignored their time limit and hold their key. A restart would help. */
  get stuck(): number {
    return [...this.#atWork.values()].filter((item) => item.stuck).length;
  }

  /** How long the longest waiting due key has waited, in milliseconds; 0 if none waits. */
  get oldestWaitMs(): number {
    return Math.max(0, this.#options.clock.monotonic() - (this.#ready.oldestSince ?? Number.POSITIVE_INFINITY));
  }

  /** When a run last ended, monotonic milliseconds. */
  get lastFinishedAt(): number | undefined {
    return this.#lastFinishedAt;
  }

  /** Makes the key due now, whatever time it waited for. */
  add(key: string, options: AddOptions = {}): void {
    const priority = options.priority ?? 0;
    this.#delayed.remove(key);
    const item = this.#atWork.get(key);
    if (item === undefined) {
      this.#ready.add(key, priority, this.#options.clock.monotonic());
      this.#pump();
    } else {
      item.dirty = { priority: Math.min(priority, item.dirty?.priority ?? priority) };
    }
  }

  /** Makes the key due at a wall-clock time in milliseconds; if it waits already, the earlier time counts. */
  addAfter(key: string, at: number, options: AddOptions = {}): void {
    this.#delayed.add(key, "wall", at, options.priority ?? 0);
    this.#alarm.ring();
  }

  /** Forgets every key that waits, and all failures. What is at work goes on. */
  clear(): void {
    this.#ready.clear();
    this.#delayed.clear();
    this.#failures.clear();
  }

  /**
   * Works on keys until the signal aborts; resolves when the last worker has finished. Once the
   * signal has aborted it may be called again, though workers are still at work: they keep their keys, the new call waits
   * for them, and the earlier one resolves.
   */
  async run(worker: Worker, options: RunOptions): Promise<void> {
    const earlier = this.#run;
    if (earlier !== undefined && !earlier.options.signal.aborted) throw new Error("this work queue runs already");
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#run = { worker, options, idle: resolve };
    earlier?.idle();
    const wakeUp = this.#wakeDelayed(options.signal).catch((error: unknown) => {
      if (!options.signal.aborted) throw error;
    });
    this.#pump();
    await Promise.all([promise, wakeUp]);
  }

  async #wakeDelayed(signal: AbortSignal): Promise<void> {
    const { clockCheckMs = CLOCK_CHECK_MS } = this.#options;
    whenAborted(signal, () => this.#settle());
    while (true) {
      for (const { key, priority } of this.#delayed.takeDue()) {
        this.add(key, { priority });
      }
      await this.#alarm.sleep(Math.min(this.#delayed.nextMs ?? clockCheckMs, clockCheckMs), signal);
    }
  }

  /**
   * Starts workers, but not in the middle of the caller: a handler of changes may be half-way through a list, and of
   * the keys that come together the most urgent shall start first.
   */
  #pump(): void {
    if (!this.#isPumping) {
      this.#isPumping = true;
      queueMicrotask(() => {
        this.#isPumping = false;
        this.#startWorkers();
      });
    }
  }

  #startWorkers(): void {
    const run = this.#run;
    while (run !== undefined && !this.#isStopping(run) && this.#busy() < run.options.concurrency) {
      const next = this.#ready.take();
      if (next === undefined) return;
      void this.#process(run, next);
    }
  }

  /** Never rejects. */
  async #process(run: Run, next: { key: string; priority: number; since: number }): Promise<void> {
    const { clock, observer } = this.#options;
    const { key } = next;
    const item: Item = { startedAt: clock.monotonic(), dirty: undefined, stuck: false };
    this.#atWork.set(key, item);
    observer?.started?.(key, item.startedAt - next.since);
    const { itemTimeoutMs } = run.options;
    const limit = startLimit(clock, { timeoutMs: itemTimeoutMs, signal: run.options.signal }, () => {
      // It keeps its key, so that no second run of it starts, but not its place: one bad item starves no other.
      item.stuck = true;
      this.#ready.release(key);
      this.#options.log.error({ key, itemTimeoutMs }, "a reconcile exceeded its time limit and has not ended");
      this.#pump();
    });
    let outcome: Outcome | undefined;
    try {
      outcome = await run.worker(key, limit.signal);
    } catch (error: unknown) {
      this.#report(error, key, limit.signal, run);
    }
    limit.stop();
    this.#ready.release(key);
    this.#atWork.delete(key);
    this.#lastFinishedAt = clock.monotonic();
    this.#schedule(key, next.priority, item, outcome);
    const result = outcome?.kind ?? (limit.timedOut() ? "timedOut" : "failed");
    observer?.finished?.(key, this.#lastFinishedAt - item.startedAt, result);
    this.#pump();
    this.#settle();
  }

  #schedule(key: string, priority: number, item: Item, outcome: Outcome | undefined): void {
    // No worker would take it any more.
    if (this.#run === undefined || this.#isStopping(this.#run)) return;
    if (outcome === undefined) {
      this.#backOff(key, priority, item.dirty !== undefined);
      return;
    }
    this.#failures.delete(key);
    if (outcome.kind === "again") {
      this.addAfter(key, outcome.at, outcome.priority === undefined ? {} : { priority: outcome.priority });
    }
    if (item.dirty !== undefined) this.add(key, item.dirty);
  }

  /**
   * A key that changed during its failed run is due after the first backoff: soon, for the change may have fixed it,
   * but not at once, for a run that fails and changes its own object would never let go.
   */
  #backOff(key: string, priority: number, changed = false): void {
    const { clock, random, backoff = DEFAULT_BACKOFF } = this.#options;
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    const waitMs = backoffMs(backoff, changed ? 1 : failures, random());
    this.#delayed.add(key, "monotonic", clock.monotonic() + waitMs, priority);
    this.#alarm.ring();
  }

  #report(error: unknown, key: string, signal: AbortSignal, run: Run): void {
    const { log } = this.#options;
    if (run.options.signal.aborted && signal.aborted) {
      log.debug({ key, err: error }, "reconcile ended by the shutdown");
    } else {
      log.error({ key, err: error, failures: (this.#failures.get(key) ?? 0) + 1 }, "reconcile failed");
    }
  }

  #busy(): number {
    return this.#atWork.size - this.stuck;
  }

  #isStopping(run: Run): boolean {
    return run.options.signal.aborted;
  }

  #settle(): void {
    if (this.#atWork.size > 0) return;
    if (this.#run !== undefined && this.#isStopping(this.#run)) this.#run.idle();
  }
}

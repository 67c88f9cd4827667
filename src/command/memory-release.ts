import type { Clock } from "../clock.ts";

export interface MemoryReleaseOptions {
  readonly clock: Clock;
  readonly queue: { readonly depth: number; readonly atWork: number };
  /** Collects garbage; undefined where Node was started without --expose-gc. */
  readonly collect: (() => void) | undefined;
}

const CHECK_MS = 1_000;
/** A start is over so long after the caches are filled, unless there is work: what it has left behind can go. */
const START_MS = 5_000;
/** Fewer runs than this leave too little behind for a collection to be worth its time. */
const WORTH_RUNS = 200;

/**
 * Collects garbage once after the start, and whenever a burst of work is over. At rest an operator allocates nothing, so V8 collects nothing: what a
 * start over thousands of Secrets has strewn about, keys that were read and certificates outside of V8's heap among it,
 * would stay for hours.
 */
export class MemoryRelease {
  readonly #options: MemoryReleaseOptions;
  #runs = 0;
  #runsAtLastCheck = 0;
  /** Monotonic milliseconds of the first collection's time, until it is made. */
  #firstDueAt: number | undefined;

  constructor(options: MemoryReleaseOptions) {
    this.#options = options;
  }

  /** @param runs number of runs that have left as much behind */
  runFinished(runs = 1): void {
    this.#runs += runs;
  }

  /** Watches until the signal aborts, then resolves. Call it when the caches are filled. */
  async start(signal: AbortSignal): Promise<void> {
    const { clock, collect } = this.#options;
    this.#firstDueAt = clock.monotonic() + START_MS;
    while (collect !== undefined && !signal.aborted) {
      await clock.sleep(CHECK_MS, signal).catch(() => {
        // Aborted: the only way a sleep can fail.
      });
      if (!signal.aborted) this.#check(collect);
    }
  }

  #check(collect: () => void): void {
    const { clock, queue } = this.#options;
    const { depth, atWork } = queue;
    const isIdle = depth === 0 && atWork === 0 && this.#runs === this.#runsAtLastCheck;
    this.#runsAtLastCheck = this.#runs;
    const isFirst = this.#firstDueAt !== undefined && clock.monotonic() >= this.#firstDueAt;
    if (!isIdle || (this.#runs < WORTH_RUNS && !isFirst)) return;
    this.#firstDueAt = undefined;
    this.#runs = 0;
    this.#runsAtLastCheck = 0;
    collect();
  }
}

/** Node's own, which gives pages back that a usual collection keeps. */
export function exposedCollector(): (() => void) | undefined {
  const { gc } = globalThis;
  return gc && (() => void gc({ type: "major", execution: "sync", flavor: "last-resort" }));
}

import type { Clock } from "../clock.ts";
import { whenAborted } from "../deadline.ts";
import type { Log } from "../kube/log.ts";
import { type Outcome, type Worker, WorkQueue, type WorkQueueObserver } from "../kube/queue/work-queue.ts";

export interface NameQueueOptions {
  /** Once its signal aborts, this process may no longer lead: a reconcile writes nothing more. */
  readonly reconcile: Worker;
  /** Names of all objects as last seen. */
  readonly names: () => Iterable<string>;
  readonly observer?: WorkQueueObserver | undefined;
  /** Maximum number of concurrent reconciles. @default 8 */
  readonly workers?: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

/** How long one reconcile may take before its signal aborts, in milliseconds. */
const ITEM_TIMEOUT_MS = 120_000;

/** The platform team has few of these objects, and each waits for Atlas at most a few times. */
const WORKERS = 8;

/** How soon an object is reconciled again that another process changed in the meantime, in milliseconds. */
const OVERTAKEN_MS = 1000;

/** The outcome of a reconcile that another process was ahead of: the cache needs a moment to show what that one wrote. */
export function afterOvertaken(clock: Pick<Clock, "now">): Outcome {
  return { kind: "again", at: clock.now() + OVERTAKEN_MS };
}

/** Reconciles cluster-scoped objects of one kind, by their names. For the leader alone. */
export class NameQueue {
  readonly #options: NameQueueOptions;
  readonly #queue: WorkQueue;
  #isWorking = false;

  constructor(options: NameQueueOptions) {
    this.#options = options;
    const { clock, observer, random, log } = options;
    this.#queue = new WorkQueue({ clock, random, log, ...(observer !== undefined && { observer }) });
  }

  /** Whether it moves, for health checks. */
  get signs(): Pick<WorkQueue, "oldestWaitMs" | "lastFinishedAt"> {
    return this.#queue;
  }

  /** Makes an object due. A replica that does not work would only gather names. */
  wake(name: string): void {
    if (this.#isWorking) this.#queue.add(name);
  }

  wakeAll(): void {
    for (const name of this.#options.names()) this.wake(name);
  }

  /** Works until the signal aborts, then finishes the reconciles under way. After that it may be called again. */
  async work(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    this.#isWorking = true;
    whenAborted(signal, () => {
      this.#isWorking = false;
      this.#queue.clear();
    });
    this.wakeAll();
    const { reconcile, workers: concurrency = WORKERS } = this.#options;
    await this.#queue.run(reconcile, { concurrency, itemTimeoutMs: ITEM_TIMEOUT_MS, signal });
  }
}

import { askedWaitMs, backoffMs } from "../../backoff.ts";
import { KubeError } from "../kube-error.ts";

const BACKOFF = { firstMs: 1000, maxMs: 30_000 };
/** Number of retries of a watch from the same resourceVersion before everything is listed again. */
const RELIST_AFTER_FAILURES = 8;
/**
 * So many watches that were accepted and then said nothing, not even a bookmark: after a restore from a backup the
 * API server takes a resourceVersion that is yet to come, and waits for it.
 */
const RELIST_AFTER_SILENT_WATCHES = 2;

/** The next step after a failed list or watch. */
export interface Recovery {
  readonly failuresInARow: number;
  readonly waitMs: number;
  /** Whether everything is listed again, rather than the watch resumed where it broke off. */
  readonly listAgain: boolean;
  /** A connection that was cut once, which is nothing to report. */
  readonly isEveryday: boolean;
}

/** Decides how a reflector recovers from failures. */
export class WatchRecovery {
  readonly #random: () => number;
  #failuresInARow = 0;
  /** Watches that were accepted since one last sent something. */
  #silentWatches = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  listed(): void {
    this.#silentWatches = 0;
  }

  /** A watch was accepted. */
  opened(): void {
    this.#silentWatches += 1;
  }

  /** A watch sent a change or a bookmark. */
  received(): void {
    this.#silentWatches = 0;
    this.#failuresInARow = 0;
  }

  /** A watch ended in good order. */
  ended(): void {
    this.#failuresInARow = 0;
  }

  failed(error: unknown): Recovery {
    this.#failuresInARow += 1;
    const failuresInARow = this.#failuresInARow;
    // Resuming cannot help when that place is gone, or when the answer there makes no sense.
    const listAgain =
      KubeError.is(error, "Expired", "BadAnswer") ||
      failuresInARow % RELIST_AFTER_FAILURES === 0 ||
      (KubeError.is(error, "Timeout") && this.#silentWatches >= RELIST_AFTER_SILENT_WATCHES);
    const asked = KubeError.is(error) ? error.retryAfterMs : undefined;
    const waitMs = Math.max(
      backoffMs(BACKOFF, failuresInARow, this.#random()),
      asked === undefined ? 0 : askedWaitMs(asked, this.#random()),
    );
    const isEveryday = failuresInARow === 1 && !KubeError.is(error, "Forbidden", "Unauthorized", "NotFound");
    return { failuresInARow, waitMs, listAgain, isEveryday };
  }
}

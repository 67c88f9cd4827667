import type { Clock } from "../clock.ts";

/**
 * A signal that aborts when the caller's does or when a time is over, whichever comes first. `clear()` must be called
 * at the end: it takes the timer and the listener away. (AbortSignal.any keeps both for as long as a long-lived signal
 * lives.)
 */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #timer = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #onOuterAbort = () => this.#controller.abort(this.#outer?.reason);
  #expired = false;

  constructor(clock: Clock, ms: number, outer: AbortSignal | undefined) {
    this.#outer = outer;
    if (outer?.aborted) {
      this.#controller.abort(outer.reason);
      return;
    }
    outer?.addEventListener("abort", this.#onOuterAbort, { once: true });
    clock.sleep(ms, this.#timer.signal).then(
      () => {
        this.#expired = true;
        this.#controller.abort(new DOMException(`no answer within ${ms} ms`, "TimeoutError"));
      },
      () => {},
    );
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether it was the time that ran out, and not the caller who gave up. */
  get expired(): boolean {
    return this.#expired;
  }

  /** Takes the timer away; the caller's signal still aborts this one. */
  stopTimer(): void {
    this.#timer.abort();
  }

  /** Aborts now, and clears. */
  abort(reason?: unknown): void {
    this.#controller.abort(reason);
    this.clear();
  }

  clear(): void {
    this.#timer.abort();
    this.#outer?.removeEventListener("abort", this.#onOuterAbort);
  }
}

/** Settles like `promise`, or rejects with the signal's reason as soon as it aborts, whatever `promise` does later. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) {
      promise.catch(() => {});
      onAbort();
      return;
    }
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

import type { Clock } from "./clock.ts";

/** The reason of an abort that came from a deadline and not from the caller. */
export class DeadlineReached extends Error {
  override readonly name = "DeadlineReached";

  constructor(ms: number) {
    super(`no answer within ${ms} ms`);
  }
}

/**
 * Acts as soon as a signal aborts: at once if it has.
 *
 * @returns ends the link, which a long-lived signal would keep otherwise
 */
export function whenAborted(signal: AbortSignal | undefined, act: (reason: unknown) => void): () => void {
  const listener = () => act(signal?.reason);
  if (signal?.aborted) listener();
  else signal?.addEventListener("abort", listener, { once: true });
  return () => signal?.removeEventListener("abort", listener);
}

/** Whether an error is the reason of the signal's abort. Rejecting with it counts as an orderly end. */
export function isAbortReason(error: unknown, signal: AbortSignal): boolean {
  return signal.aborted && error === signal.reason;
}

/** Why a timer was taken away. One for all: without it each abort makes an exception with a stack, for every call. */
export const CLEARED = new Error("the timer was taken away");

/**
 * A signal that aborts when the caller's does or when a time is over (reason: DeadlineReached), whichever comes first.
 * `clear()` must be called at the end: it takes the timer and the listener away. (AbortSignal.any keeps both for as long
 * as a long-lived signal lives.)
 */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #timer = new AbortController();
  readonly #unlink: () => void;
  #expired = false;

  constructor(clock: Clock, ms: number, outer: AbortSignal | undefined) {
    this.#unlink = whenAborted(outer, (reason) => this.#controller.abort(reason));
    if (outer?.aborted) return;
    clock.sleep(ms, this.#timer.signal).then(
      () => {
        this.#expired = true;
        this.#controller.abort(new DeadlineReached(ms));
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
    this.#timer.abort(CLEARED);
  }

  /** Aborts now, and clears. */
  abort(reason?: unknown): void {
    this.#controller.abort(reason);
    this.clear();
  }

  clear(): void {
    this.#timer.abort(CLEARED);
    this.#unlink();
  }
}

/**
 * Runs `work` with a signal that aborts after `ms` milliseconds or when the caller's signal does. It is up to the work
 * to obey it; the timer ends with the work.
 */
export async function withDeadline<T>(
  options: { readonly clock: Clock; readonly ms: number; readonly signal: AbortSignal | undefined },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = new Deadline(options.clock, options.ms, options.signal);
  try {
    return await work(deadline.signal);
  } finally {
    deadline.clear();
  }
}

/** Settles like `promise`, or rejects with the signal's reason as soon as it aborts, whatever `promise` does later. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    // Where it has aborted already, nothing else listens to the promise, whose failure must not end the process.
    promise.then(resolve, reject).finally(whenAborted(signal, reject));
  });
}

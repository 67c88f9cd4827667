import type { Clock } from "../clock.ts";

/** The reason of an abort that came from a deadline and not from the caller. */
export class DeadlineReached extends Error {
  constructor(ms: number) {
    super(`no result within ${ms} ms`);
    this.name = "DeadlineReached";
  }
}

/**
 * Runs `work` with a signal that aborts after `ms` milliseconds (reason: DeadlineReached) or when the caller's signal
 * does (reason: the caller's). The timer ends with the work. It is up to the work to obey the signal.
 */
export async function withDeadline<T>(
  options: { readonly clock: Clock; readonly ms: number; readonly signal: AbortSignal | undefined },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { clock, ms, signal } = options;
  const deadline = new AbortController();
  const finished = new AbortController();
  clock.sleep(ms, finished.signal).then(
    () => deadline.abort(new DeadlineReached(ms)),
    () => undefined,
  );
  try {
    return await work(signal === undefined ? deadline.signal : AbortSignal.any([signal, deadline.signal]));
  } finally {
    finished.abort();
  }
}

/** Waits for `promise` until the signal aborts, then rejects with its reason. The promise itself goes on. */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) {
    // It has lost its only listener, and its failure must not end the process.
    promise.catch(() => undefined);
    throw signal.reason;
  }
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

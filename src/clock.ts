export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/**
 * Time as a parameter: whatever waits, measures or compares takes a Clock, so that a test can move time and nothing
 * has to sleep for it.
 */
export interface Clock {
  /** Wall-clock time in milliseconds since the epoch. May jump in either direction. */
  now(): number;
  /** Milliseconds from an arbitrary point; never goes back. For durations and for holding a lease. */
  monotonic(): number;
  /**
   * Resolves after `ms` milliseconds of monotonic time; rejects with the signal's reason as soon as it aborts.
   * A wait longer than 2^31 - 1 ms is clamped to that (Node's timers fire at once beyond it): callers recompute
   * whether they are due.
   */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The longest wait that Node's timers can hold, about 24.8 days. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const onAbort = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(
        () => {
          signal?.removeEventListener("abort", onAbort);
          resolve();
        },
        Math.min(Math.max(ms, 0), MAX_TIMER_MS),
      );
      signal?.addEventListener("abort", onAbort, { once: true });
    }),
};

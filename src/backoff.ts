export interface BackoffOptions {
  /** The longest first wait, in milliseconds. */
  readonly firstMs: number;
  /** The longest wait, in milliseconds. */
  readonly maxMs: number;
}

/**
 * Wait before the next attempt, in milliseconds: it doubles from `firstMs` to at most `maxMs`, with a jitter between half
 * of it and the whole, so that callers that failed together do not return together.
 *
 * @param failures - number of consecutive failures, from 1
 * @param random - a number in [0, 1)
 */
export function backoffMs(options: BackoffOptions, failures: number, random: number): number {
  const whole = Math.min(options.maxMs, options.firstMs * 2 ** Math.min(Math.max(failures, 1) - 1, 40));
  return whole * (0.5 + random / 2);
}

/**
 * A wait that a server asked for, in milliseconds, with up to a quarter more: all callers that it turned away at once were
 * given the same time.
 *
 * @param random - a number in [0, 1)
 */
export function askedWaitMs(ms: number, random: number): number {
  return ms * (1 + random / 4);
}

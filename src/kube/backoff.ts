export interface BackoffOptions {
  /** The longest first wait in milliseconds. */
  readonly firstMs: number;
  /** The longest wait in milliseconds. */
  readonly maxMs: number;
}

/**
 * How long to wait before the next try: doubling from `firstMs` to at most `maxMs`, with a jitter between half of it
 * and the whole, so that what failed together does not come back together.
 *
 * @param failures how many failures there were in a row, from 1
 * @param random a number in [0, 1)
 */
export function backoffMs(options: BackoffOptions, failures: number, random: number): number {
  const whole = Math.min(options.maxMs, options.firstMs * 2 ** Math.min(Math.max(failures, 1) - 1, 40));
  return whole * (0.5 + random / 2);
}

/** How often a request that changes nothing is tried, in all. */
export const MAX_ATTEMPTS = 4;

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 10_000;
/** A server that asks for more is not waited for: the caller learns of it and plans. */
const LONGEST_OBEYED_RETRY_AFTER_MS = 60_000;

/**
 * How long to wait after the given failed attempt: exponential with full jitter, so that many callers that failed
 * together do not return together, and never less than the server asked for.
 *
 * @param attempt - the attempt that failed, from 1
 * @param random - from 0 (inclusive) to 1 (exclusive)
 * @param longestWaitMs - what the caller is ready to wait for a server that asks for a wait; never more than a minute
 * @returns milliseconds, or undefined when there is nothing more to wait for
 */
export function retryDelayMs(
  attempt: number,
  retryAfterMs: number | undefined,
  random: () => number,
  longestWaitMs = LONGEST_OBEYED_RETRY_AFTER_MS,
): number | undefined {
  if (attempt >= MAX_ATTEMPTS) return undefined;
  if (retryAfterMs !== undefined && retryAfterMs > Math.min(longestWaitMs, LONGEST_OBEYED_RETRY_AFTER_MS)) {
    return undefined;
  }
  const jitter = Math.round(random() * Math.min(FIRST_DELAY_MS * 2 ** (attempt - 1), LONGEST_DELAY_MS));
  return (retryAfterMs ?? 0) + jitter;
}

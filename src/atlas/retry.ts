import { askedWaitMs, backoffMs } from "../backoff.ts";

/** Number of times that a request that changes nothing is tried, in all. */
export const MAX_ATTEMPTS = 4;

const BACKOFF = { firstMs: 500, maxMs: 10_000 };
/** A server that asks for more is not waited for: the caller learns of it and plans. */
const LONGEST_OBEYED_RETRY_AFTER_MS = 60_000;

/**
 * Wait after the given failed attempt: exponential with jitter, and never shorter than the server asked for.
 *
 * @param attempt - the attempt that failed, from 1
 * @param random - from 0 (inclusive) to 1 (exclusive)
 * @param longestWaitMs - the longest wait that the caller accepts where a server asks for one; never more than a minute
 * @returns milliseconds, or undefined when there is nothing more to wait for
 */
export function retryDelayMs(
  attempt: number,
  retryAfterMs: number | undefined,
  random: () => number,
  longestWaitMs = LONGEST_OBEYED_RETRY_AFTER_MS,
): number | undefined {
  if (attempt >= MAX_ATTEMPTS) return undefined;
  if (retryAfterMs === undefined) return backoffMs(BACKOFF, attempt, random());
  return retryAfterMs > Math.min(longestWaitMs, LONGEST_OBEYED_RETRY_AFTER_MS)
    ? undefined
    : Math.max(backoffMs(BACKOFF, attempt, random()), askedWaitMs(retryAfterMs, random()));
}

import { askedWaitMs, backoffMs } from "../backoff.ts";
import type { Clock } from "../clock.ts";
import { AtlasError, type AtlasOperation } from "./errors/atlas-error.ts";
import { TransportFailure } from "./transport/transport-failure.ts";

/**
 * Tries something that changes nothing until it succeeds or fails for good: a bounded number of times, with jitter,
 * never sooner than the server asked. The last error is the one thrown, also when the signal ends the waiting.
 */
export async function repeat<T>(
  options: {
    readonly clock: Clock;
    readonly random: () => number;
    readonly signal: AbortSignal | undefined;
    /** Only its failures are repeated: a failed authentication has been repeated already. */
    readonly operation: AtlasOperation;
    /** As in `retryDelayMs`. */
    readonly longestWaitMs?: number | undefined;
  },
  attempt: () => Promise<T>,
): Promise<T> {
  for (let count = 1; ; count += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof AtlasError) || error.operation !== options.operation || !mayPass(error)) throw error;
      const delayMs = retryDelayMs(count, error.retryAfterMs, options.random, options.longestWaitMs);
      if (delayMs === undefined) throw error;
      await options.clock.sleep(delayMs, options.signal).catch(() => {
        throw error;
      });
    }
  }
}

function mayPass(error: AtlasError): boolean {
  // Without an answer it was our own pacing, which has waited already for as long as the caller wants to.
  if (error.kind === "rateLimited") return error.status !== undefined;
  // These do not change within seconds, and a proxy may lock an account after a few wrong passwords.
  const lasts =
    error.cause instanceof TransportFailure &&
    (error.cause.reason === "untrusted" || error.cause.reason === "proxyCredentials");
  return error.kind === "unavailable" && !lasts;
}

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

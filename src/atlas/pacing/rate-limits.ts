/** A token bucket as Atlas describes it: each request takes a token. */
export interface RateLimits {
  /** Requests that can be made at once when nothing was asked for long. */
  readonly capacityTokens: number;
  /** Tokens that come back per period. */
  readonly refillTokens: number;
  readonly refillPeriodMs: number;
}

/** The limits that Atlas publishes for the certificate endpoints, per project. */
export const DEFAULT_RATE_LIMITS: RateLimits = {
  capacityTokens: 1200,
  refillTokens: 500,
  refillPeriodMs: 60_000,
};

/** The state of the rate limit according to one answer. */
export interface RateReport {
  /** Capacity: `RateLimit-Limit`. */
  readonly limit?: number | undefined;
  /** Tokens left: `RateLimit-Remaining`. */
  readonly remaining?: number | undefined;
  /** No request before this many milliseconds: a 429 or 503 with `Retry-After`. */
  readonly blockMs?: number | undefined;
}

/** Reads the rate-limit headers of an answer. Anything that is not a whole number counts as absent. */
export function readRateReport(
  answer: { readonly status: number; readonly headers: ReadonlyMap<string, readonly string[]> },
  retryAfterMs: number | undefined,
): RateReport {
  const wholeNumber = (name: string): number | undefined => {
    const text = answer.headers.get(name)?.[0]?.trim() ?? "";
    return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
  };
  return {
    limit: wholeNumber("ratelimit-limit"),
    // A 429 means that nothing is left, whatever else the answer says.
    remaining: answer.status === 429 ? 0 : wholeNumber("ratelimit-remaining"),
    blockMs: answer.status === 429 || answer.status === 503 ? retryAfterMs : undefined,
  };
}

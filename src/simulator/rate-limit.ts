import type { Clock } from "../clock.ts";

/** A token bucket as Atlas describes its own: `refill` tokens come at once every `refillDurationSeconds`. */
export interface RateLimit {
  readonly capacity: number;
  readonly refill: number;
  readonly refillDurationSeconds: number;
}

/** The limit that Atlas publishes for the X.509 endpoints of one project. */
export const DEFAULT_RATE_LIMIT: RateLimit = { capacity: 1200, refill: 500, refillDurationSeconds: 60 };

/** Whether a request may pass, and the tokens left after it. */
type Admission =
  | { readonly kind: "admitted"; readonly remaining: number }
  | { readonly kind: "limited"; readonly retryAfterSeconds: number };

/** The bucket of one project. Requests that are refused cost nothing. */
export class TokenBucket {
  readonly #limit: RateLimit;
  readonly #clock: Clock;
  #tokens: number;
  #lastRefillMs: number;

  constructor(limit: RateLimit, clock: Clock) {
    this.#limit = limit;
    this.#clock = clock;
    this.#tokens = limit.capacity;
    this.#lastRefillMs = clock.monotonic();
  }

  /** Takes one token, if there is one. */
  take(): Admission {
    const intervalMs = this.#limit.refillDurationSeconds * 1000;
    const intervals = Math.floor((this.#clock.monotonic() - this.#lastRefillMs) / intervalMs);
    this.#lastRefillMs += intervals * intervalMs;
    this.#tokens = Math.min(this.#limit.capacity, this.#tokens + intervals * this.#limit.refill);
    if (this.#tokens < 1) {
      const waitMs = this.#lastRefillMs + intervalMs - this.#clock.monotonic();
      return { kind: "limited", retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)) };
    }
    this.#tokens -= 1;
    return { kind: "admitted", remaining: this.#tokens };
  }
}

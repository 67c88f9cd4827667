import type { Clock } from "../../clock.ts";

export interface RequestBudgetOptions {
  /** How many requests a second in the long run. */
  readonly requestsPerSecond: number;
  /** How many may go at once after a quiet time. */
  readonly burst: number;
  readonly clock: Clock;
}

/** A token bucket: callers wait in the order in which they came. */
export class RequestBudget {
  readonly #options: RequestBudgetOptions;
  #tokens: number;
  #filledAt: number;

  constructor(options: RequestBudgetOptions) {
    this.#options = options;
    this.#tokens = options.burst;
    this.#filledAt = options.clock.monotonic();
  }

  /** Resolves when the caller may send; rejects with the signal's reason, and then takes nothing. */
  async take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { clock, requestsPerSecond, burst } = this.#options;
    const now = clock.monotonic();
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#filledAt) / 1000) * requestsPerSecond);
    this.#filledAt = now;
    // Below zero is a reservation: the next request waits for it too, so none overtakes.
    this.#tokens -= 1;
    if (this.#tokens >= 0) return;
    try {
      await clock.sleep((-this.#tokens / requestsPerSecond) * 1000, signal);
    } catch (error) {
      this.#tokens += 1;
      throw error;
    }
  }
}

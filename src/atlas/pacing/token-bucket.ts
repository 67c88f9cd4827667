import type { RateLimits, RateReport } from "./rate-limits.ts";

/**
 * This client's picture of a token bucket at Atlas. Pure bookkeeping: times come in as milliseconds of a monotonic clock.
 *
 * Atlas adds the tokens of a period all at once, at a time that only a 429 tells. What is certain is that it does so once
 * within any period. So here too they come at once, and a period is counted from a moment at which Atlas' bucket held no
 * fewer tokens than this one: this bucket never holds a token that Atlas' does not.
 */
export class TokenBucket {
  #limits: RateLimits;
  #tokens: number;
  /** When the current period began. */
  #periodStart: number;
  /** Tokens taken after that. */
  #takenInPeriod = 0;
  #now: number;
  #blockedUntil = Number.NEGATIVE_INFINITY;
  /** Requests that took a token and whose answer is not known yet. */
  #underWay = 0;
  #refilled = 0;

  constructor(limits: RateLimits, now: number) {
    this.#limits = limits;
    this.#tokens = limits.capacityTokens;
    this.#periodStart = now;
    this.#now = now;
  }

  /** Milliseconds until a token can be taken; 0 when it can be now. */
  waitMs(now: number): number {
    this.#refill(now);
    const periods = this.#periodsUntilToken();
    const refilledAt = this.#periodStart + periods * this.#limits.refillPeriodMs;
    return Math.ceil(Math.max(periods === 0 ? 0 : refilledAt - now, this.#blockedUntil - now, 0));
  }

  /** Milliseconds until the next tokens come. */
  refillWaitMs(now: number): number {
    this.#refill(now);
    return Math.ceil(this.#periodStart + this.#limits.refillPeriodMs - now);
  }

  /** Whether Atlas asked for a pause that is not over. */
  isBlocked(now: number): boolean {
    return this.#blockedUntil > now;
  }

  /** Takes a token, if need be one that is still to come: Atlas may have let someone in whom this bucket did not know. */
  take(): void {
    // Atlas' bucket is full as well, whenever it was refilled.
    if (this.#tokens >= this.#limits.capacityTokens) this.#startPeriod(this.#now);
    this.#tokens -= 1;
    if (this.#now > this.#periodStart) this.#takenInPeriod += 1;
    this.#underWay += 1;
  }

  /** Gives a token back whose request Atlas did not count. */
  giveBack(): void {
    this.#underWay -= 1;
    this.#tokens = Math.min(this.#tokens + 1, this.#limits.capacityTokens);
  }

  /** Takes over what the answer to a request said. Others may use the same bucket, so Atlas' count goes first. */
  report(report: RateReport, now: number): void {
    this.#refill(now);
    this.#underWay -= 1;
    if (report.limit !== undefined && report.limit > 0 && report.limit !== this.#limits.capacityTokens) {
      // Of a bucket of another size only the size is told; it is taken to refill in the same time.
      const factor = report.limit / this.#limits.capacityTokens;
      const refillTokens = this.#limits.refillTokens * factor;
      this.setLimits({ ...this.#limits, capacityTokens: report.limit, refillTokens }, now);
    }
    if (report.remaining !== undefined) {
      // Atlas may not have counted yet what is still under way.
      const left = Math.max(report.remaining - this.#underWay, 0);
      if (left < this.#tokens) {
        this.#tokens = left;
        this.#startPeriod(now);
      }
    }
    if (report.blockMs !== undefined) {
      this.#blockedUntil = Math.max(this.#blockedUntil, now + report.blockMs);
      // The wait of an empty bucket is the time until its next refill.
      if (report.remaining === 0) this.#startPeriod(now + report.blockMs - this.#limits.refillPeriodMs);
    }
  }

  /** Sets the size and refill of the bucket. Tokens already taken stay taken. */
  setLimits(limits: RateLimits, now: number): void {
    this.#refill(now);
    if (limits.refillPeriodMs !== this.#limits.refillPeriodMs) this.#startPeriod(now);
    const more = limits.capacityTokens - this.#limits.capacityTokens;
    this.#limits = limits;
    this.#tokens = Math.min(Math.max(this.#tokens + more, 0), limits.capacityTokens);
  }

  get limits(): RateLimits {
    return this.#limits;
  }

  /** Tokens that could be taken now. */
  tokensLeft(now: number): number {
    this.#refill(now);
    return this.#blockedUntil > now ? 0 : Math.max(Math.floor(this.#tokens), 0);
  }

  /** Number of tokens that refills have added, from the beginning. */
  refilled(now: number): number {
    this.#refill(now);
    return this.#refilled;
  }

  #startPeriod(at: number): void {
    this.#periodStart = at;
    this.#takenInPeriod = 0;
  }

  #refill(now: number): void {
    this.#now = Math.max(now, this.#now);
    const { refillPeriodMs } = this.#limits;
    const periods = Math.floor((this.#now - this.#periodStart) / refillPeriodMs);
    if (periods < 1) return;
    const tokens = this.#tokensAfter(periods);
    this.#refilled += tokens - this.#tokens;
    this.#tokens = tokens;
    this.#startPeriod(this.#periodStart + periods * refillPeriodMs);
  }

  /** The tokens at the end of the current period and so many minus one after it, if none is taken. */
  #tokensAfter(periods: number): number {
    const { capacityTokens, refillTokens } = this.#limits;
    // Atlas may have refilled its bucket at the very start of the period, when it was full and nothing fitted in.
    const first = Math.min(this.#tokens + refillTokens, capacityTokens - this.#takenInPeriod);
    return Math.min(Math.max(first, this.#tokens) + (periods - 1) * refillTokens, capacityTokens);
  }

  #periodsUntilToken(): number {
    if (this.#tokens >= 1) return 0;
    const missing = Math.max(1 - this.#tokensAfter(1), 0);
    return 1 + Math.ceil(missing / this.#limits.refillTokens);
  }
}

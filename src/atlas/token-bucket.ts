import type { RateLimits, RateReport } from "./rate-limits.ts";

/** Verifying may use this part of the capacity and of the refill. */
const VERIFY_SHARE = 0.5;

/**
 * This client's picture of one project's token bucket at Atlas, and within it a smaller one for verifying, so that
 * looking after certificates never eats what issuing them needs. Pure bookkeeping: times come in as milliseconds of a
 * monotonic clock.
 */
export class TokenBucket {
  #limits: RateLimits;
  #tokens: number;
  #verifyTokens: number;
  #updatedAt: number;
  #blockedUntil = Number.NEGATIVE_INFINITY;
  /** Requests that took a token and whose answer is not known yet. */
  #underWay = 0;

  constructor(limits: RateLimits, now: number) {
    this.#limits = limits;
    this.#tokens = limits.capacityTokens;
    this.#verifyTokens = verifyCapacity(limits);
    this.#updatedAt = now;
  }

  /** Milliseconds until a token can be taken; 0 when it can be now. */
  waitMs(verify: boolean, now: number): number {
    this.#refill(now);
    const perMs = this.#limits.refillTokens / this.#limits.refillPeriodMs;
    const missing = Math.max(1 - this.#tokens, 0) / perMs;
    const verifyMissing = verify ? Math.max(1 - this.#verifyTokens, 0) / (perMs * VERIFY_SHARE) : 0;
    return Math.ceil(Math.max(missing, verifyMissing, this.#blockedUntil - now, 0));
  }

  /** Takes a token. Call it only when `waitMs` is 0. */
  take(verify: boolean): void {
    this.#tokens -= 1;
    if (verify) this.#verifyTokens -= 1;
    this.#underWay += 1;
  }

  /** Gives a token back whose request was not sent. */
  giveBack(verify: boolean): void {
    this.#underWay -= 1;
    this.#tokens = Math.min(this.#tokens + 1, this.#limits.capacityTokens);
    if (verify) this.#verifyTokens = Math.min(this.#verifyTokens + 1, verifyCapacity(this.#limits));
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
      this.#tokens = Math.min(this.#tokens, Math.max(report.remaining - this.#underWay, 0));
    }
    if (report.blockMs !== undefined) this.#blockedUntil = Math.max(this.#blockedUntil, now + report.blockMs);
  }

  /** Sets the size and refill of the bucket. Tokens already taken stay taken. */
  setLimits(limits: RateLimits, now: number): void {
    this.#refill(now);
    const more = limits.capacityTokens - this.#limits.capacityTokens;
    this.#limits = limits;
    this.#tokens = Math.min(Math.max(this.#tokens + more, 0), limits.capacityTokens);
    const verifyTokens = Math.max(this.#verifyTokens + more * VERIFY_SHARE, 0);
    this.#verifyTokens = Math.min(verifyTokens, verifyCapacity(limits));
  }

  /** Tokens that could be taken now. */
  tokensLeft(now: number): number {
    this.#refill(now);
    return this.#blockedUntil > now ? 0 : Math.max(Math.floor(this.#tokens), 0);
  }

  /** Whether the bucket is as good as a new one, so that it need not be kept. */
  isFull(now: number): boolean {
    return this.#underWay === 0 && this.tokensLeft(now) >= this.#limits.capacityTokens;
  }

  #refill(now: number): void {
    const { refillTokens, refillPeriodMs, capacityTokens } = this.#limits;
    const refill = (Math.max(now - this.#updatedAt, 0) * refillTokens) / refillPeriodMs;
    this.#tokens = Math.min(this.#tokens + refill, capacityTokens);
    this.#verifyTokens = Math.min(this.#verifyTokens + refill * VERIFY_SHARE, verifyCapacity(this.#limits));
    this.#updatedAt = now;
  }
}

/** At least one: half of a bucket of one would never be enough for a request. */
function verifyCapacity(limits: RateLimits): number {
  return Math.max(limits.capacityTokens * VERIFY_SHARE, 1);
}

import type { RateLimits, RateReport } from "./rate-limits.ts";
import { TokenBucket } from "./token-bucket.ts";
import { TurnShares } from "./turn-shares.ts";
import type { Waiting } from "./waiting-turns.ts";

/** A token bucket in which turns have their shares. Times are milliseconds of a monotonic clock. */
export class SharedBucket {
  readonly #bucket: TokenBucket;
  readonly #shares = new TurnShares();
  #refilled = 0;

  constructor(limits: RateLimits, now: number) {
    this.#bucket = new TokenBucket(limits, now);
  }

  get limits(): RateLimits {
    return this.#bucket.limits;
  }

  /** Milliseconds until there is a token, for whomever; 0 when there is one now. */
  waitMs(now: number): number {
    return this.#bucket.waitMs(now);
  }

  /** Milliseconds until a token can be taken, or until the next refill, which may make it possible; 0 when it is now. */
  turnWaitMs({ turn, priority }: Waiting, now: number): number {
    const refilled = this.refilled(now);
    if (refilled > this.#refilled) this.#shares.refill(refilled - this.#refilled);
    this.#refilled = refilled;
    const waitMs = this.#bucket.waitMs(now);
    if (waitMs > 0 || this.#shares.mayTake(turn, priority, this.#bucket.tokensLeft(now))) return waitMs;
    return this.#bucket.refillWaitMs(now);
  }

  take(turn: string | undefined): void {
    this.#bucket.take();
    this.#shares.take(turn);
  }

  /** Gives a token back whose request Atlas did not count. */
  giveBack(turn: string | undefined): void {
    this.#bucket.giveBack();
    this.#shares.giveBack(turn);
  }

  /** Takes over what the answer to a request said. */
  report(report: RateReport, now: number): void {
    this.#bucket.report(report, now);
  }

  setLimits(limits: RateLimits, now: number): void {
    this.#bucket.setLimits(limits, now);
  }

  tokensLeft(now: number): number {
    return this.#bucket.tokensLeft(now);
  }

  /** Whether Atlas asked for a pause that is not over. */
  isBlocked(now: number): boolean {
    return this.#bucket.isBlocked(now);
  }

  /** Number of tokens that refills have added, from the beginning. */
  refilled(now: number): number {
    return this.#bucket.refilled(now);
  }
}

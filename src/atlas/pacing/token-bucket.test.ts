import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { RateLimits, RateReport } from "./rate-limits.ts";
import { TokenBucket } from "./token-bucket.ts";

const LIMITS: RateLimits = { capacityTokens: 12, refillTokens: 5, refillPeriodMs: 60_000 };

/** The bucket at Atlas, which gets all tokens of a period at once, at unknown times. */
class BucketAtAtlas {
  readonly #firstRefillAt: number;
  #tokens = LIMITS.capacityTokens;
  #refills = 0;

  constructor(firstRefillAt: number) {
    this.#firstRefillAt = firstRefillAt;
  }

  /** Tokens left after a request, or undefined where it is refused with 429. */
  take(now: number): number | undefined {
    const refills = Math.max(Math.floor((now - this.#firstRefillAt) / LIMITS.refillPeriodMs) + 1, 0);
    this.#tokens = Math.min(this.#tokens + (refills - this.#refills) * LIMITS.refillTokens, LIMITS.capacityTokens);
    this.#refills = refills;
    if (this.#tokens < 1) return undefined;
    this.#tokens -= 1;
    return this.#tokens;
  }
}

describe("TokenBucket", () => {
  test("gets the tokens of a period at its end and not little by little, as that at Atlas does", () => {
    const bucket = new TokenBucket(LIMITS, 0);
    for (let count = 0; count < 12; count += 1) bucket.take();
    expect(bucket.waitMs(0)).toBe(60_000);
    expect(bucket.waitMs(59_999)).toBe(1);
    expect(bucket.tokensLeft(60_000)).toBe(5);
  });

  test("counts a period from the first request to a full bucket, before which Atlas may have refilled in vain", () => {
    const bucket = new TokenBucket(LIMITS, 0);
    expect(bucket.waitMs(50_000)).toBe(0);
    for (let count = 0; count < 12; count += 1) bucket.take();
    expect(bucket.waitMs(60_000)).toBe(50_000);
  });

  test("gets no tokens back from an answer that arrives after a later one", () => {
    const bucket = new TokenBucket(LIMITS, 0);
    bucket.take();
    bucket.take();
    bucket.report({ remaining: 10 }, 0);
    bucket.report({ remaining: 11 }, 0);
    expect(bucket.tokensLeft(0)).toBe(9);
  });

  test("starts a new period when Atlas counts fewer tokens, because someone else calls it too", () => {
    const bucket = new TokenBucket(LIMITS, 0);
    bucket.take();
    bucket.report({ remaining: 0 }, 40_000);
    expect(bucket.waitMs(40_000)).toBe(60_000);
  });

  test("learns from a 429 when the next tokens come", () => {
    const bucket = new TokenBucket(LIMITS, 0);
    bucket.take();
    bucket.report({ remaining: 0, blockMs: 7_000 }, 40_000);
    expect(bucket.waitMs(40_000)).toBe(7_000);
    expect(bucket.tokensLeft(46_999)).toBe(0);
    expect(bucket.tokensLeft(47_000)).toBe(5);
    expect(bucket.tokensLeft(107_000)).toBe(10);
  });

  test("starts a new period when the length of a period changes", () => {
    const bucket = new TokenBucket(LIMITS, 0);
    for (let count = 0; count < 12; count += 1) bucket.take();
    bucket.setLimits({ ...LIMITS, refillPeriodMs: 10_000 }, 50_000);
    expect(bucket.tokensLeft(50_000)).toBe(0);
    expect(bucket.waitMs(50_000)).toBe(10_000);
  });

  test("waits for as many periods as one token takes", () => {
    const bucket = new TokenBucket({ capacityTokens: 1, refillTokens: 0.25, refillPeriodMs: 1000 }, 0);
    bucket.take();
    expect(bucket.waitMs(500)).toBe(3_500);
  });

  /** Mostly bursts: a bucket that is never empty proves nothing. */
  const pauseMs = fc.oneof(
    { weight: 20, arbitrary: fc.constant(0) },
    { weight: 2, arbitrary: fc.nat({ max: 3_000 }) },
    { weight: 1, arbitrary: fc.nat({ max: 200_000 }) },
  );

  test.each([
    ["with the headers of its answers", (remaining: number): RateReport => ({ limit: 12, remaining })],
    ["without any header", (): RateReport => ({})],
  ])("never lets a request go that Atlas would refuse, whenever that refills, %s", (_name, report) => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60_000 }),
        fc.array(pauseMs, { maxLength: 150, size: "max" }),
        (phase, pauses) => {
          const atlas = new BucketAtAtlas(phase);
          const bucket = new TokenBucket(LIMITS, 0);
          let now = 0;
          for (const pause of pauses) {
            now += pause;
            now += bucket.waitMs(now);
            bucket.take();
            const remaining = atlas.take(now);
            expect(remaining).toBeDefined();
            bucket.report(report(remaining ?? 0), now);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test("wastes nothing for long: a queue that never ends goes at Atlas' own rate", () => {
    const atlas = new BucketAtAtlas(1);
    const bucket = new TokenBucket(LIMITS, 0);
    let now = 0;
    for (let count = 0; count < 12 + 100 * 5; count += 1) {
      now += bucket.waitMs(now);
      bucket.take();
      const remaining = atlas.take(now);
      expect(remaining).toBeDefined();
      bucket.report({ limit: 12, remaining }, now);
    }
    expect(now).toBe(100 * 60_000);
  });
});

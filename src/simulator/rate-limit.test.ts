import { describe, expect, test } from "vitest";
import { TokenBucket } from "./rate-limit.ts";
import { simulatorClock } from "./testing.ts";

function bucketOf(capacity: number) {
  const clock = simulatorClock("2026-01-01T00:00:00Z");
  return { clock, bucket: new TokenBucket({ capacity, refill: 2, refillDurationSeconds: 60 }, clock) };
}

describe("TokenBucket", () => {
  test("admits as many requests as it holds tokens", () => {
    const { bucket } = bucketOf(2);
    expect([bucket.take(), bucket.take()]).toEqual([
      { kind: "admitted", remaining: 1 },
      { kind: "admitted", remaining: 0 },
    ]);
  });

  test("says how long until the next refill", () => {
    const { bucket, clock } = bucketOf(1);
    bucket.take();
    clock.advanceNow(19_500);
    expect(bucket.take()).toEqual({ kind: "limited", retryAfterSeconds: 41 });
  });

  test("gets its tokens all at once at the end of the interval", () => {
    const { bucket, clock } = bucketOf(3);
    for (let count = 0; count < 3; count++) bucket.take();
    clock.advanceNow(59_999);
    expect(bucket.take().kind).toBe("limited");
    clock.advanceNow(1);
    expect(bucket.take()).toEqual({ kind: "admitted", remaining: 1 });
  });

  test("never holds more than its capacity", () => {
    const { bucket, clock } = bucketOf(3);
    clock.advanceNow(3_600_000);
    expect(bucket.take()).toEqual({ kind: "admitted", remaining: 2 });
  });
});

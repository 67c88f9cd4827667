import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { BlockedReason } from "../../../../api/reasons.ts";
import { HOUR_MS } from "../../../../clock.ts";
import { blocker, certificate, NOW, POLICY, SECOND_MS } from "../../testing/snapshots.ts";
import { type Failure, retryWaitMs } from "./retry-wait.ts";

const unavailable = blocker("AtlasUnavailable");
const person = blocker("RoleMissing", { needsPerson: true });
const asked = (atLeastMs: number) => blocker("RateLimited", { retry: { kind: "backoff", atLeastMs } });
const expiringIn = (ms: number) => certificate("1001", { notAfter: new Date(NOW + ms) });

function wait(change: Partial<Failure> = {}): number {
  return retryWaitMs({
    ...{ blocker: unavailable, failures: 1, held: undefined, nowMs: NOW, random: 0.5, policy: POLICY },
    ...change,
  });
}

describe("the wait before the next attempt", () => {
  test("begins between 2.5 and 5 seconds", () => {
    expect(wait({ random: 0 })).toBe(2500);
    expect(wait({ random: 0.999 })).toBeCloseTo(5000, -1);
  });

  test("doubles up to the longest wait", () => {
    const waits = Array.from({ length: 12 }, (_, index) => wait({ failures: index + 1, random: 0 }) / 0.5);
    expect(waits).toEqual([5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600].map((s) => s * SECOND_MS));
  });

  test("stays finite after a thousand failures", () => {
    expect(wait({ failures: 1000, random: 0 })).toBe(0.5 * HOUR_MS);
  });

  test("is at most the recheck interval if a person has to fix something", () => {
    expect(wait({ blocker: person, failures: 20, random: 0 })).toBe(0.5 * POLICY.recheckIntervalMs);
  });

  test("is at most the longest wait if that is shorter than the recheck interval", () => {
    const policy = { ...POLICY, maxBackoffMs: 60_000 };
    expect(wait({ blocker: person, failures: 20, random: 0, policy })).toBe(30_000);
  });

  test("is at most a tenth of the time that the certificate is still valid", () => {
    expect(wait({ failures: 20, random: 0, held: expiringIn(10 * 60_000) })).toBe(30_000);
  });

  test("still grows to 30 seconds, however near the expiry", () => {
    expect(wait({ failures: 20, random: 0, held: expiringIn(1) })).toBe(15_000);
  });

  test("is not shortened for a certificate that has expired", () => {
    expect(wait({ failures: 20, random: 0, held: expiringIn(0) })).toBe(0.5 * HOUR_MS);
  });

  test("spreads by a quarter what one answer of Atlas turns away", () => {
    expect(wait({ blocker: asked(60_000), random: 0 })).toBe(60_000);
    expect(wait({ blocker: asked(60_000), random: 0.5 })).toBe(67_500);
  });

  test("lasts as long as a wasted certificate asks for, however near the expiry", () => {
    const retry = { kind: "backoff", atLeastMs: HOUR_MS } as const;
    const spent = blocker("AnswerUnusable", { needsPerson: true, retry });
    expect(wait({ blocker: spent, random: 0, held: expiringIn(60_000) })).toBe(HOUR_MS);
  });

  test("is never shorter than Atlas asks for, whatever the failure", () => {
    const failures = fc.record({
      atLeastMs: fc.integer({ min: 0, max: 2 * HOUR_MS }),
      failures: fc.integer({ min: 1, max: 60 }),
      random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      leftMs: fc.option(fc.integer({ min: -HOUR_MS, max: 100 * HOUR_MS }), { nil: undefined }),
    });
    fc.assert(
      fc.property(failures, ({ atLeastMs, leftMs, ...rest }) => {
        const held = leftMs === undefined ? undefined : expiringIn(leftMs);
        const ms = wait({ blocker: asked(atLeastMs), held, ...rest });
        expect(ms).toBeGreaterThanOrEqual(Math.max(atLeastMs, 2500));
        expect(ms).toBeLessThanOrEqual(Math.max(1.25 * atLeastMs, POLICY.maxBackoffMs));
      }),
    );
  });
});

function waitMs(failures: number, reason: BlockedReason, atLeastMs: number | undefined, random = 0): number {
  const failure: Failure = {
    blocker: {
      reason,
      problem: "It failed.",
      needsPerson: false,
      retry: { kind: "backoff", ...(atLeastMs !== undefined && { atLeastMs }) },
    },
    failures,
    held: undefined,
    nowMs: NOW,
    random,
    policy: POLICY,
  };
  return retryWaitMs(failure);
}

describe("a resource that the rate limit turns away", () => {
  test("comes back when there is room, however often it was turned away before", () => {
    expect([1, 5, 100].map((failures) => waitMs(failures, "RateLimited", 60_000))).toEqual([60_000, 60_000, 60_000]);
  });

  test("does not come back together with all others", () => {
    expect([0, 0.5, 1].map((random) => waitMs(1, "RateLimited", 60_000, random))).toEqual([60_000, 67_500, 75_000]);
  });

  test("does not come back within a few seconds", () => {
    expect(waitMs(100, "RateLimited", 1)).toBe(2500);
  });

  test("comes back later and later if no one says when there is room", () => {
    expect(waitMs(5, "RateLimited", undefined)).toBe(40_000);
  });
});

test("a failure that is none of the rate limit's doubles its wait, and never undercuts what Atlas asks for", () => {
  expect(waitMs(5, "AtlasUnavailable", 1000)).toBe(40_000);
  expect(waitMs(1, "AtlasUnavailable", 60_000)).toBe(60_000);
});

import { describe, expect, test } from "vitest";
import type { BlockedReason } from "../../../../api/reasons.ts";
import { POLICY } from "../../testing/snapshots.ts";
import { backoffMs, type Failure } from "./backoff.ts";

const NOW = Date.UTC(2026, 0, 1);

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
  return backoffMs(failure);
}

describe("a resource that the rate limit turns away", () => {
  test("comes back when there is room, however often it was turned away before", () => {
    expect([1, 5, 100].map((failures) => waitMs(failures, "RateLimited", 60_000))).toEqual([60_000, 60_000, 60_000]);
  });

  test("does not come back together with all others", () => {
    expect([0, 0.5, 1].map((random) => waitMs(1, "RateLimited", 60_000, random))).toEqual([60_000, 67_500, 75_000]);
  });

  test("does not come back within a few seconds", () => {
    expect(waitMs(100, "RateLimited", 1)).toBe(3750);
  });

  test("comes back later and later if no one says when there is room", () => {
    expect(waitMs(5, "RateLimited", undefined)).toBe(60_000);
  });
});

test("a failure that is none of the rate limit's doubles its wait, and never undercuts what Atlas asks for", () => {
  expect(waitMs(5, "AtlasUnavailable", 1000)).toBe(60_000);
  expect(waitMs(1, "AtlasUnavailable", 60_000)).toBe(60_000);
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type RenewalRule, renewalTime } from "./renewal-time.ts";

const DAY_MS = 86_400_000;
const notBefore = new Date("2030-01-01T00:00:00Z");
const daysLater = (days: number) => new Date(notBefore.getTime() + days * DAY_MS);

describe("a certificate of 90 days is renewed", () => {
  const cases: readonly (readonly [string, RenewalRule | undefined, number])[] = [
    ["when a third is left, without a rule", undefined, 60],
    ["a fixed time before its expiry", { kind: "before", beforeMs: 10 * DAY_MS }, 80],
    ["when a share of its lifetime is left", { kind: "percentage", percentage: 50 }, 45],
    ["when two thirds are left, where the share is larger", { kind: "percentage", percentage: 99 }, 30],
    ["when two thirds are left, where the fixed time is longer", { kind: "before", beforeMs: 89 * DAY_MS }, 30],
    ["when a third is left, where the rule asks for its whole lifetime", { kind: "before", beforeMs: 90 * DAY_MS }, 60],
    ["when a third is left, where the rule asks for more", { kind: "before", beforeMs: 900 * DAY_MS }, 60],
  ];
  test.each(cases)("%s", (_what, rule, day) => {
    expect(renewalTime({ notBefore, notAfter: daysLater(90) }, rule)).toEqual(daysLater(day));
  });
});

test("the renewal time lies in the last two thirds of the validity, whatever the rule", () => {
  const rules = fc.option(
    fc.oneof(
      fc.record({ kind: fc.constant("before" as const), beforeMs: fc.integer({ min: 1000, max: 4e9 }) }),
      fc.record({ kind: fc.constant("percentage" as const), percentage: fc.integer({ min: 1, max: 99 }) }),
    ),
    { nil: undefined },
  );
  const start = fc.integer({ min: 0, max: 4e12 });
  const lifetime = fc.integer({ min: 1000, max: 63_072_000_000 });
  fc.assert(
    fc.property(start, lifetime, rules, (startMs, lifetimeMs, rule) => {
      const validity = { notBefore: new Date(startMs), notAfter: new Date(startMs + lifetimeMs) };
      const time = renewalTime(validity, rule).getTime();
      expect(time).toBeGreaterThanOrEqual(startMs + Math.floor(lifetimeMs / 3) - 1);
      expect(time).toBeLessThan(startMs + lifetimeMs);
    }),
  );
});

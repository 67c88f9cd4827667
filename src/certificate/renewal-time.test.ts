import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DAY_MS, HOUR_MS } from "../clock.ts";
import { type RenewalAdjustment, type RenewalRule, renewalAdjustment, renewalTime } from "./renewal-time.ts";

const notBefore = new Date("2030-01-01T00:00:00Z");
const later = (ms: number) => new Date(notBefore.getTime() + ms);

const ofDuration = (beforeMs: number) => ({ kind: "before", beforeMs }) as const;
const ofPercentage = (percentage: number) => ({ kind: "percentage", percentage }) as const;

interface Case {
  readonly lifetimeMs: number;
  readonly rule: RenewalRule | undefined;
  readonly renewedAtMs: number;
  readonly adjustment?: RenewalAdjustment;
}

const CASES: Readonly<Record<string, Case>> = {
  "without a rule, 90 days are renewed when a third is left": {
    lifetimeMs: 90 * DAY_MS,
    rule: undefined,
    renewedAtMs: 60 * DAY_MS,
  },
  "a renewBefore is used as it is": {
    lifetimeMs: 90 * DAY_MS,
    rule: ofDuration(10 * DAY_MS),
    renewedAtMs: 80 * DAY_MS,
  },
  "a percentage is used as it is": {
    lifetimeMs: 90 * DAY_MS,
    rule: ofPercentage(50),
    renewedAtMs: 45 * DAY_MS,
  },
  "a percentage of less than 24h is used as it is": {
    lifetimeMs: 90 * DAY_MS,
    rule: ofPercentage(1),
    renewedAtMs: 0.99 * 90 * DAY_MS,
  },
  "a percentage of more than two thirds is reduced to two thirds": {
    lifetimeMs: 90 * DAY_MS,
    rule: ofPercentage(99),
    renewedAtMs: 30 * DAY_MS,
    adjustment: "reducedToTwoThirds",
  },
  "a renewBefore of more than two thirds is reduced to two thirds": {
    lifetimeMs: 90 * DAY_MS,
    rule: ofDuration(89 * DAY_MS),
    renewedAtMs: 30 * DAY_MS,
    adjustment: "reducedToTwoThirds",
  },
  "a renewBefore as long as the lifetime is replaced by a third": {
    lifetimeMs: 90 * DAY_MS,
    rule: ofDuration(90 * DAY_MS),
    renewedAtMs: 60 * DAY_MS,
    adjustment: "replacedByOneThird",
  },
  "a renewBefore longer than the lifetime is replaced by a third": {
    lifetimeMs: 90 * DAY_MS,
    rule: ofDuration(900 * DAY_MS),
    renewedAtMs: 60 * DAY_MS,
    adjustment: "replacedByOneThird",
  },
  "a renewBefore of 24h is used as it is": {
    lifetimeMs: 90 * DAY_MS,
    rule: ofDuration(DAY_MS),
    renewedAtMs: 89 * DAY_MS,
  },
  "a stored renewBefore of 1s is raised to 24h": {
    lifetimeMs: 90 * DAY_MS,
    rule: ofDuration(1000),
    renewedAtMs: 89 * DAY_MS,
    adjustment: "raisedTo24h",
  },
  "24h are reduced to two thirds of a lifetime of 30h": {
    lifetimeMs: 30 * HOUR_MS,
    rule: ofDuration(1000),
    renewedAtMs: 10 * HOUR_MS,
    adjustment: "reducedToTwoThirds",
  },
  "a simulated month of 6 s is renewed when a third is left, not at once, although 24h are longer": {
    lifetimeMs: 6000,
    rule: ofDuration(1000),
    renewedAtMs: 4000,
    adjustment: "replacedByOneThird",
  },
};

describe.each(Object.entries(CASES))("%s:", (_what, { lifetimeMs, rule, renewedAtMs, adjustment }) => {
  const validity = { notBefore, notAfter: later(lifetimeMs) };

  test("the renewal time", () => {
    expect(renewalTime(validity, rule)).toEqual(later(renewedAtMs));
  });

  test("the adjustment", () => {
    expect(renewalAdjustment(validity, rule)).toBe(adjustment);
  });
});

describe("whatever the rule,", () => {
  const rules = fc.option(
    fc.oneof(fc.integer({ min: 1000, max: 4e9 }).map(ofDuration), fc.integer({ min: 1, max: 99 }).map(ofPercentage)),
    { nil: undefined },
  );
  const validities = fc
    .tuple(fc.integer({ min: 0, max: 4e12 }), fc.integer({ min: 1000, max: 63_072_000_000 }))
    .map(([startMs, lifetimeMs]) => ({ notBefore: new Date(startMs), notAfter: new Date(startMs + lifetimeMs) }));

  test("the renewal time lies in the last two thirds of the validity", () => {
    fc.assert(
      fc.property(validities, rules, (validity, rule) => {
        const [startMs, endMs] = [validity.notBefore.getTime(), validity.notAfter.getTime()];
        const time = renewalTime(validity, rule).getTime();
        expect(time).toBeGreaterThanOrEqual(startMs + Math.floor((endMs - startMs) / 3) - 1);
        expect(time).toBeLessThan(endMs);
      }),
    );
  });

  test("a renewBefore without an adjustment is used to the millisecond", () => {
    fc.assert(
      fc.property(validities, fc.integer({ min: 1000, max: 4e9 }).map(ofDuration), (validity, rule) => {
        fc.pre(renewalAdjustment(validity, rule) === undefined);
        expect(validity.notAfter.getTime() - renewalTime(validity, rule).getTime()).toBe(rule.beforeMs);
      }),
    );
  });
});

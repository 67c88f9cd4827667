import { describe, expect, test } from "vitest";
import { lifetimeFrom } from "./lifetime.ts";

describe("lifetimeFrom", () => {
  test.each([
    ["the same day three months later", "2025-06-30T05:09:32Z", 3, "2025-09-30T05:09:32.000Z"],
    ["the last day of a shorter month", "2025-11-30T12:00:00Z", 3, "2026-02-28T12:00:00.000Z"],
    ["the 29th in a leap year", "2027-11-30T12:00:00Z", 3, "2028-02-29T12:00:00.000Z"],
    ["two years later for 24 months", "2025-06-30T05:09:32Z", 24, "2027-06-30T05:09:32.000Z"],
  ])("ends on %s", (_, now, months, notAfter) => {
    expect(lifetimeFrom(Date.parse(now), months, undefined).notAfter.toISOString()).toBe(notAfter);
  });

  test("begins an hour before the present", () => {
    const { notBefore } = lifetimeFrom(Date.parse("2025-06-30T05:09:32Z"), 3, undefined);
    expect(notBefore.toISOString()).toBe("2025-06-30T04:09:32.000Z");
  });

  test("makes shortened months last as long as asked, rounded up to a second", () => {
    const now = Date.parse("2025-06-30T05:09:32.400Z");
    expect(lifetimeFrom(now, 2, 30_000).notAfter.toISOString()).toBe("2025-06-30T05:10:33.000Z");
  });

  test("shortens the back-dating with the month", () => {
    const now = Date.parse("2025-06-30T05:09:32.400Z");
    expect(lifetimeFrom(now, 2, 30_000).notBefore.toISOString()).toBe("2025-06-30T05:09:32.000Z");
  });
});

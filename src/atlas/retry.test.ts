import { describe, expect, test } from "vitest";
import { MAX_ATTEMPTS, retryDelayMs } from "./retry.ts";

const latest = () => 0.999_999;

describe("retryDelayMs", () => {
  test("doubles the longest wait", () => {
    const waits = [1, 2, 3].map((attempt) => Math.round(retryDelayMs(attempt, undefined, latest) ?? 0));
    expect(waits).toEqual([500, 1000, 2000]);
  });

  test("spreads a wait between its half and the whole", () => {
    expect(retryDelayMs(1, undefined, () => 0)).toBe(250);
  });

  test("ends after the last attempt", () => {
    expect(retryDelayMs(MAX_ATTEMPTS, undefined, latest)).toBeUndefined();
  });

  test("never comes back sooner than the server asked", () => {
    expect(retryDelayMs(1, 7_000, () => 0)).toBe(7_000);
    expect(retryDelayMs(1, 7_000, latest)).toBeCloseTo(8_750, 1);
  });

  test("gives up when the server asks for more than a minute", () => {
    expect(retryDelayMs(1, 60_001, latest)).toBeUndefined();
    expect(retryDelayMs(1, 60_001, latest, 100_000)).toBeUndefined();
  });

  test("gives up when the server asks for more than the caller would wait", () => {
    expect(retryDelayMs(1, 10_000, () => 0, 10_000)).toBe(10_000);
    expect(retryDelayMs(1, 10_001, () => 0, 10_000)).toBeUndefined();
  });
});

import { describe, expect, test } from "vitest";
import { ManualClock } from "../testing/manual-clock.ts";
import { AtlasError, type AtlasErrorFields } from "./errors/atlas-error.ts";
import { MAX_ATTEMPTS, repeat, retryDelayMs } from "./repeat.ts";
import { TransportFailure } from "./transport/transport-failure.ts";

const error = (fields: Pick<AtlasErrorFields, "kind"> & Partial<AtlasErrorFields>) =>
  new AtlasError({ operation: "getUserSecurity", problem: "it failed", ...fields });

const OPTIONS = { random: () => 0.5, signal: undefined, operation: "getUserSecurity" } as const;

async function attemptsAfter(failure: Error): Promise<number> {
  let attempts = 0;
  const options = { ...OPTIONS, clock: new ManualClock({ skipUpToMs: 60_000 }) };
  const attempt = async () => {
    attempts += 1;
    throw failure;
  };
  await expect(repeat(options, attempt)).rejects.toBe(failure);
  return attempts;
}

describe("repeat", () => {
  test.each([
    ["no answer", error({ kind: "unavailable" })],
    ["a rate limit", error({ kind: "rateLimited", retryAfterMs: 1, status: 429 })],
  ])("tries four times in all after %s", async (_name, failure) => {
    expect(await attemptsAfter(failure)).toBe(4);
  });

  test.each([
    [
      "a certificate that is not trusted",
      error({ kind: "unavailable", cause: new TransportFailure({ reason: "untrusted", message: "x", sent: false }) }),
    ],
    [
      "a proxy that rejects the credentials",
      error({
        kind: "unavailable",
        cause: new TransportFailure({ reason: "proxyCredentials", message: "x", sent: false }),
      }),
    ],
    ["an authentication that failed", error({ kind: "unavailable", operation: "authenticate" })],
    ["a turn that was too long in coming", error({ kind: "rateLimited", retryAfterMs: 1 })],
    ["something that only a person can fix", error({ kind: "role" })],
    ["an unknown outcome", error({ kind: "ambiguous" })],
    ["a bug", new RangeError("x")],
  ])("tries once after %s", async (_name, failure) => {
    expect(await attemptsAfter(failure)).toBe(1);
  });

  test("gives the result of the first attempt that succeeds", async () => {
    let attempts = 0;
    const options = { ...OPTIONS, clock: new ManualClock({ skipUpToMs: 60_000 }) };
    const attempt = async () => {
      attempts += 1;
      if (attempts < 3) throw error({ kind: "unavailable" });
      return attempts;
    };
    expect(await repeat(options, attempt)).toBe(3);
  });
});

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

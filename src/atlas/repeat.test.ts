import { describe, expect, test } from "vitest";
import { ManualClock } from "../testing/manual-clock.ts";
import { AtlasError, type AtlasErrorFields } from "./errors/atlas-error.ts";
import { repeat } from "./repeat.ts";
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

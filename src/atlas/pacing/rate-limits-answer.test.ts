import { describe, expect, test } from "vitest";
import { readRateReport } from "./rate-limits.ts";
import { readRateLimits } from "./rate-limits-answer.ts";

const set = (capacity: unknown, path?: string) => ({
  capacity,
  refillRate: 500,
  refillDurationSeconds: 60,
  ...(path === undefined ? {} : { endpoints: [{ method: "GET", path }] }),
});

describe("readRateLimits", () => {
  const limits = { capacityTokens: 1200, refillTokens: 500, refillPeriodMs: 60_000 };

  test.each([
    ["a single set", set(1200)],
    ["a list of one", { results: [set(1200)] }],
    ["figures with their defaults", { results: [set({ value: 1200, defaultValue: 100 })] }],
    [
      "ours among several",
      { results: [set(7), set(1200, "/api/atlas/v2/groups/{groupId}/databaseUsers/{username}/certs")] },
    ],
    ["ours beside something unreadable", { results: [{ capacity: "x" }, set(1200)] }],
  ])("finds the limits in %s", (_name, answer) => {
    expect(readRateLimits(answer)).toEqual(limits);
  });

  test.each([
    ["several sets, none of them ours", { results: [set(7), set(8, "/api/atlas/v2/groups")] }],
    ["an empty list", { results: [] }],
    ["no capacity", { results: [set(0)] }],
    ["an error", { error: 403 }],
    ["a text", "x"],
  ])("finds none in %s", (_name, answer) => {
    expect(readRateLimits(answer)).toBeUndefined();
  });
});

describe("readRateReport", () => {
  const headers = new Map([
    ["ratelimit-limit", ["1200"]],
    ["ratelimit-remaining", ["17"]],
  ]);

  test("reads the headers of a success", () => {
    expect(readRateReport({ status: 200, headers }, 5_000)).toEqual({ limit: 1200, remaining: 17, blockMs: undefined });
  });

  test("takes nothing for left after a 429, whatever the headers say", () => {
    expect(readRateReport({ status: 429, headers }, 5_000)).toEqual({ limit: 1200, remaining: 0, blockMs: 5_000 });
  });

  test("obeys a 503 that says when to come back", () => {
    expect(readRateReport({ status: 503, headers: new Map() }, 5_000)).toMatchObject({ blockMs: 5_000 });
  });

  test("takes anything but a whole number for absent", () => {
    const odd = new Map([
      ["ratelimit-limit", ["1200, 1200;w=60"]],
      ["ratelimit-remaining", ["-1"]],
    ]);
    expect(readRateReport({ status: 200, headers: odd }, undefined)).toEqual({
      limit: undefined,
      remaining: undefined,
      blockMs: undefined,
    });
  });
});

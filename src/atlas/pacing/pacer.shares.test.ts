import { describe, expect, test } from "vitest";
import { settle } from "../../testing/settle.ts";
import { GROUP_ID } from "../testing/samples.ts";
import type { ProjectAccess } from "./pacer.ts";
import { call, ISSUE, LIMITS, queue, setUp, take } from "./testing.ts";

describe("a stranger who names a project", () => {
  const STRANGER = { caller: "stranger" };

  test.each<ProjectAccess>(["refused", "unknown"])(
    "takes none of its tokens while Atlas' word is %s",
    async (access) => {
      const { pacer } = setUp();
      await call(pacer, 1, { caller: "owner" });
      await call(pacer, 10, STRANGER, access);
      expect(pacer.waitMs({ ...ISSUE, ...STRANGER })).toBe(1000);
      expect(pacer.tokensLeft(GROUP_ID)).toBe(9);
      expect(pacer.waitMs({ ...ISSUE, caller: "owner" })).toBe(0);
    },
  );

  test("does not close it with a 429 of his own", async () => {
    const { pacer } = setUp();
    await call(pacer, 1, { caller: "owner" });
    (await pacer.acquire({ ...ISSUE, ...STRANGER })).settle({ remaining: 0, blockMs: 300_000 }, "unknown");
    expect(pacer.waitMs({ ...ISSUE, ...STRANGER })).toBe(300_000);
    expect(pacer.waitMs({ ...ISSUE, caller: "owner" })).toBe(0);
  });

  test("says nothing about its tokens that is believed", async () => {
    const { pacer } = setUp();
    await call(pacer, 1, { caller: "owner" });
    (await pacer.acquire({ ...ISSUE, ...STRANGER })).settle({ limit: 1, remaining: 0 }, "refused");
    expect(pacer.tokensLeft(GROUP_ID)).toBe(9);
  });

  test("pays like everyone once Atlas lets him in", async () => {
    const { pacer } = setUp();
    await call(pacer, 2, STRANGER, "refused");
    await call(pacer, 3, STRANGER, "granted");
    expect(pacer.tokensLeft(GROUP_ID)).toBe(5);
    expect(pacer.waitMs({ ...ISSUE, caller: "owner" })).toBe(0);
    await call(pacer, 7, { caller: "owner" });
    expect(pacer.waitMs({ ...ISSUE, caller: "owner" })).toBe(1000);
  });
});

test("credentials that Atlas lets in no more do not pay for their refusals", async () => {
  const { pacer } = setUp();
  await call(pacer, 1, {});
  await call(pacer, 5, {}, "refused");
  expect(pacer.waitMs({ ...ISSUE, caller: "other" })).toBe(0);
  await call(pacer, 9, { caller: "other" });
  expect(pacer.waitMs({ ...ISSUE, caller: "other" })).toBe(1000);
});

test("credentials that Atlas lets in pay for a request whose answer was lost", async () => {
  const { pacer } = setUp();
  await call(pacer, 1, {});
  await call(pacer, 1, {}, "unknown");
  expect(pacer.tokensLeft(GROUP_ID)).toBe(8);
});

describe("turns", () => {
  test("rotate, so that one with many calls does not keep another waiting", async () => {
    const { clock, pacer } = setUp();
    await take(pacer, 10);
    const many = Array.from({ length: 5 }, (_, index) => ({ name: `many ${index}`, turn: "many" }));
    const granted = queue(pacer, [...many, { name: "few", turn: "few" }]);
    clock.advanceNow(2000);
    await settle();
    expect(granted).toEqual(["many 0", "few"]);
  });

  test("leave tokens for those that come later", async () => {
    const { pacer } = setUp();
    await call(pacer, 1, { turn: "many" });
    const flood = Array.from({ length: 100 }, () => ({ name: "many", turn: "many" }));
    const granted = queue(pacer, flood);
    await settle();
    expect(granted).toHaveLength(6);
    expect(pacer.waitMs({ ...ISSUE, turn: "few" })).toBe(0);
  });

  test("leave tokens of their own for renewals", async () => {
    const { pacer } = setUp({ ...LIMITS, capacityTokens: 100 });
    await call(pacer, 67, { turn: "shop" });
    expect(pacer.waitMs({ ...ISSUE, turn: "shop" })).toBe(1000);
    expect(pacer.waitMs({ ...ISSUE, turn: "shop", priority: "renew" })).toBe(0);
  });
});

describe("those who do not wait are told to come back", () => {
  test("by and by: each refill calls as many as it lasts for", async () => {
    const { pacer } = setUp({ capacityTokens: 4, refillTokens: 4, refillPeriodMs: 60_000 });
    await take(pacer, 4);
    const waits = Array.from({ length: 6 }, () => pacer.comeBackMs(ISSUE));
    expect(waits).toEqual([60_000, 60_000, 120_000, 120_000, 180_000, 180_000]);
  });

  test("in turns: many of one do not delay the first of another", async () => {
    const { pacer } = setUp({ capacityTokens: 4, refillTokens: 4, refillPeriodMs: 60_000 });
    await take(pacer, 4);
    for (let index = 0; index < 100; index += 1) pacer.comeBackMs({ ...ISSUE, turn: "many" });
    expect(pacer.comeBackMs({ ...ISSUE, turn: "few" })).toBe(60_000);
  });

  test("counted again after each refill", async () => {
    const { clock, pacer } = setUp({ capacityTokens: 4, refillTokens: 4, refillPeriodMs: 60_000 });
    await take(pacer, 4);
    for (let index = 0; index < 100; index += 1) pacer.comeBackMs(ISSUE);
    clock.advanceNow(60_000);
    await take(pacer, 4);
    expect(pacer.comeBackMs(ISSUE)).toBe(60_000);
  });

  test("within an hour, however many they are", async () => {
    const { pacer } = setUp({ capacityTokens: 1, refillTokens: 1, refillPeriodMs: 60_000 });
    await take(pacer, 1);
    for (let index = 0; index < 100; index += 1) pacer.comeBackMs(ISSUE);
    expect(pacer.comeBackMs(ISSUE)).toBe(3_600_000);
  });

  test("together after a pause that Atlas asked for: then there is a token for each", async () => {
    const { pacer } = setUp();
    (await pacer.acquire(ISSUE)).settle({ blockMs: 9000 }, "unknown");
    expect(Array.from({ length: 20 }, () => pacer.comeBackMs(ISSUE))).toEqual(Array(20).fill(9000));
  });
});

import { describe, expect, test } from "vitest";
import { GROUP_ID } from "../testing/samples.ts";
import { call, ISSUE, LIMITS, OTHER_GROUP_ID, setUp } from "./testing.ts";

describe("projects that Atlas has not confirmed", () => {
  test("are not named", async () => {
    const { pacer } = setUp();
    await call(pacer, 1, {});
    await call(pacer, 1, { groupId: OTHER_GROUP_ID }, "refused");
    await call(pacer, 1, { groupId: "b".repeat(24) }, "unknown");
    expect(pacer.groupIds()).toEqual([GROUP_ID]);
  });

  test("are summed", async () => {
    const { pacer } = setUp();
    await call(pacer, 1, {});
    expect(pacer.unconfirmedTokensLeft()).toBeUndefined();
    await call(pacer, 1, { groupId: OTHER_GROUP_ID }, "refused");
    await call(pacer, 3, { groupId: "b".repeat(24) }, "refused");
    expect(pacer.unconfirmedTokensLeft()).toBe(16);
  });
});

describe("after an hour without use", () => {
  const names = (from: number) =>
    Array.from({ length: 1000 }, (_, index) => (from + index).toString(16).padStart(24, "0"));

  test("projects are forgotten", async () => {
    const { clock, pacer } = setUp();
    for (const groupId of names(0)) await call(pacer, 1, { groupId });
    clock.advanceNow(3_600_000);
    await call(pacer, 1, {});
    expect(pacer.groupIds()).toEqual([GROUP_ID]);
  });

  test("projects are kept before that", async () => {
    const { clock, pacer } = setUp();
    await call(pacer, 1, {});
    pacer.limitsDue(GROUP_ID);
    clock.advanceNow(3_599_999);
    for (const groupId of names(0)) await call(pacer, 1, { groupId });
    expect(pacer.groupIds()).toContain(GROUP_ID);
    expect(pacer.limitsDue(GROUP_ID)).toBe(false);
  });

  test("callers of a project in use are forgotten", async () => {
    const { clock, pacer } = setUp({ ...LIMITS, refillPeriodMs: 100 * 3_600_000 });
    await call(pacer, 10, { caller: "gone" }, "refused");
    clock.advanceNow(3_600_000);
    await call(pacer, 1, { caller: "here" });
    expect(pacer.waitMs({ ...ISSUE, caller: "gone" })).toBe(0);
  });
});

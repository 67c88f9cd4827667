import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ManualClock } from "../../testing/manual-clock.ts";
import { settle } from "../../testing/settle.ts";
import { GROUP_ID } from "../testing/samples.ts";
import { Pacer } from "./pacer.ts";
import { call, ISSUE, LIMITS, OTHER_GROUP_ID, queue, setUp, take } from "./testing.ts";
import type { CallPriority } from "./turn-shares.ts";

describe("Pacer", () => {
  test("lets a burst of the bucket's size go at once, and no more", async () => {
    const { pacer } = setUp();
    await take(pacer, 10);
    const granted = queue(pacer, [{ name: "eleventh", priority: "issue" }]);
    await settle();
    expect(granted).toEqual([]);
  });

  test("lets one go per refilled token", async () => {
    const { clock, pacer } = setUp();
    await take(pacer, 10);
    const granted = queue(pacer, [
      { name: "first", priority: "issue" },
      { name: "second", priority: "issue" },
    ]);
    clock.advanceNow(999);
    await settle();
    expect(granted).toEqual([]);
    clock.advanceNow(1);
    await settle();
    expect(granted).toEqual(["first"]);
    clock.advanceNow(1000);
    await settle();
    expect(granted).toEqual(["first", "second"]);
  });

  test("renews before it issues and issues before it verifies, in whichever order the calls came", async () => {
    const { clock, pacer } = setUp();
    await take(pacer, 10);
    const granted = queue(pacer, [
      { name: "verify", priority: "verify" },
      { name: "renew", priority: "renew" },
      { name: "issue", priority: "issue" },
    ]);
    clock.advanceNow(10_000);
    await settle();
    expect(granted).toEqual(["renew", "issue", "verify"]);
  });

  test("lets what expires first go first, then what came first", async () => {
    const { clock, pacer } = setUp();
    await take(pacer, 10);
    const granted = queue(pacer, [
      { name: "unknown", priority: "renew" },
      { name: "far", priority: "renew", expiresAt: new Date("2026-06-01") },
      { name: "near", priority: "renew", expiresAt: new Date("2026-02-01") },
      { name: "near too", priority: "renew", expiresAt: new Date("2026-02-01") },
    ]);
    clock.advanceNow(10_000);
    await settle();
    expect(granted).toEqual(["near", "near too", "far", "unknown"]);
  });

  test("gives verifying half of the burst and leaves the rest to issuing", async () => {
    const { pacer } = setUp();
    await call(pacer, 5, { priority: "verify" });
    const granted = queue(pacer, [{ name: "verify", priority: "verify" }]);
    await take(pacer, 5, "issue");
    await settle();
    expect(granted).toEqual([]);
  });

  test("leaves half of the bucket alone, however long it verifies", async () => {
    const { clock, pacer } = setUp();
    let verified = 0;
    for (let index = 0; index < 100; index += 1) {
      call(pacer, 1, { priority: "verify" }).then(() => verified++);
    }
    for (let second = 0; second < 20; second += 1) {
      clock.advanceNow(1000);
      await settle();
      expect(pacer.tokensLeft(GROUP_ID)).toBeGreaterThanOrEqual(4);
    }
    expect(verified).toBeGreaterThan(20);
  });

  test("lets verifying go at all where the bucket holds a single token", async () => {
    const { pacer } = setUp({ capacityTokens: 1, refillTokens: 1, refillPeriodMs: 1000 });
    await expect(take(pacer, 1, "verify")).resolves.toHaveLength(1);
  });

  test("never lets one project wait for another", async () => {
    const { pacer } = setUp();
    await take(pacer, 10);
    queue(pacer, [{ name: "waits", priority: "issue" }]);
    await expect(pacer.acquire({ groupId: OTHER_GROUP_ID, priority: "issue" })).resolves.toBeDefined();
  });

  test("believes Atlas when it counts fewer tokens", async () => {
    const { pacer } = setUp();
    const [permit] = await take(pacer, 1);
    permit?.settle({ remaining: 2 }, "granted");
    expect(pacer.tokensLeft(GROUP_ID)).toBe(2);
  });

  test("does not believe Atlas when it counts more, because requests may be on their way", async () => {
    const { pacer } = setUp();
    const permits = await take(pacer, 4);
    permits[0]?.settle({ remaining: 9 }, "granted");
    expect(pacer.tokensLeft(GROUP_ID)).toBe(6);
  });

  test("counts what is still under way as taken from what Atlas reports", async () => {
    const { pacer } = setUp();
    const permits = await take(pacer, 3);
    permits[0]?.settle({ remaining: 5 }, "granted");
    expect(pacer.tokensLeft(GROUP_ID)).toBe(3);
  });

  test("takes over another size of the bucket, which refills in the same time", async () => {
    const { clock, pacer } = setUp();
    const [permit] = await take(pacer, 1);
    permit?.settle({ limit: 20, remaining: 0 }, "granted");
    clock.advanceNow(1000);
    expect(pacer.tokensLeft(GROUP_ID)).toBe(2);
    clock.advanceNow(60_000);
    expect(pacer.tokensLeft(GROUP_ID)).toBe(20);
  });

  test("sends nothing before Retry-After is over", async () => {
    const { clock, pacer } = setUp();
    const [permit] = await take(pacer, 1);
    permit?.settle({ blockMs: 30_000 }, "granted");
    const granted = queue(pacer, [{ name: "blocked", priority: "issue" }]);
    clock.advanceNow(29_999);
    await settle();
    expect(granted).toEqual([]);
    expect(pacer.tokensLeft(GROUP_ID)).toBe(0);
    clock.advanceNow(1);
    await settle();
    expect(granted).toEqual(["blocked"]);
  });

  test("gives a token back whose request was not sent", async () => {
    const { pacer } = setUp();
    const permits = await take(pacer, 10);
    const granted = queue(pacer, [{ name: "next", priority: "issue" }]);
    permits[0]?.giveBack();
    await settle();
    expect(granted).toEqual(["next"]);
  });

  test("gives the place of a verification back with its token", async () => {
    const { pacer } = setUp();
    await call(pacer, 4, { priority: "verify" });
    (await pacer.acquire({ ...ISSUE, priority: "verify" })).giveBack();
    await expect(take(pacer, 1, "verify")).resolves.toHaveLength(1);
  });

  test("takes over new limits while someone waits", async () => {
    const { pacer } = setUp();
    await take(pacer, 10);
    const granted = queue(pacer, [{ name: "waits", priority: "issue" }]);
    pacer.setLimits(GROUP_ID, { ...LIMITS, capacityTokens: 11 });
    await settle();
    expect(granted).toEqual(["waits"]);
  });

  test("tells how long a turn is away", async () => {
    const { pacer } = setUp();
    expect(pacer.waitMs(ISSUE)).toBe(0);
    await take(pacer, 10);
    expect(pacer.waitMs(ISSUE)).toBe(1000);
  });

  test("lets a waiter leave and the next one take its place", async () => {
    const { clock, pacer } = setUp();
    await take(pacer, 10);
    const leave = new AbortController();
    const left = pacer.acquire({ groupId: GROUP_ID, priority: "issue" }, leave.signal);
    const granted = queue(pacer, [{ name: "next", priority: "issue" }]);
    leave.abort(new Error("gone"));
    await expect(left).rejects.toThrow("gone");
    clock.advanceNow(1000);
    await settle();
    expect(granted).toEqual(["next"]);
  });

  test("turns away a caller that has left before its turn", async () => {
    const { pacer } = setUp();
    const request = { groupId: GROUP_ID, priority: "issue" as const };
    await expect(pacer.acquire(request, AbortSignal.abort(new Error("gone")))).rejects.toThrow("gone");
    expect(pacer.tokensLeft(GROUP_ID)).toBe(10);
  });

  test("lets Atlas be asked for a project's limits once an hour", () => {
    const { clock, pacer } = setUp();
    expect([pacer.limitsDue(GROUP_ID), pacer.limitsDue(GROUP_ID), pacer.limitsDue(OTHER_GROUP_ID)]).toEqual([
      true,
      false,
      true,
    ]);
    clock.advanceNow(3_599_999);
    expect(pacer.limitsDue(GROUP_ID)).toBe(false);
    clock.advanceNow(1);
    expect(pacer.limitsDue(GROUP_ID)).toBe(true);
  });

  test("knows the published limit of a project that it never met", () => {
    expect(new Pacer().tokensLeft(GROUP_ID)).toBe(1200);
  });

  test("assumes the published limit: 1200 at once, and 500 more a minute", async () => {
    const clock = new ManualClock();
    const pacer = new Pacer({ clock });
    for (const permit of await take(pacer, 1200)) permit.settle({}, "granted");
    expect(pacer.waitMs(ISSUE)).toBe(60_000);
    clock.advanceNow(60_000);
    expect(pacer.tokensLeft(GROUP_ID)).toBe(500);
  });

  test("never grants more in any stretch of time than bucket and refill allow", async () => {
    const step = fc.record({
      ask: fc.nat({ max: 6 }),
      waitMs: fc.nat({ max: 4000 }),
      priority: fc.constantFrom<CallPriority>("renew", "issue", "verify"),
      turn: fc.constantFrom("a", "b", undefined),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const { clock, pacer } = setUp();
        const start = clock.monotonic();
        const grants: number[] = [];
        for (const { ask, waitMs, priority, turn } of steps) {
          for (let index = 0; index < ask; index += 1) {
            pacer.acquire({ groupId: GROUP_ID, priority, turn }).then((permit) => {
              grants.push(clock.monotonic() - start);
              permit.settle({}, "granted");
            });
          }
          await settle();
          clock.advanceNow(waitMs);
          await settle();
        }
        for (const [from, first] of grants.entries()) {
          for (const [to, last] of grants.entries()) {
            if (to >= from) expect(to - from + 1).toBeLessThanOrEqual(10 + Math.floor((last - first) / 1000) + 1);
          }
        }
      }),
      { numRuns: 50 },
    );
  });
});

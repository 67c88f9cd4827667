import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ManualClock } from "../testing/manual-clock.ts";
import { settle } from "../testing/settle.ts";
import { type CallPriority, Pacer, type Permit } from "./pacer.ts";
import { GROUP_ID } from "./testing/samples.ts";

const OTHER_GROUP_ID = "a".repeat(24);
/** One token a second, ten at most. */
const LIMITS = { capacityTokens: 10, refillTokens: 1, refillPeriodMs: 1000 };

function setUp(limits = LIMITS) {
  const clock = new ManualClock();
  return { clock, pacer: new Pacer({ clock, limits }) };
}

async function take(pacer: Pacer, count: number, priority: CallPriority = "issue"): Promise<Permit[]> {
  const permits: Permit[] = [];
  for (let index = 0; index < count; index += 1) permits.push(await pacer.acquire({ groupId: GROUP_ID, priority }));
  return permits;
}

/** Asks for turns at once and notes in which order they are granted. */
function queue(pacer: Pacer, wanted: readonly { name: string; priority: CallPriority; expiresAt?: Date }[]) {
  const granted: string[] = [];
  for (const { name, ...request } of wanted) {
    pacer.acquire({ groupId: GROUP_ID, ...request }).then(() => granted.push(name));
  }
  return granted;
}

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

  test("issues before it renews, and renews before it verifies, whoever came first", async () => {
    const { clock, pacer } = setUp();
    await take(pacer, 10);
    const granted = queue(pacer, [
      { name: "verify", priority: "verify" },
      { name: "renew", priority: "renew" },
      { name: "issue", priority: "issue" },
    ]);
    clock.advanceNow(10_000);
    await settle();
    expect(granted).toEqual(["issue", "renew", "verify"]);
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
    await take(pacer, 5, "verify");
    const granted = queue(pacer, [{ name: "verify", priority: "verify" }]);
    await take(pacer, 5, "issue");
    await settle();
    expect(granted).toEqual([]);
  });

  test("gives verifying half of the refill", async () => {
    const { clock, pacer } = setUp();
    await take(pacer, 5, "verify");
    const granted = queue(
      pacer,
      Array.from({ length: 20 }, (_, index) => ({ name: `${index}`, priority: "verify" as const })),
    );
    for (let second = 0; second < 20; second += 1) {
      clock.advanceNow(1000);
      await settle();
    }
    expect(granted).toHaveLength(10);
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
    permit?.settle({ remaining: 2 });
    expect(pacer.tokensLeft(GROUP_ID)).toBe(2);
  });

  test("does not believe Atlas when it counts more, because requests may be on their way", async () => {
    const { pacer } = setUp();
    const permits = await take(pacer, 4);
    permits[0]?.settle({ remaining: 9 });
    expect(pacer.tokensLeft(GROUP_ID)).toBe(6);
  });

  test("counts what is still under way as taken from what Atlas reports", async () => {
    const { pacer } = setUp();
    const permits = await take(pacer, 3);
    permits[0]?.settle({ remaining: 5 });
    expect(pacer.tokensLeft(GROUP_ID)).toBe(3);
  });

  test("takes over another size of the bucket, which refills in the same time", async () => {
    const { clock, pacer } = setUp();
    const [permit] = await take(pacer, 1);
    permit?.settle({ limit: 20, remaining: 0 });
    clock.advanceNow(1000);
    expect(pacer.tokensLeft(GROUP_ID)).toBe(2);
    clock.advanceNow(60_000);
    expect(pacer.tokensLeft(GROUP_ID)).toBe(20);
  });

  test("sends nothing before Retry-After is over", async () => {
    const { clock, pacer } = setUp();
    const [permit] = await take(pacer, 1);
    permit?.settle({ blockMs: 30_000 });
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

  test("gives a verify token back to both of its buckets", async () => {
    const { pacer } = setUp();
    const permits = await take(pacer, 5, "verify");
    permits[0]?.giveBack();
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
    expect(pacer.waitMs(GROUP_ID, "issue")).toBe(0);
    await take(pacer, 10);
    expect(pacer.waitMs(GROUP_ID, "issue")).toBe(1000);
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

  test("turns away whoever has left before coming", async () => {
    const { pacer } = setUp();
    const request = { groupId: GROUP_ID, priority: "issue" as const };
    await expect(pacer.acquire(request, AbortSignal.abort(new Error("gone")))).rejects.toThrow("gone");
    expect(pacer.tokensLeft(GROUP_ID)).toBe(10);
  });

  test("forgets idle projects rather than growing without end", async () => {
    const { clock, pacer } = setUp();
    const groupId = (index: number) => index.toString(16).padStart(24, "0");
    for (let index = 0; index < 1000; index += 1) {
      const permit = await pacer.acquire({ groupId: groupId(index), priority: "issue" });
      if (index > 0) permit.settle({});
    }
    clock.advanceNow(60_000);
    await pacer.acquire({ groupId: groupId(5000), priority: "issue" });
    // The one with a request under way and the new one.
    expect(pacer.groupIds()).toEqual([groupId(0), groupId(5000)]);
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

  test("remembers for an hour that Atlas was asked, however many other projects there are", async () => {
    const { clock, pacer } = setUp();
    pacer.limitsDue(GROUP_ID);
    const others = Array.from({ length: 2000 }, (_, index) => index.toString(16).padStart(24, "0"));
    for (const groupId of others) (await pacer.acquire({ groupId, priority: "issue" })).giveBack();
    expect(pacer.limitsDue(GROUP_ID)).toBe(false);
    clock.advanceNow(3_600_000);
    for (const groupId of others) (await pacer.acquire({ groupId, priority: "issue" })).giveBack();
    expect(pacer.groupIds()).not.toContain(GROUP_ID);
  });

  test("knows the published limit of a project that it never met", () => {
    expect(new Pacer().tokensLeft(GROUP_ID)).toBe(1200);
  });

  test("assumes the published limit: 1200 at once, and 500 more a minute", async () => {
    const clock = new ManualClock();
    const pacer = new Pacer({ clock });
    for (const permit of await take(pacer, 1200)) permit.settle({});
    expect(pacer.waitMs(GROUP_ID, "issue")).toBe(60_000);
    clock.advanceNow(60_000);
    expect(pacer.tokensLeft(GROUP_ID)).toBe(500);
  });

  test("never grants more in any stretch of time than bucket and refill allow", async () => {
    const step = fc.record({ ask: fc.nat({ max: 6 }), waitMs: fc.nat({ max: 4000 }), verify: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const { clock, pacer } = setUp();
        const start = clock.monotonic();
        const grants: number[] = [];
        for (const { ask, waitMs, verify } of steps) {
          for (let index = 0; index < ask; index += 1) {
            const priority = verify ? "verify" : "issue";
            pacer.acquire({ groupId: GROUP_ID, priority }).then((permit) => {
              grants.push(clock.monotonic() - start);
              permit.settle({});
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

import { describe, expect, test } from "vitest";
import { ManualClock } from "../../testing/manual-clock.ts";
import { settle } from "../../testing/settle.ts";
import { Contender, REF, stage, timeUntil } from "../testing/contender.ts";
import { LeaseLostError } from "./lease-claim.ts";
import { LEASES } from "./lease-object.ts";

describe("getting the lease", () => {
  test("the first contender creates it, with microseconds in its times, and leads", async () => {
    const { api, clock, spec } = stage();
    const a = new Contender(api, clock, "a").start();
    await settle();
    expect([a.lease.held, spec()]).toEqual([
      true,
      {
        holderIdentity: "a",
        leaseDurationSeconds: 15,
        acquireTime: "2026-01-01T00:00:00.000000Z",
        renewTime: "2026-01-01T00:00:00.000000Z",
        leaseTransitions: 0,
      },
    ]);
  });

  test("the second waits", async () => {
    const { api, clock } = stage();
    new Contender(api, clock, "a").start();
    await settle();
    const b = new Contender(api, clock, "b").start();
    await clock.advance(60_000);
    expect([b.leading, b.lease.held]).toEqual([undefined, false]);
  });

  test("of two that come at the same time one leads", async () => {
    const { api, clock } = stage();
    const a = new Contender(api, clock, "a").start();
    const b = new Contender(api, clock, "b").start();
    await settle();
    expect([a.lease.held, b.lease.held].filter(Boolean).length).toBe(1);
  });

  test("an API server that is unavailable is retried", async () => {
    const { api, clock } = stage();
    const a = new Contender(api, clock, "a");
    a.fault = () => "fail";
    a.start();
    await clock.advance(10_000);
    a.fault = () => undefined;
    await clock.advance(2000);
    expect(a.lease.held).toBe(true);
  });

  test("the times of the other's clock do not matter", async () => {
    const { api, clock } = stage();
    const behind = new ManualClock({ startAt: Date.UTC(1999, 0, 1) });
    const a = new Contender(api, behind, "a").start();
    await settle();
    const b = new Contender(api, clock, "b").start();
    for (let second = 0; second < 60; second += 1) {
      await behind.advance(1000);
      await clock.advance(1000);
    }
    expect([a.lease.held, b.lease.held]).toEqual([true, false]);
  });

  test("a stop while waiting resolves without having led", async () => {
    const { api, clock } = stage();
    new Contender(api, clock, "a").start();
    await settle();
    const b = new Contender(api, clock, "b").start();
    await settle();
    b.stop.abort();
    await expect(b.outcome).resolves.toBe("ended");
  });

  test("times that leave no margin are refused", () => {
    const { api, clock } = stage();
    expect(() => new Contender(api, clock, "a", { renewDeadlineMs: 15_000 })).toThrow(RangeError);
  });
});

describe("holding it", () => {
  test("it is renewed every two seconds and keeps its acquire time", async () => {
    const { api, clock, spec } = stage();
    new Contender(api, clock, "a").start();
    await clock.advance(10_000);
    expect([spec()?.acquireTime, spec()?.renewTime, api.calls.length]).toEqual([
      "2026-01-01T00:00:00.000000Z",
      "2026-01-01T00:00:10.000000Z",
      // One read, one create and five renewals: a renewal is one call.
      7,
    ]);
  });

  test("a leader cut off from the API server stops before anyone else may lead", async () => {
    const { api, clock } = stage();
    const a = new Contender(api, clock, "a").start();
    await settle();
    const b = new Contender(api, clock, "b").start();
    a.fault = () => "hang";
    const heldMs = await timeUntil(clock, () => !a.lease.held);
    expect([heldMs, a.leading, b.leading]).toEqual([10_000, undefined, undefined]);
    const untilB = await timeUntil(clock, () => b.lease.held);
    expect([untilB, await a.outcome]).toEqual([5000, expect.any(LeaseLostError)]);
  });

  test("a leader that can't write for a while goes on", async () => {
    const { api, clock } = stage();
    const a = new Contender(api, clock, "a").start();
    await settle();
    a.fault = () => "fail";
    await clock.advance(8500);
    a.fault = () => undefined;
    await clock.advance(5000);
    expect(a.lease.held).toBe(true);
  });

  test("a renewal whose answer is lost does no harm", async () => {
    const { api, clock } = stage();
    const a = new Contender(api, clock, "a").start();
    await settle();
    a.fault = (call) => (call.verb === "mergePatch" && clock.monotonic() === 2000 ? "answer lost" : undefined);
    await clock.advance(20_000);
    expect(a.lease.held).toBe(true);
  });

  test("a leader whose lease was given to another loses it at the next renewal", async () => {
    const { api, clock } = stage();
    const a = new Contender(api, clock, "a").start();
    await settle();
    await api.mergePatch(LEASES, REF, { spec: { holderIdentity: "b" } });
    await clock.advance(2000);
    expect([a.lease.held, await a.outcome]).toEqual([false, expect.any(LeaseLostError)]);
  });

  test("a leader whose Lease was deleted makes it again", async () => {
    const { api, clock, spec } = stage();
    const a = new Contender(api, clock, "a").start();
    await settle();
    await api.delete(LEASES, REF);
    await clock.advance(2000);
    expect([a.lease.held, spec()?.holderIdentity]).toEqual([true, "a"]);
  });

  test("a label put on the Lease by others does not end the leadership", async () => {
    const { api, clock } = stage();
    const a = new Contender(api, clock, "a").start();
    await settle();
    await api.mergePatch(LEASES, REF, { metadata: { labels: { x: "y" } } });
    await clock.advance(20_000);
    expect(a.lease.held).toBe(true);
  });

  test("labels put on a dead leader's Lease again and again do not keep the next one waiting", async () => {
    const { api, clock } = stage();
    const a = new Contender(api, clock, "a").start();
    await settle();
    a.fault = () => "hang";
    const b = new Contender(api, clock, "b").start();
    let label = 0;
    const untilB = await timeUntil(clock, () => {
      label += 1;
      api.fault = () => undefined;
      void api.mergePatch(LEASES, REF, { metadata: { labels: { x: String(label) } } });
      return b.lease.held;
    });
    expect(untilB).toBeLessThan(20_000);
  });

  test("held is false at once after the wall clock shows that the machine slept", async () => {
    const { api, clock } = stage();
    const a = new Contender(api, clock, "a").start();
    await settle();
    const assertLeading = a.lease.leadership();
    clock.jumpWall(11_000);
    expect(a.lease.held).toBe(false);
    expect(assertLeading).toThrow(LeaseLostError);
    await clock.advance(2000);
    expect(a.lease.held).toBe(true);
  });

  test("held is false at once after the process was stopped for a while, whatever the wall clock says", async () => {
    const { api, clock } = stage();
    const a = new Contender(api, clock, "a").start();
    await settle();
    clock.freeze(10_000);
    clock.jumpWall(-10_000);
    expect(a.lease.held).toBe(false);
  });

  test("a wall clock that jumps back does not make it held for longer", async () => {
    const { api, clock } = stage();
    const a = new Contender(api, clock, "a").start();
    await settle();
    a.fault = () => "hang";
    clock.jumpWall(-3_600_000);
    expect(await timeUntil(clock, () => !a.lease.held)).toBe(10_000);
  });
});

test("never do two hold the lease at once, whatever goes wrong", async () => {
  let seed = 1;
  const random = () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  for (let round = 0; round < 30; round += 1) {
    const { api, clock } = stage();
    const contenders = ["a", "b", "c"].map((name) => new Contender(api, clock, name, { random }));
    for (const contender of contenders) {
      contender.fault = () =>
        (["hang", "fail", "answer lost", undefined, undefined] as const)[Math.floor(random() * 5)];
      contender.start();
    }
    let leaders = 0;
    for (let tick = 0; tick < 400; tick += 1) {
      await clock.advance(250);
      const held = contenders.filter((contender) => contender.lease.held).length;
      expect(held).toBeLessThanOrEqual(1);
      leaders += held;
    }
    expect(leaders).toBeGreaterThan(0);
  }
});

test("a leader counts its time from the request, since others may have seen it before the answer came", async () => {
  const { api, clock } = stage();
  const a = new Contender(api, clock, "a");
  a.fault = ({ verb }) => {
    if (verb === "create") clock.advanceNow(1000);
    return undefined;
  };
  a.start();
  await settle();
  expect(a.lease.ageMs).toBe(1000);
});

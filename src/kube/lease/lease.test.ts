import { describe, expect, test } from "vitest";
import { ManualClock } from "../../testing/manual-clock.ts";
import { settle } from "../../testing/settle.ts";
import { silentLog } from "../log.ts";
import { MemoryApi, type SeenCall } from "../testing/memory-api.ts";
import { Lease, type LeaseOptions } from "./lease.ts";
import { LeaseLostError } from "./lease-claim.ts";
import { LEASES } from "./lease-object.ts";

const REF = { namespace: "system", name: "operator" };

/** One process that contends, with its own connection to the API server. */
class Contender {
  readonly lease: Lease;
  readonly stop = new AbortController();
  leading: AbortSignal | undefined;
  /** Lets `lead` finish; otherwise it does so as soon as its signal aborts. */
  lingering = false;
  finish = () => {};
  outcome: Promise<unknown> = Promise.resolve();
  fault: MemoryApi["fault"] = () => undefined;
  readonly clock: ManualClock;

  constructor(api: MemoryApi, clock: ManualClock, identity: string, options: Partial<LeaseOptions> = {}) {
    this.clock = clock;
    const client = {
      get: this.#through(api, api.get),
      create: this.#through(api, api.create),
      mergePatch: this.#through(api, api.mergePatch),
    };
    this.lease = new Lease({ client, ...REF, identity, clock, random: () => 0, log: silentLog, ...options });
  }

  start(): this {
    this.outcome = this.lease
      .run({
        signal: this.stop.signal,
        lead: async (signal) => {
          this.leading = signal;
          await new Promise<void>((resolve) => {
            this.finish = resolve;
            if (!this.lingering) {
              signal.addEventListener("abort", () => resolve());
            }
          });
          this.leading = undefined;
        },
      })
      .then(
        () => "ended",
        (error: unknown) => error,
      );
    return this;
  }

  /** Calls of this contender meet its own faults. */
  #through<A extends unknown[], R>(api: MemoryApi, method: (...args: A) => Promise<R>) {
    return (...args: A): Promise<R> => {
      api.fault = (call: SeenCall) => this.fault(call);
      return method.apply(api, args);
    };
  }
}

function stage() {
  const clock = new ManualClock();
  const api = new MemoryApi();
  return { clock, api, spec: () => api.stored(LEASES, REF)?.spec };
}

/** Advances by seconds until the condition holds; gives how many milliseconds that took. */
async function timeUntil(clock: ManualClock, condition: () => boolean): Promise<number> {
  const from = clock.monotonic();
  while (!condition()) {
    if (clock.monotonic() - from > 60_000) {
      throw new Error("waited in vain for a minute");
    }
    await clock.advance(100);
  }
  return clock.monotonic() - from;
}

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

describe("handing it over", () => {
  test("a leader that dies is replaced in less than 20 s, counted as a transition", async () => {
    const { api, clock, spec } = stage();
    const a = new Contender(api, clock, "a").start();
    const b = new Contender(api, clock, "b").start();
    await clock.advance(30_000);
    a.fault = () => "hang";
    const ms = await timeUntil(clock, () => b.lease.held);
    expect([ms < 20_000, spec()?.holderIdentity, spec()?.leaseTransitions]).toEqual([true, "b", 1]);
  });

  test("a leader that stops releases the lease and is replaced in less than 3 s", async () => {
    const { api, clock, spec } = stage();
    const a = new Contender(api, clock, "a").start();
    const b = new Contender(api, clock, "b").start();
    await clock.advance(30_000);
    a.stop.abort();
    await settle();
    expect([spec()?.holderIdentity, await a.outcome]).toEqual(["", "ended"]);
    expect(await timeUntil(clock, () => b.lease.held)).toBeLessThan(3000);
  });

  test("a leader that stops renews until its work is finished, and releases then", async () => {
    const { api, clock, spec } = stage();
    const a = new Contender(api, clock, "a");
    a.lingering = true;
    a.start();
    await settle();
    a.stop.abort();
    await clock.advance(40_000);
    expect([a.leading?.aborted, a.lease.held, spec()?.holderIdentity]).toEqual([true, true, "a"]);
    a.finish();
    await a.outcome;
    expect([a.lease.held, spec()?.holderIdentity]).toEqual([false, ""]);
  });

  test("a stop in the middle of a renewal releases the lease too", async () => {
    const { api, clock, spec } = stage();
    const a = new Contender(api, clock, "a").start();
    await settle();
    a.fault = (call) => (call.verb === "mergePatch" && clock.monotonic() === 2000 ? "answer lost" : undefined);
    await clock.advance(2000);
    a.stop.abort();
    await clock.advance(100);
    expect([await a.outcome, spec()?.holderIdentity]).toEqual(["ended", ""]);
  });

  test("a release never takes the lease from another", async () => {
    const { api, clock, spec } = stage();
    const a = new Contender(api, clock, "a").start();
    await settle();
    await api.mergePatch(LEASES, REF, { spec: { holderIdentity: "b" } });
    a.stop.abort();
    await clock.advance(100);
    expect([await a.outcome, spec()?.holderIdentity]).toEqual(["ended", "b"]);
  });

  test("a release that the API server does not answer is given up", async () => {
    const { api, clock } = stage();
    const a = new Contender(api, clock, "a").start();
    await settle();
    a.fault = () => "hang";
    a.stop.abort();
    await clock.advance(2000);
    await expect(a.outcome).resolves.toBe("ended");
  });

  test("work that fails releases the lease and the failure is told", async () => {
    const { api, clock, spec } = stage();
    const lease = new Lease({ client: api, ...REF, identity: "a", clock, random: () => 0, log: silentLog });
    const failure = new Error("defect");
    const run = lease.run({ signal: new AbortController().signal, lead: () => Promise.reject(failure) });
    await expect(run).rejects.toBe(failure);
    expect(spec()?.holderIdentity).toBe("");
  });

  test("work that rejects with the reason of its signal has ended well", async () => {
    const { api, clock } = stage();
    const stop = new AbortController();
    const lease = new Lease({ client: api, ...REF, identity: "a", clock, random: () => 0, log: silentLog });
    const run = lease.run({ signal: stop.signal, lead: (signal) => clock.sleep(1e6, signal) });
    await settle();
    stop.abort();
    await expect(run).resolves.toBeUndefined();
  });
});

describe("losing it while the work does not end", () => {
  /** A leader that lost its lease to b, for as long as b's time lasts, with its work going on. */
  async function lostAtWork() {
    const { api, clock, spec } = stage();
    const a = new Contender(api, clock, "a");
    a.lingering = true;
    a.start();
    await settle();
    const check = a.lease.leadership();
    await api.mergePatch(LEASES, REF, { spec: { holderIdentity: "b" } });
    await clock.advance(3000);
    expect([a.leading?.aborted, a.lease.held]).toEqual([true, false]);
    return { a, clock, api, spec, check, finishFirst: a.finish };
  }

  test("it contends again, and leads again once the other's time is over", async () => {
    const { a, clock, spec, finishFirst } = await lostAtWork();
    await clock.advance(20_000);
    const second = a.leading;
    expect([second?.aborted, a.lease.held, spec()?.holderIdentity]).toEqual([false, true, "a"]);
    finishFirst();
    await clock.advance(10_000);
    expect([second?.aborted, a.lease.held]).toEqual([false, true]);
  });

  test("what began before may not go on in the new leadership, and what begins in it may", async () => {
    const { a, clock, check } = await lostAtWork();
    expect(check).toThrow(LeaseLostError);
    await clock.advance(20_000);
    expect(check).toThrow(LeaseLostError);
    expect(a.lease.leadership()).not.toThrow();
  });

  test("it ends as lost when the work ends while another leads", async () => {
    const { a, clock, spec, finishFirst } = await lostAtWork();
    finishFirst();
    expect(await a.outcome).toBeInstanceOf(LeaseLostError);
    await clock.advance(60_000);
    expect([a.lease.held, spec()?.holderIdentity]).toEqual([false, "b"]);
  });

  test("a stop ends the contention and waits for the work", async () => {
    const { a, clock, spec, finishFirst } = await lostAtWork();
    let ended = false;
    void a.outcome.then(() => {
      ended = true;
    });
    a.stop.abort();
    await clock.advance(60_000);
    expect([ended, spec()?.holderIdentity]).toEqual([false, "b"]);
    finishFirst();
    await a.outcome;
  });

  test("a new leadership that ends waits for what the lost one left, before it gives the lease back", async () => {
    const { a, clock, spec, finishFirst } = await lostAtWork();
    await clock.advance(20_000);
    a.stop.abort();
    a.finish();
    await clock.advance(20_000);
    expect(spec()?.holderIdentity).toBe("a");
    finishFirst();
    expect([await a.outcome, spec()?.holderIdentity]).toEqual(["ended", ""]);
  });
});

test("a check of a leadership holds through renewals, and not where the Lease was gone for a while", async () => {
  const { api, clock } = stage();
  const a = new Contender(api, clock, "a").start();
  await settle();
  const check = a.lease.leadership();
  await clock.advance(20_000);
  expect(check).not.toThrow();
  await api.delete(LEASES, REF);
  await clock.advance(2000);
  expect(a.lease.held).toBe(true);
  expect(check).toThrow(LeaseLostError);
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

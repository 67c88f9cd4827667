import { describe, expect, test } from "vitest";
import { settle } from "../../testing/settle.ts";
import { silentLog } from "../log.ts";
import { Contender, REF, stage, timeUntil } from "../testing/contender.ts";
import { Lease } from "./lease.ts";
import { LEASES } from "./lease-object.ts";

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

  test("releases the lease and reports the failure when the work fails", async () => {
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

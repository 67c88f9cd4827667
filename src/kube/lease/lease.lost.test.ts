import { describe, expect, test } from "vitest";
import { settle } from "../../testing/settle.ts";
import { Contender, REF, stage } from "../testing/contender.ts";
import { LeaseLostError } from "./lease-claim.ts";
import { LEASES } from "./lease-object.ts";

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

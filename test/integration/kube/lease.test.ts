import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../../src/clock.ts";
import { Lease } from "../../../src/kube/lease/lease.ts";
import { LEASES } from "../../../src/kube/lease/lease-object.ts";
import { silentLog } from "../../../src/kube/log.ts";
import { freshNamespace } from "../../control-plane/control-plane.ts";
import { apiServerUrl, connect } from "./connect.ts";
import { FaultProxy } from "./fault-proxy.ts";

async function contend(namespace: string, identity: string, through?: URL) {
  const client = await connect(through === undefined ? {} : { through });
  const lease = new Lease({
    client,
    namespace,
    name: "operator",
    identity,
    // Shorter than in production, so that a test need not last half a minute.
    leaseDurationMs: 4000,
    renewDeadlineMs: 2500,
    retryPeriodMs: 500,
    clock: systemClock,
    random: Math.random,
    log: silentLog,
  });
  const stop = new AbortController();
  const ended = lease
    .run({
      signal: stop.signal,
      lead: (signal) => new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true })),
    })
    .catch((error: unknown) => error);
  onTestFinished(async () => {
    stop.abort();
    await ended;
  });
  return { lease, stop, ended, client };
}

test("the API server takes our times, and a stopped leader is replaced within a retry period", async () => {
  const namespace = await freshNamespace();
  const a = await contend(namespace, "a");
  await expect.poll(() => a.lease.held).toBe(true);
  const b = await contend(namespace, "b");
  const { spec } = await a.client.get(LEASES, { namespace, name: "operator" });
  expect([spec?.holderIdentity, spec?.renewTime]).toEqual(["a", expect.stringMatching(/\.\d{6}Z$/)]);
  a.stop.abort();
  await a.ended;
  await expect.poll(() => b.lease.held, { timeout: 1500 }).toBe(true);
  expect(a.lease.held).toBe(false);
});

test("a leader behind a black hole stops before the next one leads", async () => {
  const namespace = await freshNamespace();
  await using proxy = await FaultProxy.start(await apiServerUrl());
  const a = await contend(namespace, "a", proxy.url);
  await expect.poll(() => a.lease.held).toBe(true);
  const b = await contend(namespace, "b");
  proxy.weather = "blackhole";
  const both: boolean[] = [];
  await expect
    .poll(
      () => {
        both.push(a.lease.held && b.lease.held);
        return b.lease.held;
      },
      { timeout: 10_000, interval: 20 },
    )
    .toBe(true);
  expect([both.includes(true), await a.ended]).toEqual([false, expect.objectContaining({ name: "LeaseLostError" })]);
});

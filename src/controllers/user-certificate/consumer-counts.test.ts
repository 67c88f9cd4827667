import { describe, expect, test } from "vitest";
import { timestamp } from "../../api/timestamp.ts";
import { USER_CERTIFICATE } from "../../api/user-certificate.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../clock.ts";
import { consumerRig, NEW, OLD, pod, REPLACED } from "./testing/consumer-rig.ts";
import { kubeError } from "./testing/memory-cluster.ts";
import { NOW } from "./testing/snapshots.ts";

describe("the pods of a namespace are listed", () => {
  test("at once where a leader finds a certificate that was replaced and is valid", async () => {
    const { pods, results, apply, work, pass, consumers } = consumerRig();
    apply("orders-api");
    pods.set("shop", [OLD, NEW]);
    work();
    await pass(0);
    expect(consumers()).toEqual({
      ...{ pods: 2, outdated: 1, outdatedPods: ["orders-0"], observedAt: timestamp(NOW) },
      outdatedValidUntil: REPLACED.previous?.notAfter,
    });
    expect(results).toEqual(["ok"]);
  });

  test("every ten minutes, and nothing is written while the counts are the same", async () => {
    const { cluster, pods, lists, apply, work, pass, consumers } = consumerRig();
    apply("orders-api");
    pods.set("shop", [OLD]);
    work();
    await pass(0);
    await pass(60 * MINUTE_MS);
    expect(lists).toHaveLength(7);
    expect(cluster.writes).toHaveLength(1);
    pods.set("shop", [NEW]);
    await pass(10 * MINUTE_MS);
    expect(consumers()).toEqual({ pods: 1, outdated: 0, observedAt: timestamp(NOW + 70 * MINUTE_MS) });
  });

  test("not without a certificate that was replaced, nor once it has expired", async () => {
    const { clock, lists, apply, work, pass } = consumerRig();
    apply("orders-api", { serialNumber: "1002" });
    apply("billing", REPLACED, "office");
    clock.jumpWall(30 * DAY_MS);
    work();
    await pass(HOUR_MS);
    expect(lists).toEqual([]);
  });

  test("no more after the expiry", async () => {
    const { lists, apply, work, pass } = consumerRig();
    const previous = { serialNumber: "1001", notAfter: timestamp(NOW + 25 * MINUTE_MS), replacedAt: timestamp(NOW) };
    apply("orders-api", { ...REPLACED, previous });
    work();
    await pass(DAY_MS);
    expect(lists).toHaveLength(3);
  });

  test("not while this replica does not lead", async () => {
    const { lists, apply, work, pass } = consumerRig();
    apply("orders-api");
    const stop = work();
    await pass(0);
    stop();
    await pass(HOUR_MS);
    expect(lists).toHaveLength(1);
  });

  test("once for all of its resources, however many are renewed in a minute", async () => {
    const { pods, lists, apply, work, pass, consumers } = consumerRig();
    const names = Array.from({ length: 20 }, (_, index) => `user-${index}`);
    for (const name of names) apply(name);
    pods.set(
      "shop",
      names.map((name) => pod(name, NOW - HOUR_MS, `${name}-mongodb`)),
    );
    work();
    await pass(0);
    expect(lists).toHaveLength(1);
    expect(names.map((name) => consumers(name)?.outdatedPods)).toEqual(names.map((name) => [name]));
  });
});

describe("a renewal", () => {
  test("is followed by a list at once", async () => {
    const { pods, lists, apply, work, pass, consumers, reconciled } = consumerRig();
    work();
    await pass(0);
    apply("orders-api");
    await pass(HOUR_MS);
    expect(lists).toEqual([]);
    pods.set("shop", [OLD]);
    apply("orders-api");
    reconciled("orders-api");
    await pass(0);
    expect(consumers()).toMatchObject({ outdated: 1 });
  });

  test("is followed by a list a minute after that of another renewal", async () => {
    const { pods, lists, apply, work, pass, consumers, reconciled } = consumerRig();
    pods.set("shop", [OLD, pod("billing-0", NOW - HOUR_MS, "billing-mongodb")]);
    work();
    apply("orders-api");
    reconciled("orders-api");
    await pass(0);
    apply("billing");
    reconciled("billing");
    await pass(MINUTE_MS - 1);
    expect([lists.length, consumers("billing")]).toEqual([1, undefined]);
    await pass(1);
    expect([lists.length, consumers("billing")?.outdated]).toEqual([2, 1]);
  });

  test("in the middle of a list leaves that to the next one", async () => {
    const { pods, lists, amidst, apply, work, pass, consumers } = consumerRig();
    apply("orders-api");
    pods.set("shop", [OLD]);
    amidst(() => {
      if (lists.length === 1) apply("orders-api", { ...REPLACED, serialNumber: "1003" });
    });
    work();
    await pass(0);
    expect([lists.length, consumers()]).toEqual([1, undefined]);
  });

  test("needs no list where none was replaced, or the pods are counted", async () => {
    const { lists, apply, work, pass, reconciled } = consumerRig();
    work();
    await pass(0);
    apply("orders-api", { serialNumber: "1001" });
    apply("billing", { ...REPLACED, consumers: { pods: 0, outdated: 0, observedAt: timestamp(NOW) } });
    for (const name of ["orders-api", "billing"]) reconciled(name);
    await pass(0);
    expect(lists).toEqual([]);
  });
});

describe("a list that fails", () => {
  test("is retried, and shows in the figures and once in the log", async () => {
    const { pods, results, warnings, apply, work, pass, consumers } = consumerRig();
    apply("orders-api");
    pods.set("shop", kubeError("Forbidden"));
    work();
    await pass(0);
    await pass(20 * MINUTE_MS);
    expect(results).toEqual(["failed", "failed", "failed"]);
    expect(warnings).toEqual([expect.stringContaining("could not list pods")]);
    pods.set("shop", [OLD]);
    await pass(10 * MINUTE_MS);
    expect(consumers()).toMatchObject({ outdated: 1 });
    pods.set("shop", kubeError("Forbidden"));
    await pass(10 * MINUTE_MS);
    expect(warnings).toHaveLength(2);
    expect(consumers()).toMatchObject({ outdated: 1, observedAt: timestamp(NOW + 30 * MINUTE_MS) });
  });

  test("for it takes too long ends after a minute, and other namespaces go on", async () => {
    const { lists, amidst, results, apply, work, pass, consumers } = consumerRig();
    apply("orders-api");
    for (const namespace of ["office", "yard"]) apply("billing", REPLACED, namespace);
    amidst(async (signal) => {
      if (lists.at(-1) === "shop") await new Promise((resolve) => signal?.addEventListener("abort", resolve));
    });
    work();
    await pass(0);
    expect(["office", "yard"].map((namespace) => consumers("billing", namespace)?.pods)).toEqual([0, 0]);
    await pass(MINUTE_MS);
    expect(results).toEqual(["ok", "ok", "failed"]);
  });

  test("for the operator stops is no failure, and nothing is written", async () => {
    const { cluster, amidst, results, apply, work, pass } = consumerRig();
    apply("orders-api");
    let stop = () => {};
    amidst(() => stop());
    stop = work();
    await pass(0);
    expect([results, cluster.writes]).toEqual([[], []]);
  });
});

test("a status that can't be written keeps no other from being written, and is retried", async () => {
  const { cluster, apply, work, pass, consumers } = consumerRig();
  apply("orders-api");
  apply("billing");
  let isBroken = true;
  cluster.fault = ({ what }) => (isBroken && what.endsWith("/orders-api") ? kubeError("InternalError") : undefined);
  work();
  await pass(0);
  expect([consumers("orders-api"), consumers("billing")?.pods]).toEqual([undefined, 0]);
  isBroken = false;
  await pass(2 * MINUTE_MS);
  expect(consumers("orders-api")).toMatchObject({ pods: 0 });
});

test("a resource that is gone by the end of the list is left alone", async () => {
  const { cluster, resources, lists, amidst, warnings, apply, work, pass } = consumerRig();
  apply("orders-api");
  amidst(() => {
    cluster.remove(USER_CERTIFICATE, { namespace: "shop", name: "orders-api" });
    for (const resource of resources.store.values()) resources.store.remove(resource);
  });
  work();
  await pass(0);
  expect([lists, cluster.calls, warnings]).toEqual([["shop"], [], []]);
});

test("outdated pods are announced in the minute in which half of the time is over, and nine tenths", async () => {
  const skewMs = 7 * DAY_MS;
  const { pods, notes, apply, work, pass } = consumerRig({ skewMs });
  const replacedMs = NOW + skewMs;
  const notAfter = timestamp(replacedMs + 25 * MINUTE_MS);
  const previous = { serialNumber: "1001", notAfter, replacedAt: timestamp(replacedMs) };
  apply("orders-api", { ...REPLACED, previous });
  pods.set("shop", [OLD]);
  work();
  await pass(0);
  for (const [minutes, count] of [
    [12, 0],
    [1, 1],
    [9, 1],
    [1, 2],
  ] as const) {
    await pass(minutes * MINUTE_MS);
    expect(notes).toHaveLength(count);
  }
});

test("outdated pods are announced at half and at a tenth of the time, each once, across a restart", async () => {
  const { pods, notes, apply, work, pass } = consumerRig();
  const previous = { serialNumber: "1001", notAfter: timestamp(NOW + 20 * HOUR_MS), replacedAt: timestamp(NOW) };
  apply("orders-api", { ...REPLACED, previous });
  pods.set("shop", [OLD, NEW]);
  const stop = work();
  await pass(0);
  await pass(11 * HOUR_MS);
  const note =
    "1 of 2 pods still uses an old certificate of Secret orders-api-mongodb, which is valid until 2030-01-11T20:00:00Z. " +
    "Restart them before then: orders-0.";
  expect(notes).toEqual([note]);
  stop();
  work();
  await pass(HOUR_MS);
  expect(notes).toEqual([note]);
  await pass(8 * HOUR_MS);
  expect(notes).toEqual([note, note]);
});

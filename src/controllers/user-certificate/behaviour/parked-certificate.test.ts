import { describe, expect, test } from "vitest";
import { HOUR_MS, MINUTE_MS } from "../../../clock.ts";
import { SECRETS } from "../../../kube/core-types.ts";
import { kubeError } from "../testing/memory-cluster.ts";
import { parkingRig } from "../testing/parking-rig.ts";
import { NAMESPACE, SECRET } from "../testing/scene.ts";

/** Certificates that were issued and cannot be stored: they wait in the process, and reconciles go on. */

const OTHER = { namespace: NAMESPACE, name: "other" };
const THIRD = { namespace: NAMESPACE, name: "third" };

describe("a parked certificate", () => {
  test("is in the status: which one, in which process, and what it waits for", async () => {
    const { scene, issuedSerial, parkedFirst } = parkingRig();
    await parkedFirst();
    expect(scene.status().issuance).toMatchObject({
      parked: { pod: "pod-1", serialNumber: issuedSerial(), notAfter: "2030-04-11T00:00:00Z" },
    });
    expect(scene.status().issuance?.parked).not.toHaveProperty("until");
    expect([scene.ready(), scene.stalled()]).toEqual(["False SecretNotWritable", "True SecretNotWritable"]);
    expect(scene.condition("Issuing")).toMatchObject({
      status: "True",
      message: expect.stringContaining("has been issued but not stored yet"),
    });
    expect(scene.condition("Stalled").message).toMatch(
      /exceeded quota: secrets.*Certificate \d+ has been issued but not stored yet\. It exists only in the operator's memory and is lost if the pod is killed\. Fix what the API server reports/,
    );
  });

  test("is stored once the Secret can be written, and nothing else is issued", async () => {
    const { scene, process, allowWrites, issuedSerial, parkedFirst } = parkingRig();
    await parkedFirst();
    await scene.run(process, { forMs: HOUR_MS });
    allowWrites();
    await scene.run(process, { forMs: 6 * MINUTE_MS });
    expect([scene.ready(), scene.stalled()]).toEqual(["True Issued", "False Issued"]);
    expect([scene.atlas.creates, scene.serialIn(), process.parked.size]).toEqual([1, issuedSerial(), 0]);
    expect(scene.status()).not.toHaveProperty("issuance");
    expect(scene.reasons()).toEqual(["SecretNotWritable", "Issued"]);
    expect(scene.orphanEvents()).toEqual([]);
  });

  test("is tried with a growing backoff up to five minutes, and costs no status write for each try", async () => {
    const { scene, process, parkedFirst } = parkingRig();
    await parkedFirst();
    scene.cluster.calls.length = 0;
    await scene.run(process, { forMs: 6 * HOUR_MS });
    const tries = scene.cluster.calls.filter(({ verb, what }) => verb === "create" && what.startsWith("secrets"));
    expect(tries.length).toBeGreaterThan(60);
    expect(tries.length).toBeLessThan(120);
    expect(scene.cluster.calls.filter(({ verb }) => verb === "patch status").length).toBeLessThanOrEqual(1);
    expect([scene.atlas.creates, scene.reasons()]).toEqual([1, ["SecretNotWritable"]]);
  });

  test("of a renewal leaves Ready True until the old certificate expires, and False from then on", async () => {
    const { scene, process, parkedRenewal } = parkingRig();
    await parkedRenewal();
    expect([scene.ready(), scene.stalled()]).toEqual(["True SecretNotWritable", "True SecretNotWritable"]);
    const notAfterMs = Date.parse(scene.status().notAfter ?? "");
    scene.clock.advanceNow(notAfterMs - HOUR_MS - scene.clock.now());
    await scene.run(process, { forMs: HOUR_MS - 1 });
    expect(scene.ready()).toBe("True SecretNotWritable");
    await scene.run(process, { forMs: 1002 });
    expect(scene.ready()).toBe("False SecretNotWritable");
    expect(scene.condition("Ready").message).toMatch(/^Certificate \d+ expired at /);
  });

  test("goes into the Secret that the resource names by then", async () => {
    const { scene, process, issuedSerial, parkedFirst } = parkingRig();
    await parkedFirst();
    scene.cluster.fault = ({ verb, what, dryRun }) =>
      what === "secrets shop/orders-api-mongodb" && verb !== "get" && !dryRun ? kubeError("Forbidden") : undefined;
    await scene.run(process, { forMs: 30 * MINUTE_MS });
    scene.apply({ secretName: OTHER.name });
    await scene.run(process, { forMs: 6 * MINUTE_MS });
    expect([scene.atlas.creates, scene.serialIn(OTHER), scene.secret()]).toEqual([1, issuedSerial(), undefined]);
    expect(scene.ready()).toBe("True Issued");
    expect(scene.status()).toMatchObject({ secretName: OTHER.name, observedGeneration: scene.resource().generation });
    expect(scene.events.at(-1)?.note).toContain("in Secret other;");
  });

  test("is stored into a Secret that was deleted and is absent by then", async () => {
    const { scene, process, allowWrites, issuedSerial, parkedRenewal } = parkingRig();
    await parkedRenewal();
    scene.cluster.remove(SECRETS, SECRET);
    allowWrites();
    await scene.run(process, { forMs: 6 * MINUTE_MS });
    expect([scene.atlas.creates, scene.serialIn(), scene.ready()]).toEqual([2, issuedSerial(1), "True Issued"]);
  });

  test("is not issued a second time on request, nor because its Secret is missing", async () => {
    const { scene, process, parkedFirst } = parkingRig();
    await parkedFirst();
    scene.apply({}, { renewRequest: "again" });
    await scene.run(process, { forMs: 2 * HOUR_MS });
    expect([scene.atlas.creates, process.parked.size]).toEqual([1, 1]);
  });
});

describe("a parked certificate waits", () => {
  test("for a foreign Secret to go, which stays byte for byte what it was", async () => {
    const { scene, process, onWrite, putForeign, issuedSerial } = parkingRig();
    scene.apply();
    onWrite(putForeign);
    await scene.settle(process);
    const before = structuredClone(scene.secret());
    await scene.run(process, { forMs: 2 * HOUR_MS });
    expect(scene.secret()).toEqual(before);
    expect([scene.ready(), scene.stalled()]).toEqual(["False SecretForeign", "True SecretForeign"]);
    expect(scene.condition("Stalled").message).toContain("It exists only in the operator's memory");
    scene.cluster.remove(SECRETS, SECRET);
    await scene.run(process, { forMs: 6 * MINUTE_MS });
    expect([scene.atlas.creates, scene.serialIn(), scene.ready()]).toEqual([1, issuedSerial(), "True Issued"]);
  });

  test("for a foreign Secret under the new name too", async () => {
    const { scene, process, onWrite, putForeign, issuedSerial } = parkingRig();
    putForeign(OTHER);
    scene.apply();
    onWrite(putForeign);
    await scene.settle(process);
    scene.apply({ secretName: OTHER.name });
    await scene.run(process, { forMs: HOUR_MS });
    expect(scene.secret(OTHER)?.data).toEqual({ a: "eA==" });
    scene.apply({ secretName: THIRD.name });
    await scene.run(process, { forMs: 6 * MINUTE_MS });
    expect([scene.atlas.creates, scene.serialIn(THIRD)]).toEqual([1, issuedSerial()]);
  });

  test("for a terminating Secret to be gone: what is written into it would be lost with it", async () => {
    const { scene, process, allowWrites, issuedSerial, parkedRenewal } = parkingRig();
    await parkedRenewal();
    scene.changeSecret((secret) => ({
      ...secret,
      metadata: { ...secret.metadata, deletionTimestamp: "2030-01-11T00:00:00Z", finalizers: ["example.com/wait"] },
    }));
    allowWrites();
    await scene.run(process, { forMs: HOUR_MS });
    expect([scene.serialIn(), process.parked.size]).toEqual([issuedSerial(0), 1]);
    expect(scene.stalled()).toBe("True SecretTerminating");
    expect(scene.condition("Stalled").message).toContain("It exists only in the operator's memory");
    scene.cluster.remove(SECRETS, SECRET);
    await scene.run(process, { forMs: 6 * MINUTE_MS });
    expect([scene.atlas.creates, scene.serialIn(), scene.ready()]).toEqual([2, issuedSerial(1), "True Issued"]);
  });

  test("for the Secret of another living resource, which keeps its certificate", async () => {
    const { scene, process, onWrite, putForeign, issuedSerial } = parkingRig();
    scene.apply({ username: "billing", secretName: OTHER.name }, { name: "billing" });
    await scene.settle(process, "billing");
    const billings = scene.serialIn(OTHER);
    scene.apply();
    onWrite(putForeign);
    await scene.settle(process);
    scene.apply({ secretName: OTHER.name });
    await scene.run(process, { forMs: HOUR_MS });
    expect([scene.serialIn(OTHER), scene.ready(), scene.stalled()]).toEqual([
      billings,
      "False SecretClaimedTwice",
      "True SecretClaimedTwice",
    ]);
    scene.apply({ secretName: THIRD.name });
    await scene.run(process, { forMs: 6 * MINUTE_MS });
    expect([scene.atlas.creates, scene.serialIn(THIRD)]).toEqual([2, issuedSerial(1)]);
  });
});

test("a certificate is stored while its resource is suspended: it would be lost otherwise", async () => {
  const { scene, process, allowWrites, issuedSerial, parkedFirst } = parkingRig();
  await parkedFirst();
  scene.apply({ suspend: true });
  allowWrites();
  await scene.run(process, { forMs: 6 * MINUTE_MS });
  expect([scene.serialIn(), process.parked.size]).toEqual([issuedSerial(), 0]);
  expect(scene.reasons().filter((reason) => reason === "Issued")).toHaveLength(1);
});

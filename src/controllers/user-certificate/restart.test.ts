import { describe, expect, test } from "vitest";
import { RESTART_ANNOTATION } from "../../api/names.ts";
import { timestamp } from "../../api/timestamp.ts";
import { MINUTE_MS } from "../../clock.ts";
import { SECRETS } from "../../kube/core-types.ts";
import { WORKLOADS } from "./cluster/workloads.ts";
import { Mortal } from "./testing/mortal.ts";
import {
  annotation,
  callsOfWorkloads,
  DEPLOYMENT,
  find,
  forget,
  put,
  renew,
  restartCondition,
  rollouts,
  SPEC,
  start,
} from "./testing/restart-rig.ts";
import { NAMESPACE, Scene, SECRET } from "./testing/scene.ts";
import { POLICY } from "./testing/snapshots.ts";

/** Restarts of workloads after a renewal. */

test("a renewal restarts the workload once, half a minute after the Secret was written", async () => {
  const { scene, process } = await start();
  await renew(scene, process);
  const [pending] = scene.status().pendingRestarts ?? [];
  expect(pending).toEqual({ ...DEPLOYMENT, writtenAt: timestamp(scene.clock.now()) });
  expect(restartCondition(scene)).toBe("True RestartDue");
  expect(callsOfWorkloads(scene)).toEqual([]);
  await scene.run(process, { forMs: MINUTE_MS });
  expect(annotation(scene)).toBe(pending?.writtenAt);
  expect([rollouts(scene), restartCondition(scene)]).toEqual([1, "False Restarted"]);
  expect(scene.status()).not.toHaveProperty("pendingRestarts");
  expect(scene.reasons()).toEqual(["Issued", "WorkloadRestarted"]);
  expect(scene.events[1]?.note).toBe(
    `Restarted Deployment orders-api, so that its pods use certificate ${scene.serialIn()}.`,
  );
});

test("only the annotation is sent, onto the workload as it was read", async () => {
  const { scene, process } = await start();
  const { uid, resourceVersion } = find(scene)?.metadata ?? {};
  await renew(scene, process);
  await scene.run(process, { forMs: MINUTE_MS });
  const patch = scene.cluster.calls.find(({ verb, what }) => verb === "patch" && what.startsWith("deployments"));
  expect(patch?.body).toEqual({
    metadata: { uid, resourceVersion },
    spec: { template: { metadata: { annotations: { [RESTART_ANNOTATION]: annotation(scene) } } } },
  });
});

test("at rest no workload is read", async () => {
  const { scene, process } = await start();
  await renew(scene, process);
  await scene.run(process, { forMs: MINUTE_MS });
  forget(scene);
  await scene.run(process, { forMs: 12 * 60 * MINUTE_MS, everyMs: MINUTE_MS });
  expect(callsOfWorkloads(scene)).toEqual([]);
  expect(scene.cluster.writes.length).toBeLessThan(4);
});

describe("nothing is restarted", () => {
  test("for the first certificate: its pods wait for the Secret", async () => {
    const { scene } = await start();
    expect(restartCondition(scene)).toBe("False Restarted");
    expect(rollouts(scene)).toBe(0);
  });

  test("for a certificate that is adopted", async () => {
    const { scene } = await start();
    scene.putStatus({});
    const process = scene.start();
    await scene.run(process, { forMs: MINUTE_MS });
    expect([scene.ready(), rollouts(scene)]).toEqual(["True Issued", 0]);
  });

  test("for a repair", async () => {
    const { scene, process } = await start();
    scene.apply({ ...SPEC, secretTemplate: { labels: { team: "shop" } } });
    await scene.run(process, { forMs: MINUTE_MS });
    expect(scene.reasons()).toEqual(["Repaired"]);
    expect(rollouts(scene)).toBe(0);
  });

  test("for another Secret, which the app does not mount yet", async () => {
    const { scene, process } = await start();
    scene.apply({ ...SPEC, secretName: "elsewhere" });
    await scene.run(process, { forMs: MINUTE_MS });
    expect(scene.ready()).toBe("True Issued");
    expect(rollouts(scene)).toBe(0);
  });

  test("where the installation does not allow it", async () => {
    const scene = new Scene();
    scene.policy = { ...POLICY, restartsWorkloads: false };
    put(scene);
    scene.apply(SPEC);
    const process = scene.start();
    await scene.settle(process);
    await renew(scene, process);
    await scene.run(process, { forMs: MINUTE_MS });
    expect(restartCondition(scene)).toBe("False RestartsDisabled");
    expect(callsOfWorkloads(scene)).toEqual([]);
    expect(scene.status()).not.toHaveProperty("pendingRestarts");
  });

  test("while the resource is suspended", async () => {
    const { scene, process } = await start();
    await renew(scene, process);
    scene.apply({ ...SPEC, suspend: true });
    await scene.run(process, { forMs: MINUTE_MS });
    expect([restartCondition(scene), rollouts(scene)]).toEqual(["True Suspended", 0]);
    scene.apply(SPEC);
    await scene.run(process, { forMs: MINUTE_MS });
    expect([restartCondition(scene), rollouts(scene)]).toEqual(["False Restarted", 1]);
  });
});

test("a Secret that was deleted and is issued again causes a restart", async () => {
  const { scene, process } = await start();
  scene.cluster.remove(SECRETS, SECRET);
  await scene.run(process, { forMs: MINUTE_MS });
  expect([scene.ready(), rollouts(scene)]).toEqual(["True Issued", 1]);
});

test("a resource without the field has no condition about restarts", async () => {
  const { scene } = await start({});
  expect(scene.status().conditions?.map(({ type }) => type)).toEqual(["Ready", "Issuing", "Stalled"]);
});

describe("a workload is restarted at most once in 10 minutes", () => {
  test("by renewals that follow each other", async () => {
    const { scene, process } = await start();
    await renew(scene, process);
    await scene.run(process, { forMs: MINUTE_MS });
    await renew(scene, process);
    await scene.run(process, { forMs: 8 * MINUTE_MS });
    expect([rollouts(scene), restartCondition(scene)]).toEqual([1, "True RestartDue"]);
    const [pending] = scene.status().pendingRestarts ?? [];
    await scene.run(scene.start(), { forMs: 3 * MINUTE_MS });
    expect([rollouts(scene), annotation(scene)]).toEqual([2, pending?.writtenAt]);
  });

  test("however old the certificate is that the restart brought", async () => {
    const { scene, process } = await start();
    put(scene, DEPLOYMENT, { paused: true });
    await renew(scene, process);
    await scene.run(process, { forMs: 60 * MINUTE_MS });
    put(scene);
    await scene.run(process, { forMs: 2 * MINUTE_MS });
    const before = rollouts(scene);
    await renew(scene, process);
    await scene.run(process, { forMs: 5 * MINUTE_MS });
    expect(rollouts(scene)).toBe(before);
    await scene.run(process, { forMs: 10 * MINUTE_MS });
    expect(rollouts(scene)).toBe(before + 1);
  });

  test("without managed fields by the annotation", async () => {
    const { scene, process } = await start();
    await renew(scene, process);
    await scene.run(process, { forMs: MINUTE_MS });
    const found = find(scene);
    if (found === undefined) throw new Error("there is no Deployment");
    scene.cluster.put(WORKLOADS.Deployment, found, "kubectl");
    scene.cluster.remove(WORKLOADS.Deployment, { namespace: NAMESPACE, name: DEPLOYMENT.name });
    scene.cluster.put(WORKLOADS.Deployment, { ...found, metadata: { namespace: NAMESPACE, name: DEPLOYMENT.name } });
    await renew(scene, process);
    await scene.run(process, { forMs: 8 * MINUTE_MS });
    expect(restartCondition(scene)).toBe("True RestartDue");
  });
});

test("renewals of two resources that fall together cause one restart", async () => {
  const { scene, process } = await start();
  const reporting = { ...SPEC, username: "reporting", secretName: "reporting-mongodb" };
  scene.apply(reporting, { name: "reporting" });
  await scene.settle(process, "reporting");
  const names = ["orders-api", "reporting"];
  scene.apply(SPEC, { renewRequest: "a" });
  await scene.settle(process);
  scene.clock.advanceNow(20_000);
  scene.apply(reporting, { name: "reporting", renewRequest: "a" });
  await scene.settle(process, "reporting");
  const newest = scene.status("reporting").pendingRestarts?.[0]?.writtenAt;
  await scene.run(process, { forMs: 15 * MINUTE_MS, names });
  expect([rollouts(scene), annotation(scene)]).toEqual([1, newest]);
  expect(names.map((name) => restartCondition(scene, name))).toEqual(["False Restarted", "False Restarted"]);
});

test("a restart does not cover a Secret of the same second, since another one may be written in it later", async () => {
  const { scene, process } = await start();
  const reporting = { ...SPEC, username: "reporting", secretName: "reporting-mongodb" };
  scene.apply(reporting, { name: "reporting" });
  await scene.settle(process, "reporting");
  scene.apply(SPEC, { renewRequest: "a" });
  await scene.settle(process);
  const own = scene.status().pendingRestarts?.[0]?.writtenAt;
  scene.clock.advanceNow(31_000);
  scene.apply(reporting, { name: "reporting", renewRequest: "a" });
  await scene.settle(process, "reporting");
  const newest = scene.status("reporting").pendingRestarts?.[0]?.writtenAt;
  await scene.reconcile(process);
  expect([rollouts(scene), annotation(scene)]).toEqual([1, own]);
  await scene.run(process, { forMs: 15 * MINUTE_MS, names: ["orders-api", "reporting"] });
  expect([rollouts(scene), annotation(scene)]).toEqual([2, newest]);
});

describe("a crash between a renewal and its restart", () => {
  /** Renews with a process that dies at a call, then goes on with one that lives. */
  async function crashed(diesAt: number, moment: "before" | "after") {
    const { scene, process } = await start();
    scene.stop(process);
    const life = new Mortal(diesAt, moment);
    const first = scene.start({ kube: life.kube(scene.cluster), atlas: life.atlas(scene.atlas) });
    scene.apply(SPEC, { renewRequest: "a" });
    await Promise.race([scene.run(first, { forMs: MINUTE_MS }), life.died]);
    scene.stop(first);
    scene.clock.advanceNow(20_000);
    await scene.run(scene.start(), { forMs: 15 * MINUTE_MS });
    return { scene, life };
  }

  test.each(["before", "after"] as const)("%s any call neither forgets nor repeats the restart", async (moment) => {
    const calls = (await crashed(Number.POSITIVE_INFINITY, moment)).life.calls;
    expect(calls).toBeGreaterThan(8);
    for (let diesAt = 1; diesAt <= calls; diesAt++) {
      const { scene, life } = await crashed(diesAt, moment);
      const where = `call ${diesAt}`;
      expect(life.isDead, where).toBe(true);
      expect(scene.ready(), where).toBe("True Issued");
      expect(rollouts(scene), where).toBe(1);
      expect(scene.status(), where).not.toHaveProperty("pendingRestarts");
    }
  });
});

import { describe, expect, test } from "vitest";
import type { Workload } from "../../../api/rollout-restart.ts";
import { DAY_MS, MINUTE_MS } from "../../../clock.ts";
import type { KubeErrorReason } from "../../../kube/kube-error.ts";
import type { WorkloadObject } from "../cluster/workloads.ts";
import { kubeError } from "../testing/memory-cluster.ts";
import {
  callsOfWorkloads,
  DEPLOYMENT,
  put,
  renew,
  restartCondition,
  rollouts,
  SPEC,
  start,
} from "../testing/restart-rig.ts";

/** Workloads that cannot be restarted, or not yet. */

interface Obstacle {
  readonly name: string;
  readonly workload: Workload;
  readonly spec: WorkloadObject["spec"] | undefined;
  readonly reason: string;
  readonly message: RegExp;
}

const STATEFUL_SET: Workload = { kind: "StatefulSet", name: "orders" };
const OBSTACLES: readonly Obstacle[] = [
  {
    ...{ name: "does not exist", workload: { kind: "Deployment", name: "orders" }, spec: undefined },
    ...{ reason: "WorkloadMissing", message: /^Deployment orders does not exist\. / },
  },
  {
    ...{ name: "is paused", workload: { kind: "Deployment", name: "orders" }, spec: { paused: true } },
    ...{ reason: "WorkloadPaused", message: /^Deployment orders is paused\. Resume it/ },
  },
  {
    ...{ name: "has the update strategy OnDelete", workload: STATEFUL_SET },
    ...{ spec: { updateStrategy: { type: "OnDelete" } }, reason: "WorkloadOnDelete", message: /strategy OnDelete, so/ },
  },
  {
    ...{ name: "has an update partition", workload: STATEFUL_SET, reason: "WorkloadPaused" },
    ...{ spec: { updateStrategy: { rollingUpdate: { partition: 2 } } }, message: /an update partition of 2, so/ },
  },
];

describe.each(OBSTACLES)("a workload that $name", ({ workload, spec, reason, message }) => {
  async function blocked() {
    const rolloutRestart = [workload];
    const { scene, process } = await start({ rolloutRestart });
    if (spec !== undefined) put(scene, workload, spec);
    await renew(scene, process, { rolloutRestart });
    await scene.run(process, { forMs: 5 * MINUTE_MS, everyMs: 1000 });
    return { scene, process };
  }

  test("shows in a condition and one Event, and is looked at once in 10 minutes", async () => {
    const { scene, process } = await blocked();
    expect([scene.ready(), scene.stalled()]).toEqual(["True Issued", "False Issued"]);
    expect(restartCondition(scene)).toBe(`True ${reason}`);
    expect(scene.condition("RestartPending").message).toMatch(message);
    expect(scene.condition("RestartPending").message).toMatch(/can log in until \S+Z\. The operator retries within 10/);
    expect(scene.status().pendingRestarts).toMatchObject([{ ...workload, reason }]);
    expect(scene.reasons()).toEqual(["Issued", reason]);
    expect(callsOfWorkloads(scene)).toHaveLength(1);
    await scene.run(process, { forMs: 20 * MINUTE_MS });
    expect(callsOfWorkloads(scene)).toHaveLength(3);
    expect(scene.reasons()).toEqual(["Issued", reason]);
  });

  test("is restarted once that is possible", async () => {
    const { scene, process } = await blocked();
    put(scene, workload);
    const before = rollouts(scene, workload);
    await scene.run(process, { forMs: 11 * MINUTE_MS });
    expect([rollouts(scene, workload), restartCondition(scene)]).toEqual([before + 1, "False Restarted"]);
  });

  test("is forgotten when it leaves the spec", async () => {
    const { scene, process } = await blocked();
    scene.apply({ rolloutRestart: [DEPLOYMENT] });
    await scene.settle(process);
    expect(scene.status()).not.toHaveProperty("pendingRestarts");
    expect(restartCondition(scene)).toBe("False Restarted");
  });
});

describe("a restart that the API server does not allow", () => {
  const cases: readonly (readonly [KubeErrorReason, number, boolean])[] = [
    ["Forbidden", 10 * MINUTE_MS, true],
    ["Invalid", 10 * MINUTE_MS, true],
    ["Timeout", MINUTE_MS, false],
  ];
  test.each(cases)("with %s is retried after %d ms, and blocks nothing else", async (reason, waitMs, isLasting) => {
    const { scene, process } = await start();
    await renew(scene, process);
    scene.cluster.fault = ({ what, verb }) =>
      what.startsWith("deployments") && verb === "patch" ? kubeError(reason) : undefined;
    await scene.run(process, { forMs: 40_000 });
    expect([restartCondition(scene), scene.ready()]).toEqual(["True RestartFailed", "True Issued"]);
    expect(scene.condition("RestartPending").message.includes("RBAC")).toBe(isLasting);
    expect(scene.reasons()).toEqual(["Issued", "RestartFailed"]);
    const { creates } = scene.atlas;
    scene.clock.advanceNow(61 * DAY_MS);
    await scene.settle(process);
    expect([scene.atlas.creates, scene.ready()]).toEqual([creates + 1, "True Issued"]);
    await scene.run(process, { forMs: 40_000 });
    scene.cluster.fault = () => undefined;
    await scene.run(process, { forMs: waitMs - 20_000 });
    expect(rollouts(scene)).toBe(0);
    await scene.run(process, { forMs: 30_000 });
    expect([rollouts(scene), restartCondition(scene)]).toEqual([1, "False Restarted"]);
  });

  test("for a bug is logged", async () => {
    const { scene, process } = await start();
    await renew(scene, process);
    scene.cluster.fault = ({ what }) => {
      if (what.startsWith("deployments")) throw new TypeError("no such thing");
      return undefined;
    };
    await scene.run(process, { forMs: MINUTE_MS });
    expect(scene.condition("RestartPending").message).toContain("because of a bug in the operator; see its log");
    expect(scene.logged.join()).toContain("cannot restart a workload");
  });
});

test("a workload that someone else changes at the same time is read again", async () => {
  const { scene, process } = await start();
  await renew(scene, process);
  let conflicts = 0;
  scene.cluster.fault = ({ what, verb }) =>
    what.startsWith("deployments") && verb === "patch" && conflicts++ === 0 ? kubeError("Conflict") : undefined;
  await scene.run(process, { forMs: MINUTE_MS });
  expect(rollouts(scene)).toBe(1);
  expect(scene.reasons()).toEqual(["Issued", "WorkloadRestarted"]);
});

test("a changed spec ends the wait for the next look", async () => {
  const { scene, process } = await start();
  put(scene, DEPLOYMENT, { paused: true });
  await renew(scene, process);
  await scene.run(process, { forMs: MINUTE_MS });
  put(scene, DEPLOYMENT, { paused: false });
  const before = rollouts(scene);
  scene.apply({ ...SPEC, deletionPolicy: "Delete" });
  await scene.settle(process);
  expect(rollouts(scene)).toBe(before + 1);
});

test("a process that receives SIGTERM while it restarts a workload reports nothing", async () => {
  const { scene, process } = await start();
  await renew(scene, process);
  scene.clock.advanceNow(MINUTE_MS);
  const stop = new AbortController();
  scene.cluster.fault = ({ what }) => {
    if (!what.startsWith("deployments")) return undefined;
    stop.abort(new Error("stop"));
    return kubeError("Network");
  };
  await expect(scene.reconcile(process, "orders-api", stop.signal)).rejects.toThrow();
  expect(restartCondition(scene)).toBe("True RestartDue");
});

import { describe, expect, test } from "vitest";
import { RESTART_ANNOTATION } from "../../api/names.ts";
import type { Workload } from "../../api/rollout-restart.ts";
import { timestamp } from "../../api/timestamp.ts";
import type { UserCertificateSpec } from "../../api/user-certificate.ts";
import { DAY_MS, MINUTE_MS } from "../../clock.ts";
import { SECRETS } from "../../kube/core-types.ts";
import type { KubeErrorReason } from "../../kube/kube-error.ts";
import { WORKLOADS, type WorkloadObject } from "./cluster/workloads.ts";
import { kubeError } from "./testing/memory-cluster.ts";
import { Mortal } from "./testing/mortal.ts";
import { NAMESPACE, type Process, Scene, SECRET } from "./testing/scene.ts";
import { POLICY } from "./testing/snapshots.ts";

/** Restarts of workloads after a renewal. */

const DEPLOYMENT: Workload = { kind: "Deployment", name: "orders-api" };
const SPEC = { rolloutRestart: [DEPLOYMENT] };

function put(scene: Scene, workload: Workload = DEPLOYMENT, spec: WorkloadObject["spec"] = {}): void {
  const { kind, name } = workload;
  const template = find(scene, workload)?.spec?.template ?? {};
  scene.cluster.put(WORKLOADS[kind], { metadata: { namespace: NAMESPACE, name }, spec: { template, ...spec } });
}

function find(scene: Scene, { kind, name }: Workload = DEPLOYMENT): WorkloadObject | undefined {
  return scene.cluster.peek(WORKLOADS[kind], { namespace: NAMESPACE, name });
}

function annotation(scene: Scene, workload = DEPLOYMENT): string | undefined {
  return find(scene, workload)?.spec?.template?.metadata?.annotations?.[RESTART_ANNOTATION];
}

/** Each change of the template is a rollout. */
function rollouts(scene: Scene, workload = DEPLOYMENT): number {
  return (find(scene, workload)?.metadata.generation ?? 1) - 1;
}

function restartCondition(scene: Scene, name?: string): string {
  const { status, reason } = scene.condition("RestartPending", name);
  return `${status} ${reason}`;
}

/** A resource that has its first certificate, and a Deployment. */
async function start(spec: Partial<UserCertificateSpec> = SPEC): Promise<{ scene: Scene; process: Process }> {
  const scene = new Scene();
  put(scene);
  scene.apply(spec);
  const process = scene.start();
  await scene.run(process, { forMs: MINUTE_MS });
  forget(scene);
  return { scene, process };
}

function forget(scene: Scene): void {
  scene.events.length = 0;
  scene.cluster.calls.length = 0;
}

function callsOfWorkloads(scene: Scene): readonly string[] {
  return scene.cluster.calls.filter(({ what }) => what.includes(".apps ")).map(({ verb, what }) => `${verb} ${what}`);
}

async function renew(scene: Scene, process: Process, spec: Partial<UserCertificateSpec> = SPEC): Promise<void> {
  scene.apply(spec, { renewRequest: String(scene.clock.now()) });
  await scene.settle(process);
}

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

test("a process that is told to stop while it restarts reports nothing", async () => {
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

import { expect, test } from "vitest";
import { FIELD_MANAGER, RESTART_ANNOTATION } from "../../../src/api/names.ts";
import { WORKLOAD_KINDS, type Workload } from "../../../src/api/rollout-restart.ts";
import type { WorkloadObject } from "../../../src/controllers/user-certificate/cluster/workloads.ts";
import { type JsonObject, merged } from "../crd/sample.ts";
import { RequestGate, type Stop } from "../faults/request-gate.ts";
import { OperatorProcess } from "../process/operator-process.ts";
import { applyPolicies } from "./policies.ts";
import { RENEW_REQUEST, Scene } from "./scene.ts";
import { type ShippedRole, shippedRole, without } from "./shipped-roles.ts";
import { getWorkload, putWorkload } from "./workloads.ts";

/** Restarts of real workloads: their controllers are those of the e2e test. */

const DEPLOYMENT: Workload = { kind: "Deployment", name: "orders-api" };

/** The operator gathers renewals for half a minute. */
const RESTARTED = { timeoutMs: 60_000 };

/** As the chart gives it to an operator of single namespaces. */
async function restartRole(): Promise<ShippedRole> {
  return { ...(await shippedRole("rollout-restart-role")), kind: "Role" };
}

async function renewed(scene: Scene): Promise<void> {
  const before = (await scene.untilIssued()).status.serialNumber;
  await scene.patch("orders-api", { metadata: { annotations: { [RENEW_REQUEST]: "now" } } });
  await scene.untilIssued("orders-api", before);
}

/** Waits until no restart is pending any more, or until this reason stands in its way. */
async function untilRestart(scene: Scene, reason = "Restarted") {
  const { status } = await scene.until(
    reason,
    (resource) =>
      resource.status.conditions?.some((one) => one.type === "RestartPending" && one.reason === reason) ?? false,
    RESTARTED,
  );
  return status.conditions?.find(({ type }) => type === "RestartPending")?.message ?? "";
}

function annotationOf({ spec }: WorkloadObject): string | undefined {
  return spec?.template?.metadata?.annotations?.[RESTART_ANNOTATION];
}

test("a renewal restarts a workload of each kind once, under the chart's policy, and changes one annotation", async () => {
  const scene = await Scene.prepare();
  await scene.account.grant(await restartRole());
  await applyPolicies(scene.namespace, { rolloutRestart: { enabled: true } });
  const rolloutRestart = WORKLOAD_KINDS.map((kind) => ({ kind, name: "orders-api" }));
  for (const one of rolloutRestart) await putWorkload(scene.namespace, one);
  const all = () => Promise.all(rolloutRestart.map((one) => getWorkload(scene.namespace, one)));
  await scene.startOperator();
  await scene.apply("orders-api", { rolloutRestart });
  await scene.untilIssued();
  const before = await all();
  await renewed(scene);
  const [pending] = (await scene.get()).status.pendingRestarts ?? [];
  await untilRestart(scene);

  const after = await all();
  expect(after.map(({ metadata }) => metadata.generation)).toEqual([2, 2, 2]);
  expect(after.map(annotationOf)).toEqual(rolloutRestart.map(() => pending?.writtenAt));
  expect(after.map(withoutRestart)).toEqual(before.map(withoutRestart));
  for (const { metadata } of after) {
    const own = metadata.managedFields?.filter(({ manager }) => manager === FIELD_MANAGER);
    const fields = {
      "f:spec": { "f:template": { "f:metadata": { "f:annotations": { [`f:${RESTART_ANNOTATION}`]: {} } } } },
    };
    expect(own).toMatchObject([{ operation: "Update", fieldsV1: fields, time: expect.any(String) }]);
  }
  const { status } = await scene.get();
  expect(status).not.toHaveProperty("pendingRestarts");
  await expect
    .poll(async () => (await scene.events()).filter(({ reason }) => reason === "WorkloadRestarted").length)
    .toBe(3);
  expect(await scene.metrics()).toContain('atlascerts_rollout_restarts_total{result="restarted"} 3');
});

/** A workload without its restart and without what the API server keeps about changes. */
function withoutRestart(workload: WorkloadObject): object {
  const copy: JsonObject = JSON.parse(JSON.stringify(workload));
  const annotations = { "deprecated.daemonset.template.generation": null };
  return merged(copy, {
    metadata: { generation: null, resourceVersion: null, managedFields: null, annotations },
    spec: { template: { metadata: { annotations: { [RESTART_ANNOTATION]: null } } } },
  });
}

test("without one of the rights no workload is restarted, the condition says why, and the certificate is renewed", async () => {
  const role = await restartRole();
  const verbs = ["get", "patch"] as const;
  await Promise.all(
    verbs.map(async (verb) => {
      const scene = await Scene.prepare();
      await scene.account.grant(without(role, { group: "apps", resource: "deployments", verb }));
      await putWorkload(scene.namespace, DEPLOYMENT);
      await scene.startOperator();
      await scene.apply("orders-api", { rolloutRestart: [DEPLOYMENT] });
      await renewed(scene);
      const message = await untilRestart(scene, "RestartFailed");
      expect(message).toContain(`cannot ${verb} resource "deployments" in API group "apps"`);
      expect(message).toContain("Fix what the API server reports (RBAC or admission policy).");
      expect((await getWorkload(scene.namespace, DEPLOYMENT)).metadata.generation).toBe(1);
      const ready = (await scene.get()).status.conditions?.find(({ type }) => type === "Ready");
      expect([ready?.status, ready?.reason]).toEqual(["True", "Issued"]);
    }),
  );
});

/** Where a process is killed while it restarts. */
const PLACES: Readonly<Record<string, Stop>> = {
  "before the workload is patched": { method: "PATCH", path: /\/deployments\/orders-api/, at: "request" },
  "after the workload was patched": { method: "PATCH", path: /\/deployments\/orders-api/, at: "answer" },
  "before the status says so": { method: "PATCH", path: /\/status/, body: /"pendingRestarts":null/, at: "request" },
};

test("a process that is killed while it restarts has a successor that neither forgets nor repeats the restart", async () => {
  await Promise.all(
    Object.entries(PLACES).map(async ([place, stop]) => {
      const scene = await Scene.prepare();
      await scene.account.grant(await restartRole());
      await putWorkload(scene.namespace, DEPLOYMENT);
      const gate = await RequestGate.open(scene);
      const flags = ["--leader-elect=false", "--rollout-restart"];
      const victim = await OperatorProcess.start(scene, [`--kubeconfig=${await gate.kubeconfigFile()}`, ...flags]);
      const stopped = gate.stop(stop);
      await scene.apply("orders-api", { rolloutRestart: [DEPLOYMENT] });
      await renewed(scene);
      const writtenAt = (await scene.get()).status.pendingRestarts?.[0]?.writtenAt;
      await stopped.reached;
      victim.command.kill("SIGKILL");
      await victim.command.ended;

      await OperatorProcess.start(scene, flags);
      await untilRestart(scene);
      const { metadata, ...workload } = await getWorkload(scene.namespace, DEPLOYMENT);
      expect([metadata.generation, annotationOf({ metadata, ...workload })], place).toEqual([2, writtenAt]);
      expect((await scene.get()).status, place).not.toHaveProperty("pendingRestarts");
    }),
  );
});

import { describe, expect, test } from "vitest";
import { timestamp } from "../../../src/api/timestamp.ts";
import { must, type PodChange, run } from "./pods.ts";
import { RENEW_REQUEST, Scene, TEST_POLICY } from "./scene.ts";

/** Pods are made without a node; the test tells what the kubelet would. */

const SECRET = "orders-api-mongodb";
const mount = { name: "certificate", mountPath: "/etc/mongodb" };
const secretVolume = { name: "certificate", secret: { secretName: SECRET } };
const keyOf = (key: string) => ({ name: "PEM", valueFrom: { secretKeyRef: { name: SECRET, key } } });

/** Ways to use the certificate that a renewal leaves behind, by the name of the pod. */
const OUTDATED: Readonly<Record<string, PodChange>> = {
  "by-env": { container: { env: [keyOf("tls-combined.pem")] } },
  "by-env-although-it-reloads": {
    container: { env: [keyOf("tls.crt")], volumeMounts: [mount] },
    spec: { volumes: [secretVolume] },
    annotations: { "atlascerts.io/reloads": "true" },
  },
  "by-env-from": { container: { envFrom: [{ secretRef: { name: SECRET } }] } },
  "by-init-container": {
    spec: {
      initContainers: [{ name: "init", image: "init", volumeMounts: [mount] }],
      volumes: [secretVolume],
    },
  },
  "by-projected-volume": {
    container: { volumeMounts: [mount] },
    spec: { volumes: [{ name: "certificate", projected: { sources: [{ secret: { name: SECRET } }] } }] },
  },
  "by-sub-path-although-it-reloads": {
    container: { volumeMounts: [{ ...mount, subPath: "tls.key" }] },
    spec: { volumes: [secretVolume] },
    annotations: { "atlascerts.io/reloads": "true" },
  },
  "by-volume": { container: { volumeMounts: [mount] }, spec: { volumes: [secretVolume] } },
};

const OTHERS: Readonly<Record<string, PodChange>> = {
  "it-reloads": { ...OUTDATED["by-volume"], annotations: { "atlascerts.io/reloads": "true" } },
  "it-waits": { ...OUTDATED["by-volume"], status: { phase: "Pending", containerStatuses: [] } },
};

/** Pods that do not use the certificate, or not any more. */
const NOT_COUNTED: Readonly<Record<string, PodChange>> = {
  "it-failed": { ...OUTDATED["by-volume"], status: { phase: "Failed" } },
  "it-succeeded": { ...OUTDATED["by-volume"], status: { phase: "Succeeded" } },
  "other-key": { container: { env: [keyOf("connectionString")] } },
  stranger: {},
};

async function renewed(scene: Scene): Promise<void> {
  const { serialNumber } = (await scene.get()).status;
  await scene.patch("orders-api", { metadata: { annotations: { [RENEW_REQUEST]: new Date().toISOString() } } });
  await scene.untilIssued("orders-api", serialNumber);
}

const counted = (scene: Scene, outdated: number) =>
  scene.until(`${outdated} outdated`, ({ status }) => status.consumers?.outdated === outdated);

describe("after a renewal", () => {
  test("the status names the pods that use the certificate before, until they are restarted", async () => {
    const scene = await Scene.open();
    await scene.apply();
    await scene.untilIssued();
    const before = Date.now() - 60_000;
    for (const [name, change] of Object.entries({ ...OUTDATED, ...OTHERS, ...NOT_COUNTED })) {
      await run(scene, name, before, change);
    }
    await ephemeral(scene, "by-ephemeral-container", before);
    expect((await scene.get()).status).not.toHaveProperty("consumers");

    await renewed(scene);
    const names = [...Object.keys(OUTDATED), "by-ephemeral-container"].toSorted();
    const { status } = await counted(scene, names.length);
    expect(status.consumers).toEqual({
      pods: names.length + Object.keys(OTHERS).length,
      outdated: names.length,
      outdatedPods: names,
      outdatedValidUntil: status.previous?.notAfter,
      observedAt: expect.any(String),
    });
    const labels = `{namespace="${scene.namespace}",name="orders-api"}`;
    const untilSeconds = Date.parse(status.previous?.notAfter ?? "") / 1000;
    expect((await scene.metrics()).split("\n")).toEqual(
      expect.arrayContaining([
        `atlascerts_consumers_outdated${labels} ${names.length}`,
        `atlascerts_consumers_outdated_valid_until_timestamp_seconds${labels} ${untilSeconds}`,
        'atlascerts_consumer_lists_total{result="ok"} 1',
      ]),
    );

    const pods = `/api/v1/namespaces/${scene.namespace}/pods`;
    for (const name of names) await must("DELETE", `${pods}/${name}?gracePeriodSeconds=0`, {});
    await run(scene, "restarted", Date.now() + 1000, OUTDATED["by-volume"]);
    // The next list is one of the next leader.
    await scene.stopOperator();
    await scene.startOperator();
    expect((await counted(scene, 0)).status.consumers).toMatchObject({ pods: 3, outdated: 0 });
  });

  test("a count is not written again while the pods are the same", async () => {
    const scene = await Scene.open();
    await scene.apply();
    await scene.untilIssued();
    await run(scene, "by-volume", Date.now() - 60_000, OUTDATED["by-volume"]);
    await renewed(scene);
    await counted(scene, 1);
    await scene.stopOperator();
    const { consumers } = (await scene.get()).status;
    // The next list is one of the next leader, which also asks Atlas once.
    await scene.startOperator();
    await expect.poll(() => scene.metrics()).toContain('atlascerts_consumer_lists_total{result="ok"} 1');
    await scene.stopOperator();
    expect((await scene.get()).status.consumers).toEqual(consumers);
  });
});

test("an operator that may not list pods issues and renews, and says what is missing", async () => {
  const scene = await Scene.prepare();
  const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${scene.namespace}`;
  await must("DELETE", `${rbac}/rolebindings/atlas-cert-operator.atlas-cert-operator-consumers`, {});
  await scene.startOperator();
  await scene.apply();
  await scene.untilIssued();
  await renewed(scene);
  await expect.poll(() => scene.log).toContain("could not list pods");
  expect(scene.log).toContain('cannot list resource \\"pods\\"');
  await renewed(scene);
  const { status } = await scene.get();
  expect([status.previous?.serialNumber, status.consumers]).toEqual([expect.any(String), undefined]);
  expect(await scene.metrics()).toContain('atlascerts_consumer_lists_total{result="failed"} 1');
});

test("an operator that does not count pods lists none, and removes the counts of one that did", async () => {
  const scene = await Scene.open();
  await scene.apply();
  await scene.untilIssued();
  await renewed(scene);
  await counted(scene, 0);
  await scene.stopOperator();
  await scene.startOperator({ policy: { ...TEST_POLICY, countsConsumers: false } });
  await scene.until("without counts", ({ status }) => status.consumers === undefined);
  expect(await scene.metrics()).toContain('atlascerts_consumer_lists_total{result="ok"} 0');
});

/** A pod whose ephemeral container alone mounts the Secret, as `kubectl debug` makes it. */
async function ephemeral(scene: Scene, name: string, startedMs: number): Promise<void> {
  await run(scene, name, startedMs, { spec: { volumes: [secretVolume] } });
  const pod = `/api/v1/namespaces/${scene.namespace}/pods/${name}`;
  const container = { name: "debug", image: "debug", volumeMounts: [mount] };
  const strategic = "application/strategic-merge-patch+json";
  await must("PATCH", `${pod}/ephemeralcontainers`, { spec: { ephemeralContainers: [container] } }, strategic);
  const state = { running: { startedAt: timestamp(startedMs) } };
  const status = { ...{ name: "debug", image: "debug", imageID: "debug", ready: false, restartCount: 0 }, state };
  const ephemeralContainerStatuses = [status];
  await must("PATCH", `${pod}/status`, { status: { ephemeralContainerStatuses } }, "application/merge-patch+json");
}

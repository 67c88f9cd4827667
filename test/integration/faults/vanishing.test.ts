import { expect, test } from "vitest";
import type { IssueStep } from "../../../src/controllers/user-certificate/issue.ts";
import { loadKubeConfig } from "../../../src/kube/config/load-kube-config.ts";
import { controlPlane, freshNamespace, rest } from "../../control-plane/control-plane.ts";
import { Scene } from "../operator/scene.ts";
import { ServiceAccount } from "../operator/service-account.ts";
import { grant, shippedRole } from "../operator/shipped-roles.ts";
import { expectRecovered, type Spent } from "./outcome.ts";
import { noteRecovery } from "./recoveries.ts";

/** What a certificate is issued for goes away in the middle. */

const NO_ORPHAN: Spent = { certificates: 1, orphans: 0 };

test.each<readonly [step: IssueStep]>([["record"], ["create"], ["write"]])(
  "a resource that is deleted and applied again before step %s costs one certificate",
  async (step) => {
    const { promise: appliedAgain, resolve } = Promise.withResolvers<void>();
    let isMet = false;
    const scene = await Scene.open({
      onStep: async (reached) => {
        if (reached !== step || isMet) return;
        isMet = true;
        await scene.delete("orders-api");
        await scene.apply();
        resolve();
      },
    });
    await scene.apply();
    await appliedAgain;
    await expectRecovered(scene, NO_ORPHAN);
    expect(scene.creates).toBe(1);
  },
);

test("a namespace that is deleted before the Secret is written loses the certificate, and the log tells of it", async () => {
  const scene = await Scene.prepare();
  let isMet = false;
  await scene.startOperator({
    kubeConfig: await everywhere(),
    onStep: async (step) => {
      if (step !== "write" || isMet) return;
      isMet = true;
      await deleteNamespace(scene);
    },
  });
  await scene.apply();
  await expect.poll(() => scene.log, { timeout: 40_000 }).toMatch(/is orphaned: its AtlasUserCertificate was deleted/);

  const since = performance.now();
  await rest("POST", "/api/v1/namespaces", { metadata: { name: scene.namespace } });
  await scene.putCredentials(scene.credentials("owner-service-account"));
  await scene.apply();
  await scene.untilIssued();
  const orphansTold = scene.log.match(/is orphaned: /g)?.length ?? 0;
  noteRecovery({ creates: scene.creates, orphansTold, readyMs: performance.now() - since });
  expect([scene.creates, orphansTold]).toEqual([2, 1]);
});

/** An account of another namespace, which may do what the operator may in all of them. */
async function everywhere() {
  const home = await freshNamespace("home");
  const account = await ServiceAccount.create(rest, home);
  const role = await shippedRole("cluster-role");
  const subject = { kind: "ServiceAccount", name: "atlas-cert-operator", namespace: home };
  const named = { ...role, metadata: { name: home } };
  await grant((method, requestPath, body) => rest(method, requestPath, body), named, subject);
  return loadKubeConfig({ kubeconfig: await account.kubeconfigFile(controlPlane().kubeconfigPath) });
}

async function deleteNamespace({ namespace }: Scene): Promise<void> {
  await rest("DELETE", `/api/v1/namespaces/${namespace}`);
  await expect
    .poll(async () => (await rest("GET", `/api/v1/namespaces/${namespace}`)).status, { timeout: 30_000 })
    .toBe(404);
}

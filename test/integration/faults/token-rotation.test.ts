import { writeFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { loadKubeConfig } from "../../../src/kube/config/load-kube-config.ts";
import { readCredentials } from "../../control-plane/control-plane.ts";
import { RENEW_REQUEST, Scene } from "../operator/scene.ts";
import { statusWithToken } from "../operator/service-account.ts";
import { temporaryFolder } from "../temporary-file.ts";
import { expectRecovered } from "./outcome.ts";

test("the token of the pod is replaced and the old one worth nothing: it goes on without a restart", async () => {
  const { scene, account, old, oldToken, pod, first } = await issuedWithBoundToken();

  await pod.replaceToken(await account.token(await account.objectToBindTo("new-pod")));
  await scene.deleteSecret(old.name);
  // The API server remembers for some seconds that a token was good.
  const withOldToken = () =>
    statusWithToken(scene.kubeconfigPath, oldToken, `/api/v1/namespaces/${scene.namespace}/secrets`);
  await expect.poll(withOldToken, { timeout: 30_000, interval: 200 }).toBe(401);

  await scene.patch("orders-api", { metadata: { annotations: { [RENEW_REQUEST]: "now" } } });
  await scene.untilIssued("orders-api", first.status.serialNumber);
  await expectRecovered(scene, { certificates: 2, orphans: 0 });
  // A watch that was let in stays open; the ones to come need the new token too.
  await scene.apply("billing", { username: "billing" });
  await expectRecovered(scene, { certificates: 1, orphans: 0 }, { name: "billing" });
});

test("a token that was invalidated before the new one was there: it goes on once it is", async () => {
  const { scene, account, old, oldToken, pod } = await issuedWithBoundToken();

  await scene.deleteSecret(old.name);
  await expect
    .poll(() => statusWithToken(scene.kubeconfigPath, oldToken, "/api"), { timeout: 30_000, interval: 200 })
    .toBe(401);
  await scene.apply("billing", { username: "billing" });
  await expect.poll(() => scene.log.includes("Unauthorized"), { timeout: 20_000 }).toBe(true);
  expect(scene.creates, "nothing is created that could not be recorded").toBe(1);

  await pod.replaceToken(await account.token(await account.objectToBindTo("new-pod")));
  await expectRecovered(scene, { certificates: 1, orphans: 0 }, { name: "billing" });
});

/** An operator that has issued a certificate with a token as a pod's: worth nothing once `old` is deleted. */
async function issuedWithBoundToken() {
  const scene = await Scene.prepare();
  const { account } = scene;
  const old = await account.objectToBindTo("old-pod");
  const oldToken = await account.token(old);
  const pod = await mountServiceAccount(scene, oldToken);
  await scene.startOperator({ kubeConfig: await pod.kubeConfig() });
  await scene.apply();
  return { scene, account, old, oldToken, pod, first: await scene.untilIssued() };
}

/** What the kubelet mounts into a pod. */
async function mountServiceAccount(scene: Scene, token: string) {
  const { caPem, server } = readCredentials(scene.kubeconfigPath);
  const folder = await temporaryFolder();
  const { hostname, port } = new URL(server);
  const replaceToken = (text: string) => writeFile(path.join(folder, "token"), text);
  await writeFile(path.join(folder, "ca.crt"), caPem);
  await writeFile(path.join(folder, "namespace"), scene.namespace);
  await replaceToken(token);
  const kubeConfig = () =>
    loadKubeConfig({
      env: { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port },
      serviceAccountDirectory: folder,
    });
  return { kubeConfig, replaceToken };
}

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { KubeClient } from "../../../src/kube/client/kube-client.ts";
import { NAMESPACES, SECRETS } from "../../../src/kube/core-types.ts";
import { readCredentials } from "../../control-plane/control-plane.ts";
import { type ClientCredentials, ControlPlaneCredentials } from "../../control-plane/credentials.ts";
import { silentProgress } from "../../control-plane/progress.ts";
import { startControlPlane } from "../../control-plane/start.ts";
import { connect } from "./connect.ts";
import { FaultProxy } from "./fault-proxy.ts";
import { listUids, reflect, secret } from "./reflecting.ts";

const ADMIN = { name: "admin", groups: ["system:masters"] };
const RECOVERED = { timeout: 60_000, interval: 100 };

test("CA and client certificate are replaced underneath it, and the old ones worth nothing: it goes on with the new", {
  timeout: 150_000,
}, async () => {
  await using running = await startControlPlane({ controllerManager: false, progress: silentProgress });
  const namespace = "default";
  const files = await credentialFiles();
  await files.write(readCredentials(running.kubeconfigPath));
  await using proxy = await FaultProxy.start(new URL(running.url));
  const r = reflect(await connect({ kubeconfigPath: files.kubeconfigPath, through: proxy.url }), { namespace });
  await r.reflector.synced;

  // The API server reads its own certificate, and the CA of its clients, whenever these files change.
  const rotated = await ControlPlaneCredentials.create(running.folder);
  const next = await rotated.client(running.url, ADMIN);
  const others = await credentialFiles();
  await others.write(next);
  const admin = await connect({ kubeconfigPath: others.kubeconfigPath });
  await expect.poll(() => isLetIn(admin), RECOVERED).toBe(true);
  proxy.reset();
  await expect.poll(() => r.failures.length, RECOVERED).toBeGreaterThan(2);
  await admin.create(SECRETS, secret(namespace, "a"));
  expect(r.events, "whom the old CA does not vouch for is not believed").toEqual([]);

  await files.write(next);
  await expect.poll(() => r.uids(), RECOVERED).toEqual(await listUids(admin, namespace));
  expect(r.events).toEqual(["added a"]);
});

/** A kubeconfig that names files, as on a node: whoever rotates writes them, and not the kubeconfig. */
async function credentialFiles() {
  const folder = await mkdtemp(path.join(tmpdir(), "rotation-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const kubeconfigPath = path.join(folder, "kubeconfig");
  const write = async ({ server, caPem, certPem, keyPem }: ClientCredentials) => {
    await writeFile(path.join(folder, "ca.crt"), caPem);
    await writeFile(path.join(folder, "client.key"), keyPem, { mode: 0o600 });
    await writeFile(path.join(folder, "client.crt"), certPem);
    // JSON is YAML.
    const kubeconfig = {
      clusters: [{ name: "it", cluster: { server, "certificate-authority": "ca.crt" } }],
      users: [{ name: "it", user: { "client-certificate": "client.crt", "client-key": "client.key" } }],
      contexts: [{ name: "it", context: { cluster: "it", user: "it" } }],
      "current-context": "it",
    };
    await writeFile(kubeconfigPath, JSON.stringify(kubeconfig), { flag: "wx" }).catch(() => {
      // Written before: only what it names changes.
    });
  };
  return { kubeconfigPath, write };
}

function isLetIn(client: KubeClient): Promise<boolean> {
  return client.get(NAMESPACES, { name: "default" }).then(
    () => true,
    () => false,
  );
}

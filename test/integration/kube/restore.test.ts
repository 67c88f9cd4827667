import { cp, rm } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { SECRETS } from "../../../src/kube/core-types.ts";
import { silentProgress } from "../../control-plane/progress.ts";
import { startControlPlane } from "../../control-plane/start.ts";
import { connect } from "./connect.ts";
import { listUids, reflect, secret } from "./reflecting.ts";

const RECOVERED = { timeout: 90_000, interval: 200 };

test("a cluster that is restored from a backup, whose history goes back, is followed all the same", {
  timeout: 180_000,
}, async () => {
  await using running = await startControlPlane({ controllerManager: false, progress: silentProgress });
  const { kubeconfigPath, apiServer, etcd } = running;
  const data = path.join(running.folder, "etcd");
  const backup = path.join(running.folder, "backup");
  const namespace = "default";
  const admin = await connect({ kubeconfigPath });
  await admin.create(SECRETS, secret(namespace, "stays"));
  await admin.create(SECRETS, secret(namespace, "changes"));
  await apiServer.kill("SIGKILL");
  await etcd.kill("SIGTERM");
  await cp(data, backup, { recursive: true });
  await etcd.start();
  await apiServer.start();

  const r = reflect(await connect({ kubeconfigPath }), { namespace, silenceTimeoutMs: 3000 });
  await r.reflector.synced;
  await admin.create(SECRETS, secret(namespace, "came-later"));
  for (let round = 0; round < 200; round += 1) {
    await admin.mergePatch(
      SECRETS,
      { namespace, name: "changes" },
      { data: { key: Buffer.from([round]).toString("base64") } },
    );
  }
  const versionOf = (name: string) => r.reflector.store.get(`${namespace}/${name}`)?.resourceVersion;
  const { metadata } = await admin.get(SECRETS, { namespace, name: "changes" });
  await expect.poll(() => versionOf("changes"), RECOVERED).toBe(metadata.resourceVersion);

  await apiServer.kill("SIGKILL");
  await etcd.kill("SIGKILL");
  await rm(data, { recursive: true });
  await cp(backup, data, { recursive: true });
  await etcd.start();
  await apiServer.start();
  const restored = await admin.get(SECRETS, { namespace, name: "changes" });
  expect(Number(restored.metadata.resourceVersion)).toBeLessThan(Number(metadata.resourceVersion));
  await expect.poll(() => r.uids(), RECOVERED).toEqual(await listUids(admin, namespace));
  await expect.poll(() => versionOf("changes"), RECOVERED).toBe(restored.metadata.resourceVersion);
  await admin.create(SECRETS, secret(namespace, "after"));
  await expect.poll(() => r.uids(), RECOVERED).toEqual(await listUids(admin, namespace));
  expect(r.misfits).toEqual([]);
});

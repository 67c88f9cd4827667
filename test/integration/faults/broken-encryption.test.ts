import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, onTestFinished, test } from "vitest";
import { EncryptionPlugin } from "./encryption-plugin.ts";
import type { Obstacle } from "./obstacles.ts";
import { ownControlPlane } from "./own-control-plane.ts";
import { expectOneLostAndNoMore, expectParkedThenStored } from "./refused-write.ts";

/**
 * The key management service that encrypts Secrets fails. A dry run does not notice that: it never reaches the storage.
 */

let plugin: EncryptionPlugin;

const own = ownControlPlane(async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "encryption-"));
  const socket = path.join(folder, "plugin.sock");
  plugin = await EncryptionPlugin.listen(socket);
  afterAll(async () => {
    await plugin[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });
  const config = path.join(folder, "encryption.json");
  const kms = { apiVersion: "v1", name: "test", endpoint: `unix://${socket}`, cachesize: 1000, timeout: "3s" };
  const configuration = {
    apiVersion: "apiserver.config.k8s.io/v1",
    kind: "EncryptionConfiguration",
    resources: [{ resources: ["secrets"], providers: [{ kms }] }],
  };
  await writeFile(config, JSON.stringify(configuration));
  return [`--encryption-provider-config=${config}`, "--feature-gates=KMSv1=true"];
});

const BROKEN: Obstacle = {
  says: "the key is gone",
  put: async () => {
    plugin.isBroken = true;
    onTestFinished(repair);
  },
  end: async () => repair(),
};

function repair(): void {
  plugin.isBroken = false;
}

const place = () => own().place(`encrypted-${randomUUID().slice(0, 8)}`);

test("a certificate that meets broken encryption is parked, and stored once that has ended", async () => {
  await expectParkedThenStored(BROKEN, await place());
});

test("killed while its certificate meets broken encryption: one orphan, and no more until that has ended", async () => {
  await expectOneLostAndNoMore(BROKEN, await place());
});

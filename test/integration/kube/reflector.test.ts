import ky from "ky";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { systemClock } from "../../../src/clock.ts";
import { SECRETS } from "../../../src/kube/core-types.ts";
import { freshNamespace, readCredentials } from "../../control-plane/control-plane.ts";
import { silentProgress } from "../../control-plane/progress.ts";
import { createRest } from "../../control-plane/rest.ts";
import { startControlPlane } from "../../control-plane/start.ts";
import { apiServerUrl, connect } from "./connect.ts";
import { FaultProxy } from "./fault-proxy.ts";
import { listUids, reflect, removeSecret, secret } from "./reflecting.ts";

describe("against a healthy API server", () => {
  test("follows creates, changes, deletes and the loss of the label", async () => {
    const client = await connect();
    const namespace = await freshNamespace();
    await client.create(SECRETS, secret(namespace, "a"));
    const r = reflect(client, { namespace });
    await r.reflector.synced;
    await client.create(SECRETS, secret(namespace, "b"));
    await client.mergePatch(SECRETS, { namespace, name: "a" }, { data: { key: "" } });
    await client.mergePatch(SECRETS, { namespace, name: "a" }, { metadata: { labels: { test: null } } });
    await removeSecret(namespace, "b");
    await expect.poll(() => r.events).toEqual(["added a", "added b", "modified a", "deleted a", "deleted b"]);
  });

  test("the answer of our own write makes no event of its own", async () => {
    const client = await connect();
    const namespace = await freshNamespace();
    await client.create(SECRETS, secret(namespace, "a"));
    // The watch may tell of a write before its answer is there. Here the answer is the first.
    const answered = Promise.withResolvers<void>();
    const late = {
      list: client.list.bind(client),
      watch: async function* (...args: Parameters<typeof client.watch>) {
        for await (const event of client.watch(...args)) {
          if (event.type === "MODIFIED") await answered.promise;
          yield event;
        }
      } as typeof client.watch,
    };
    const r = reflect(late, { namespace });
    await r.reflector.synced;
    const onto = r.reflector.store.get(`${namespace}/a`)?.resourceVersion;
    const patched = await client.mergePatch(SECRETS, { namespace, name: "a" }, { data: { key: "" } });
    expect(r.reflector.store.assume(patched.metadata, onto)).toEqual([]);
    answered.resolve();
    await client.create(SECRETS, secret(namespace, "b"));
    await expect.poll(() => r.events).toEqual(["added a", "added b"]);
  });
});

test("survives a killed API server, a frozen etcd and a compacted history", { timeout: 180_000 }, async () => {
  await using running = await startControlPlane({ controllerManager: false, progress: silentProgress });
  const { kubeconfigPath } = running;
  await using proxy = await FaultProxy.start(await apiServerUrl(kubeconfigPath));
  const client = await connect({ kubeconfigPath, timeoutMs: 5000 });
  const namespace = "default";
  const r = reflect(await connect({ kubeconfigPath, through: proxy.url, timeoutMs: 5000 }), { namespace });
  await r.reflector.synced;
  await client.create(SECRETS, secret(namespace, "a"));
  await expect.poll(() => r.uids().length).toBe(1);

  await running.apiServer.kill("SIGKILL");
  await running.apiServer.start();
  await client.create(SECRETS, secret(namespace, "b"));
  await expect.poll(() => r.uids(), { timeout: 60_000 }).toEqual(await listUids(client, namespace));

  running.etcd.pause();
  await systemClock.sleep(20_000);
  running.etcd.resume();
  await expect
    .poll(
      () =>
        client.create(SECRETS, secret(namespace, "c")).then(
          () => true,
          () => false,
        ),
      { timeout: 60_000 },
    )
    .toBe(true);
  await expect.poll(() => r.uids(), { timeout: 60_000 }).toEqual(await listUids(client, namespace));

  // While the reflector is cut off an object goes, and the history with it: only a new list can tell.
  proxy.weather = "refuse";
  proxy.reset();
  await removeSecret(namespace, "a", createRest(readCredentials(kubeconfigPath)));
  await client.create(SECRETS, secret(namespace, "d"));
  await running.apiServer.kill("SIGKILL");
  await compact(running.etcdPort);
  await running.apiServer.start();
  proxy.weather = "fair";
  await expect.poll(() => r.uids(), { timeout: 60_000 }).toEqual(await listUids(client, namespace));
  expect([r.failures.includes("Expired"), r.events.at(-1)]).toEqual([true, "deleted a"]);
});

const rangeSchema = z.object({ header: z.object({ revision: z.string() }) });

/** Compacts etcd up to its newest revision. */
async function compact(etcdPort: number): Promise<void> {
  const etcd = ky.create({ baseUrl: `http://127.0.0.1:${etcdPort}`, method: "POST", retry: 0 });
  const range = await etcd("/v3/kv/range", { json: { key: Buffer.from("/").toString("base64") } }).json(rangeSchema);
  await etcd("/v3/kv/compaction", { json: { revision: range.header.revision, physical: true } });
}

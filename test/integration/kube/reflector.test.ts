import { describe, expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../../src/clock.ts";
import { SECRETS } from "../../../src/kube/core-types.ts";
import type { KubeClient } from "../../../src/kube/kube-client.ts";
import { KubeError } from "../../../src/kube/kube-error.ts";
import { silentLog } from "../../../src/kube/log.ts";
import { Reflector, type ReflectorOptions } from "../../../src/kube/reflector.ts";
import type { KubeObject } from "../../../src/kube/resource-type.ts";
import type { Stored } from "../../../src/kube/store.ts";
import { freshNamespace } from "../../control-plane/control-plane.ts";
import { silentProgress } from "../../control-plane/progress.ts";
import { startControlPlane } from "../../control-plane/start.ts";
import { apiServerUrl, connect } from "./connect.ts";
import { FaultProxy } from "./fault-proxy.ts";

const LABELS = { test: "reflector" };
const SELECTOR = "test=reflector";

function reflect(client: KubeClient, options: Partial<ReflectorOptions<Stored, KubeObject>> = {}) {
  const events: string[] = [];
  const failures: unknown[] = [];
  const note = (fields: object) => {
    const error: unknown = Reflect.get(fields, "err");
    failures.push(KubeError.is(error) ? error.reason : error);
  };
  const reflector = new Reflector<Stored>({
    client,
    type: SECRETS,
    labelSelector: SELECTOR,
    metadataOnly: true,
    project: ({ metadata: { namespace, name, uid, resourceVersion } }) => ({ namespace, name, uid, resourceVersion }),
    onEvent: (event) => events.push(`${event.kind} ${event.object.name}`),
    clock: systemClock,
    random: Math.random,
    log: { ...silentLog, debug: note, warn: note },
    ...options,
  });
  const stop = new AbortController();
  const running = reflector.start(stop.signal);
  onTestFinished(async () => {
    stop.abort();
    await running;
  });
  return { reflector, events, failures, uids: () => uidsOf(reflector.store.values()) };
}

function uidsOf(objects: Iterable<Stored>): readonly string[] {
  return [...objects].map(({ name, uid }) => `${name} ${uid}`).toSorted();
}

async function listUids(client: KubeClient, namespace: string): Promise<readonly string[]> {
  const all: Stored[] = [];
  for await (const page of client.list(SECRETS, { namespace, labelSelector: SELECTOR, metadataOnly: true })) {
    all.push(...page.items.map((item) => item.metadata));
  }
  return uidsOf(all);
}

function secret(namespace: string, name: string) {
  return { metadata: { namespace, name, labels: LABELS } };
}

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
    await client.delete(SECRETS, { namespace, name: "b" });
    await expect.poll(() => r.events).toEqual(["added a", "added b", "modified a", "deleted a", "deleted b"]);
  });

  test("the answer of our own write makes no event of its own", async () => {
    const client = await connect();
    const namespace = await freshNamespace();
    await client.create(SECRETS, secret(namespace, "a"));
    const r = reflect(client, { namespace });
    await r.reflector.synced;
    const patched = await client.mergePatch(SECRETS, { namespace, name: "a" }, { data: { key: "" } });
    r.reflector.store.assume(patched.metadata);
    await client.create(SECRETS, secret(namespace, "b"));
    await expect.poll(() => r.events).toEqual(["added a", "added b"]);
  });
});

describe("through a bad network", () => {
  test("comes back from resets, refused connections and cut lines", async () => {
    const admin = await connect();
    const namespace = await freshNamespace();
    await using proxy = await FaultProxy.start(await apiServerUrl());
    const r = reflect(await connect({ through: proxy.url }), { namespace });
    await r.reflector.synced;
    await expect.poll(() => proxy.connections).toBeGreaterThan(0);
    proxy.cutAfter(200);
    await admin.create(SECRETS, secret(namespace, "a"));
    await expect.poll(() => r.uids(), { timeout: 20_000 }).toEqual(await listUids(admin, namespace));
    proxy.weather = "refuse";
    proxy.reset();
    await admin.create(SECRETS, secret(namespace, "b"));
    await admin.delete(SECRETS, { namespace, name: "a" });
    await expect.poll(() => r.reflector.statistics.failures, { timeout: 20_000 }).toBeGreaterThan(2);
    proxy.weather = "fair";
    await expect.poll(() => r.uids(), { timeout: 20_000 }).toEqual(await listUids(admin, namespace));
  });

  test("notices a connection that is only half there", async () => {
    const admin = await connect();
    const namespace = await freshNamespace();
    await using proxy = await FaultProxy.start(await apiServerUrl());
    const client = await connect({ through: proxy.url, timeoutMs: 2000 });
    const r = reflect(client, { namespace, silenceTimeoutMs: 2000 });
    await r.reflector.synced;
    await expect.poll(() => r.reflector.statistics.watches).toBe(1);
    proxy.weather = "blackhole";
    await admin.create(SECRETS, secret(namespace, "a"));
    await expect.poll(() => r.reflector.statistics.failures, { timeout: 20_000 }).toBeGreaterThan(0);
    proxy.weather = "fair";
    await expect.poll(() => r.uids(), { timeout: 30_000 }).toEqual(await listUids(admin, namespace));
  });

  test("after 1,000 creates and deletes in all weathers it has what the API server has, uid by uid", async () => {
    const admin = await connect({ requestsPerSecond: 2000, burst: 2000 });
    const namespace = await freshNamespace();
    await using proxy = await FaultProxy.start(await apiServerUrl());
    const client = await connect({ through: proxy.url, timeoutMs: 2000 });
    const r = reflect(client, { namespace, silenceTimeoutMs: 3000, pageSize: 20 });
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    const faults = [
      () => proxy.reset(),
      () => proxy.cutAfter(random(2000)),
      () => {
        proxy.weather = "blackhole";
      },
      () => {
        proxy.weather = "refuse";
        proxy.reset();
      },
    ];
    const present = new Set<string>();
    for (let step = 0; step < 1000; step += 1) {
      const name = `object-${random(60)}`;
      if (present.delete(name)) {
        await admin.delete(SECRETS, { namespace, name });
      } else {
        await admin.create(SECRETS, secret(namespace, name));
        present.add(name);
      }
      if (step % 25 === 0) {
        proxy.weather = "fair";
        faults[random(faults.length)]?.();
      }
    }
    proxy.weather = "fair";
    const expected = await listUids(admin, namespace);
    await expect.poll(() => r.uids(), { timeout: 45_000 }).toEqual(expected);
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
  await client.delete(SECRETS, { namespace, name: "a" });
  await client.create(SECRETS, secret(namespace, "d"));
  await running.apiServer.kill("SIGKILL");
  await compact(running.etcdPort);
  await running.apiServer.start();
  proxy.weather = "fair";
  await expect.poll(() => r.uids(), { timeout: 60_000 }).toEqual(await listUids(client, namespace));
  expect([r.failures.includes("Expired"), r.events.at(-1)]).toEqual([true, "deleted a"]);
});

/** Compacts etcd up to its newest revision. */
async function compact(etcdPort: number): Promise<void> {
  const call = async (path: string, body: object): Promise<unknown> => {
    const response = await fetch(`http://127.0.0.1:${etcdPort}${path}`, { method: "POST", body: JSON.stringify(body) });
    if (!response.ok) {
      throw new Error(`etcd ${path}: ${response.status} ${await response.text()}`);
    }
    return response.json();
  };
  const range = (await call("/v3/kv/range", { key: Buffer.from("/").toString("base64") })) as {
    readonly header: { readonly revision: string };
  };
  await call("/v3/kv/compaction", { revision: range.header.revision, physical: true });
}

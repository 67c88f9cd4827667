import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { secretData } from "../../../certificate/secret-data.ts";
import { issuePair } from "../../../certificate/testing.ts";
import { SECRETS } from "../../../kube/core-types.ts";
import { desiredMetadata } from "../core/model/desired-secret.ts";
import { kubeError, MemoryCluster } from "../testing/memory-cluster.ts";
import { SECRET } from "../testing/scene.ts";
import { resource } from "../testing/snapshots.ts";
import { SecretCache } from "./resource-cache.ts";
import { SecretInspector } from "./secret-inspector.ts";
import { secretMetadata } from "./secret-metadata.ts";

const pair = await issuePair();

function rig() {
  const cluster = new MemoryCluster();
  const cache = new SecretCache();
  cluster.onChange = (_what, object) => void (object && cache.labelled.observe(secretMetadata(object)));
  const inspector = new SecretInspector({ kube: cluster, cache });
  const { labels, annotations } = desiredMetadata(resource(), pair.facts);
  const put = (data = secretData(pair), metadata: object = { labels, annotations }) =>
    cluster.put(SECRETS, { type: "kubernetes.io/tls", metadata: { ...SECRET, ...metadata }, data });
  return { cluster, cache, inspector, put };
}

describe("the current Secret", () => {
  test("is read if the cache has it, and taken as absent if the cache has not", async () => {
    const { cluster, inspector, put } = rig();
    expect(await inspector.current(SECRET)).toEqual({ kind: "absent" });
    expect(cluster.calls).toEqual([]);
    put();
    expect(await inspector.current(SECRET)).toMatchObject({ kind: "managed", content: { kind: "pair" } });
    expect(cluster.calls).toHaveLength(1);
  });

  test("is read once if its absence was doubted, and again if that read failed", async () => {
    const { cluster, inspector, put } = rig();
    cluster.onChange = () => {};
    put();
    inspector.doubt(SECRET);
    cluster.fault = () => kubeError("Unavailable");
    await expect(inspector.current(SECRET)).rejects.toThrow();
    cluster.fault = () => undefined;
    expect(await inspector.current(SECRET)).toMatchObject({ kind: "managed" });
    expect(await inspector.current(SECRET)).toEqual({ kind: "absent" });
  });
});

describe("the cached Secret", () => {
  test("is read once for each resourceVersion", async () => {
    const { cluster, inspector, put } = rig();
    put();
    for (let count = 0; count < 3; count++) {
      expect(await inspector.cached(SECRET)).toMatchObject({ kind: "managed", content: { kind: "pair" } });
    }
    expect(cluster.calls).toHaveLength(1);
    put({ "tls.crt": "eA==" });
    expect(await inspector.cached(SECRET)).toMatchObject({ content: { kind: "missing" } });
    expect(cluster.calls).toHaveLength(2);
  });

  test.each([
    ["of 64 KiB or less are kept", 60_000, 1],
    ["of more than 64 KiB are not kept: it is read each time", 70_000, 3],
  ])("whose labels and annotations %s", async (_what, length, reads) => {
    const { cluster, inspector, put } = rig();
    const { labels, annotations } = desiredMetadata(resource(), pair.facts);
    put(secretData(pair), { labels, annotations: { ...annotations, note: "x".repeat(length) } });
    for (let count = 0; count < 3; count++) expect(await inspector.cached(SECRET)).toMatchObject({ kind: "managed" });
    expect(cluster.calls).toHaveLength(reads);
  });

  test("is not read if there is none", async () => {
    const { cluster, inspector } = rig();
    expect(await inspector.cached(SECRET)).toEqual({ kind: "absent" });
    expect(cluster.calls).toEqual([]);
  });

  test("is read once if it is foreign, and only its identity and the failing condition are kept", async () => {
    const { cluster, inspector } = rig();
    cluster.put(SECRETS, { metadata: { ...SECRET, labels: { app: "x" } }, data: { password: "eA==" } }, "helm");
    for (let count = 0; count < 3; count++) {
      expect(await inspector.cached(SECRET)).toEqual({
        kind: "foreign",
        metadata: { ...SECRET, uid: expect.any(String), resourceVersion: expect.any(String), deleting: false },
        problem: "its type is Opaque, not kubernetes.io/tls (written by helm)",
      });
    }
    expect(cluster.calls).toHaveLength(1);
  });

  test("is judged again without annotations for a resource whose status has its fingerprint", async () => {
    const { inspector, put } = rig();
    put(secretData(pair), {});
    expect(await inspector.cached(SECRET)).toMatchObject({ kind: "foreign" });
    const { fingerprint } = pair.facts;
    expect(await inspector.cached({ ...SECRET, fingerprint })).toMatchObject({ kind: "managed" });
  });

  test("is read again after it was deleted and recreated", async () => {
    const { cluster, cache, inspector, put } = rig();
    put();
    await inspector.cached(SECRET);
    inspector.forget("shop/orders-api-mongodb");
    expect(cache.get("shop/orders-api-mongodb")).toBeDefined();
    await inspector.cached(SECRET);
    expect(cluster.calls).toHaveLength(2);
  });

  test("is absent if it is gone while the cache lags", async () => {
    const { cluster, inspector, put } = rig();
    put();
    cluster.remove(SECRETS, SECRET);
    expect(await inspector.cached(SECRET)).toEqual({ kind: "absent" });
  });

  test("is not taken as absent because of an error", async () => {
    const { cluster, inspector, put } = rig();
    put();
    cluster.fault = () => kubeError("Unavailable");
    await expect(inspector.cached(SECRET)).rejects.toMatchObject({ reason: "Unavailable" });
  });
});

test("the live Secret is read from the API server, whatever the caches say", async () => {
  const { cluster, inspector, put } = rig();
  expect(await inspector.live(SECRET)).toEqual({ kind: "absent" });
  put();
  expect(await inspector.live(SECRET)).toMatchObject({ kind: "managed", content: { kind: "pair", facts: pair.facts } });
  expect(cluster.calls).toHaveLength(2);
});

test("the inspector keeps nothing of the key in memory", async () => {
  const { inspector, cache, put } = rig();
  put();
  const answer = await inspector.cached(SECRET);
  const kept = inspect([answer, cache, inspector], { depth: 12, showHidden: true, maxStringLength: null });
  const key = pair.privateKeyPem.reveal().split("\n")[1] ?? "-";
  expect(kept).not.toContain(key.slice(0, 30));
  expect(kept).not.toContain((secretData(pair)["tls.key"] ?? "-").slice(40, 80));
});

test("a Secret with a lot of metadata is read each time rather than kept", async () => {
  const { cluster, inspector, put } = rig();
  const { labels, annotations } = desiredMetadata(resource(), pair.facts);
  put(secretData(pair), { labels: { ...labels, big: "x".repeat(70_000) }, annotations });
  for (let count = 0; count < 2; count++) expect(await inspector.cached(SECRET)).toMatchObject({ kind: "managed" });
  expect(cluster.calls).toHaveLength(2);
});

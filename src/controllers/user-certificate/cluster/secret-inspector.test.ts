import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { secretData } from "../../../certificate/secret-data.ts";
import { issuePair } from "../../../certificate/testing.ts";
import { SECRETS } from "../../../kube/core-types.ts";
import { SecretCache } from "./resource-cache.ts";
import { desiredMetadata } from "../core/model/desired-secret.ts";
import { SecretInspector } from "./secret-inspector.ts";
import { secretMetadata } from "./secret-metadata.ts";
import { kubeError, MemoryCluster } from "../testing/memory-cluster.ts";
import { resource } from "../testing/snapshots.ts";
import { SECRET } from "../testing/scene.ts";

const pair = await issuePair();

function rig() {
  const cluster = new MemoryCluster();
  const cache = new SecretCache();
  cluster.onChange = (_what, object) => void (object && cache.labelled.observe(secretMetadata(object)));
  const inspector = new SecretInspector({ kube: cluster, cache });
  const { labels, annotations } = desiredMetadata(resource(), pair.facts);
  const put = (data = secretData(pair)) => cluster.put(SECRETS, { metadata: { ...SECRET, labels, annotations }, data });
  return { cluster, cache, inspector, put };
}

describe("as it is now", () => {
  test("reads a Secret that the cache has, and takes from it that there is none", async () => {
    const { cluster, inspector, put } = rig();
    expect(await inspector.current(SECRET)).toEqual({ kind: "absent" });
    expect(cluster.calls).toEqual([]);
    put();
    expect(await inspector.current(SECRET)).toMatchObject({ kind: "managed", content: { kind: "pair" } });
    expect(cluster.calls).toHaveLength(1);
  });

  test("reads once what was doubted, and again where that read failed", async () => {
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

describe("from the caches", () => {
  test("reads a body once for each state of the Secret", async () => {
    const { cluster, inspector, put } = rig();
    put();
    for (let look = 0; look < 3; look++) {
      expect(await inspector.cached(SECRET)).toMatchObject({ kind: "managed", content: { kind: "pair" } });
    }
    expect(cluster.calls).toHaveLength(1);
    put({ "tls.crt": "eA==" });
    expect(await inspector.cached(SECRET)).toMatchObject({ content: { kind: "missing" } });
    expect(cluster.calls).toHaveLength(2);
  });

  test("reads no body where there is no Secret, or a foreign one", async () => {
    const { cluster, inspector } = rig();
    expect(await inspector.cached(SECRET)).toEqual({ kind: "absent" });
    cluster.put(SECRETS, { metadata: SECRET, data: { password: "eA==" } });
    expect(await inspector.cached(SECRET)).toMatchObject({ kind: "foreign" });
    expect(cluster.calls).toEqual([]);
  });

  test("reads a Secret again that was deleted and made anew", async () => {
    const { cluster, cache, inspector, put } = rig();
    put();
    await inspector.cached(SECRET);
    inspector.forget("shop/orders-api-mongodb");
    expect(cache.get("shop/orders-api-mongodb")).toBeDefined();
    await inspector.cached(SECRET);
    expect(cluster.calls).toHaveLength(2);
  });

  test("takes a Secret as absent that is gone while its cache lags", async () => {
    const { cluster, inspector, put } = rig();
    put();
    cluster.remove(SECRETS, SECRET);
    expect(await inspector.cached(SECRET)).toEqual({ kind: "absent" });
  });

  test("does not take an error for an absent Secret", async () => {
    const { cluster, inspector, put } = rig();
    put();
    cluster.fault = () => kubeError("Unavailable");
    await expect(inspector.cached(SECRET)).rejects.toMatchObject({ reason: "Unavailable" });
  });
});

test("live asks the API server, whatever the caches say", async () => {
  const { cluster, inspector, put } = rig();
  expect(await inspector.live(SECRET)).toEqual({ kind: "absent" });
  put();
  expect(await inspector.live(SECRET)).toMatchObject({ kind: "managed", content: { kind: "pair", facts: pair.facts } });
  expect(cluster.calls).toHaveLength(2);
});

test("nothing of the key stays in it", async () => {
  const { inspector, cache, put } = rig();
  put();
  const answer = await inspector.cached(SECRET);
  const kept = inspect([answer, cache, inspector], { depth: 12, showHidden: true, maxStringLength: null });
  const key = pair.privateKeyPem.reveal().split("\n")[1] ?? "-";
  expect(kept).not.toContain(key.slice(0, 30));
  expect(kept).not.toContain((secretData(pair)["tls.key"] ?? "-").slice(40, 80));
});

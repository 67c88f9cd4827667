import { beforeEach, describe, expect, test } from "vitest";
import { MANAGED_LABEL, SECRET_ANNOTATIONS } from "../../../api/names.ts";
import { judgeData, secretData } from "../../../certificate/secret-data.ts";
import { issuePair } from "../../../certificate/testing.ts";
import { SECRETS, type Secret } from "../../../kube/core-types.ts";
import { KubeError, type KubeErrorReason } from "../../../kube/kube-error.ts";
import { ManualClock } from "../../../testing/manual-clock.ts";
import { type CachedResource, SecretCache } from "./resource-cache.ts";
import { desiredMetadata } from "../core/model/desired-secret.ts";
import type { ObservedSecret } from "../core/model/snapshot.ts";
import { SecretInspector } from "./secret-inspector.ts";
import { secretMetadata } from "./secret-metadata.ts";
import { SecretWriter, type WriteResult } from "./secret-writer.ts";
import { type Call, kubeError, MemoryCluster } from "../testing/memory-cluster.ts";
import { ABSENT, resource } from "../testing/snapshots.ts";
import { SECRET } from "../testing/scene.ts";

const at = (second: number) => new Date(Date.UTC(2030, 0, 1, 0, 0, second));
const old = await issuePair({ notBefore: at(0) });
const ours = await issuePair({ notBefore: at(10) });
const newer = await issuePair({ notBefore: at(20) });
const WRITTEN: WriteResult = { kind: "written", secretName: SECRET.name };
const signal = new AbortController().signal;

let cluster: MemoryCluster;
let cache: SecretCache;
let inspector: SecretInspector;
let clock: ManualClock;
let writer: SecretWriter;
let logged: string[];
let obstacles: string[];
let foreign: string[];
/** The resources that live. */
let living: Map<string, CachedResource>;

beforeEach(() => {
  cluster = new MemoryCluster();
  cache = new SecretCache();
  // As after a list that found nothing.
  cache.labelled.advance("", "1");
  inspector = new SecretInspector({ kube: cluster, cache });
  clock = new ManualClock({ skipUpToMs: 60_000 });
  logged = [];
  obstacles = [];
  const log = (fields: object, message: string) => void logged.push(message + JSON.stringify(fields));
  const logs = { debug: log, info: log, warn: log, error: log };
  foreign = [];
  living = new Map([[resource().uid, resource()]]);
  writer = new SecretWriter({
    kube: cluster,
    inspector,
    cache,
    live: async ({ uid }) => living.get(uid),
    onForeignChange: ({ kind, key }) => foreign.push(`${kind} ${key}`),
    clock,
    random: () => 0,
    log: logs,
  });
});

/** Stores a pair as the operator would have. */
function store(pair = old, change: Partial<Secret["metadata"]> = {}): void {
  const { labels, annotations } = desiredMetadata(resource(), pair.facts);
  const metadata = { ...SECRET, labels, annotations, ...change };
  cluster.put(SECRETS, { type: "kubernetes.io/tls", metadata, data: secretData(pair) }, "atlas-cert-operator");
}

/** Adds labels as somebody else would. */
function relabel(labels: Readonly<Record<string, string>>): void {
  const secret = stored();
  if (secret === undefined) throw new Error("there is no Secret");
  const { metadata } = secret;
  cluster.put(SECRETS, { ...secret, metadata: { ...metadata, labels: { ...metadata.labels, ...labels } } });
}

const seen = (): Promise<ObservedSecret> => inspector.live(SECRET);
const stored = () => cluster.peek(SECRETS, SECRET);
const serial = () => stored()?.metadata.annotations?.[SECRET_ANNOTATIONS.serialNumber];
const write = (first: ObservedSecret, known: readonly string[] = []): Promise<WriteResult> =>
  writer.write(resource(), first, ours, {
    knownSerials: new Set(known),
    onObstacle: ({ reason, message }) => obstacles.push(`${reason}: ${message}`),
  });

/** Fails the first calls of a kind. */
function failing(
  count: number,
  matches: (call: Call) => boolean,
  fault: KubeError | "answerLost" | undefined,
  act = () => {},
) {
  let failures = 0;
  cluster.fault = (call) => {
    if (!matches(call) || failures >= count) return undefined;
    failures++;
    act();
    return fault;
  };
}
const isWrite = ({ verb }: Call) => verb !== "get";

describe("the preflight", () => {
  test("stores nothing and sends no certificate", async () => {
    expect(await writer.preflight(resource(), ABSENT, signal)).toBeUndefined();
    expect(stored()).toBeUndefined();
    expect(cluster.calls).toMatchObject([{ verb: "create", dryRun: true }]);
    const data = Reflect.get(Object(cluster.calls[0]?.body), "data");
    expect(judgeData(data)).toMatchObject({ kind: "undecodable" });
  });

  test("tries a patch where there is a Secret, upon the state that was seen", async () => {
    store();
    const first = await seen();
    expect(await writer.preflight(resource(), first, signal)).toBeUndefined();
    expect(serial()).toBe(old.facts.serialNumber);
    expect(cluster.calls.at(-1)).toMatchObject({
      verb: "patch",
      dryRun: true,
      body: { metadata: { resourceVersion: stored()?.metadata.resourceVersion, uid: stored()?.metadata.uid } },
    });
  });

  const refusals: readonly (readonly [KubeErrorReason, boolean])[] = [
    ["Forbidden", true],
    ["Invalid", true],
    ["InternalError", true],
    ["NotFound", true],
    ["Network", false],
    ["Timeout", false],
    ["Unavailable", false],
    ["TooManyRequests", false],
  ];
  test.each(refusals)("tells of %s, with the API server's words", async (reason, needsPerson) => {
    cluster.fault = () => kubeError(reason, "quota exceeded");
    expect(await writer.preflight(resource(), ABSENT, signal)).toMatchObject({
      reason: "SecretNotWritable",
      needsPerson,
      message: expect.stringContaining("quota exceeded"),
      retry: { kind: "backoff" },
    });
  });

  test("obeys the API server's wish to wait", async () => {
    cluster.fault = () => new KubeError({ reason: "TooManyRequests", operation: "test", retryAfterMs: 7000 });
    expect(await writer.preflight(resource(), ABSENT, signal)).toMatchObject({ retry: { atLeastMs: 7000 } });
  });

  test.each([
    ["somebody made the Secret meanwhile", ABSENT, "AlreadyExists"],
    ["somebody changed the Secret meanwhile", undefined, "Conflict"],
    ["somebody deleted the Secret meanwhile", undefined, "NotFound"],
  ] as const)("is overtaken where %s", async (_what, first, reason) => {
    store();
    const before = first ?? (await seen());
    cluster.fault = () => kubeError(reason);
    expect(await writer.preflight(resource(), before, signal)).toBe("overtaken");
  });

  test("is stopped by a foreign Secret before a call is made", async () => {
    cluster.put(SECRETS, { metadata: SECRET, data: {} });
    const first = await seen();
    cluster.calls.length = 0;
    expect(await writer.preflight(resource(), first, signal)).toMatchObject({ reason: "SecretNotWritable" });
    expect(cluster.calls).toEqual([]);
  });

  test("goes on with an error that is none of the API server's", async () => {
    cluster.create = () => Promise.reject(new TypeError("a defect"));
    await expect(writer.preflight(resource(), ABSENT, signal)).rejects.toThrow(TypeError);
  });
});

describe("writes a fresh certificate", () => {
  test("where there was none, all keys in one write", async () => {
    expect(await write(ABSENT)).toEqual(WRITTEN);
    expect(cluster.writes).toHaveLength(1);
    expect(stored()).toMatchObject({
      type: "kubernetes.io/tls",
      data: secretData(ours),
      metadata: { labels: { [MANAGED_LABEL]: "true" }, annotations: { [SECRET_ANNOTATIONS.username]: "orders-api" } },
    });
  });

  test("over the old one, upon the state that was seen, and leaves what others put there", async () => {
    store(old);
    relabel({ team: "x" });
    expect(await write(await seen(), [old.facts.serialNumber])).toEqual(WRITTEN);
    expect(serial()).toBe(ours.facts.serialNumber);
    expect(stored()?.metadata.labels).toEqual({ [MANAGED_LABEL]: "true", team: "x" });
  });

  test("and knows what it wrote without reading it", async () => {
    await write(ABSENT);
    cluster.calls.length = 0;
    expect(await inspector.cached(SECRET)).toMatchObject({
      kind: "managed",
      content: { kind: "pair", facts: { serialNumber: ours.facts.serialNumber }, formatsCurrent: true },
    });
    expect(cluster.calls).toEqual([]);
  });

  test("and tells of what others changed before it, which a watch that comes later will not", async () => {
    store(old);
    cache.labelled.observe(secretMetadata(stored()));
    relabel({ team: "x" });
    await write(await seen(), [old.facts.serialNumber]);
    expect(foreign).toEqual(["modified shop/orders-api-mongodb"]);
  });

  test("and tells of nothing where nobody else changed anything", async () => {
    await write(ABSENT);
    await write(await seen(), [ours.facts.serialNumber]);
    expect([cluster.writes.length, foreign]).toEqual([2, []]);
  });

  test("and knows what an admission webhook made of it", async () => {
    const create = cluster.create.bind(cluster);
    cluster.create = async (type, object, options) => {
      const changed = { ...object, data: { "tls.crt": "eA==", "tls.key": "eA==" } };
      return create(type, changed, options);
    };
    await write(ABSENT);
    expect(await inspector.cached(SECRET)).toMatchObject({ content: { kind: "undecodable" } });
  });

  const passing: readonly KubeErrorReason[] = [
    "Network",
    "Forbidden",
    "Invalid",
    "Unavailable",
    "Conflict",
    "Unauthorized",
  ];
  test.each(passing)("although the API server says %s twenty times", async (reason) => {
    failing(20, isWrite, kubeError(reason));
    expect(await write(ABSENT)).toEqual(WRITTEN);
    expect(serial()).toBe(ours.facts.serialNumber);
  });

  test("although reading it fails in between", async () => {
    failing(6, () => true, kubeError("Network"));
    expect(await write(ABSENT)).toEqual(WRITTEN);
  });

  test("although a defect of ours comes in between", async () => {
    const create = cluster.create.bind(cluster);
    let tries = 0;
    cluster.create = (type, object, options) =>
      ++tries < 3 ? Promise.reject(new TypeError("a defect")) : create(type, object, options);
    expect(await write(ABSENT)).toEqual(WRITTEN);
  });

  test("with waits that grow to half a minute, and no faster", async () => {
    failing(12, isWrite, kubeError("Unavailable"));
    await write(ABSENT);
    expect(clock.sleeps).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 12_800, 15_000, 15_000, 15_000, 15_000]);
  });

  test("once, where the answer got lost", async () => {
    failing(1, isWrite, "answerLost");
    expect(await write(ABSENT)).toEqual(WRITTEN);
    expect(cluster.writes).toHaveLength(1);
    expect(serial()).toBe(ours.facts.serialNumber);
  });

  test("although somebody changed a label of the Secret meanwhile", async () => {
    store();
    const first = await seen();
    cluster.put(SECRETS, { ...(stored() ?? { metadata: SECRET }), type: "kubernetes.io/tls" });
    expect(await write(first, [old.facts.serialNumber])).toEqual(WRITTEN);
  });

  test("although somebody put an older pair there meanwhile", async () => {
    failing(1, isWrite, kubeError("Network"), () => store(old));
    expect(await write(ABSENT)).toEqual(WRITTEN);
    expect(serial()).toBe(ours.facts.serialNumber);
  });

  test("over one that was known before, however young", async () => {
    store(newer);
    const first = await seen();
    failing(1, isWrite, kubeError("Network"));
    expect(await write(first, [newer.facts.serialNumber])).toEqual(WRITTEN);
  });

  test("although the resource can't be read in this version: it waits all the same", async () => {
    living.set(resource().uid, { ...resource(), valid: false, problem: "spec.secretName: what is that" });
    failing(9, isWrite, kubeError("Forbidden"));
    expect(await write(ABSENT)).toEqual(WRITTEN);
  });

  test("into the Secret that the resource names by now, as if it had never been written to", async () => {
    living.set(resource().uid, resource({ spec: { secretName: "other" } }));
    failing(1, isWrite, kubeError("Forbidden"));
    expect(await write(ABSENT)).toEqual({ kind: "written", secretName: "other" });
    expect(stored()).toBeUndefined();
    expect(cluster.writes.map(({ what }) => what)).toEqual(["secrets shop/orders-api-mongodb", "secrets shop/other"]);
  });

  test("once, where the answer got lost before the resource named another Secret", async () => {
    living.set(resource().uid, resource({ spec: { secretName: "other" } }));
    failing(1, isWrite, "answerLost");
    expect(await write(ABSENT)).toEqual(WRITTEN);
    expect(cluster.writes).toHaveLength(1);
  });

  describe("and tells what it waits for", () => {
    test("not where that is past in a moment", async () => {
      failing(4, isWrite, kubeError("Network"));
      await write(ABSENT);
      expect(obstacles).toEqual([]);
    });

    test("once, in the API server's words", async () => {
      failing(30, isWrite, kubeError("Forbidden", "quota exceeded"));
      await write(ABSENT);
      expect(obstacles).toEqual([
        expect.stringMatching(/^SecretNotWritable: Secret orders-api-mongodb can't be written: .*quota exceeded.*Mend/),
      ]);
    });

    test("again where it is something else", async () => {
      failing(30, isWrite, kubeError("Forbidden"));
      const sleep = clock.sleep.bind(clock);
      let waits = 0;
      clock.sleep = async (ms, wake) => {
        if (++waits === 10) cluster.put(SECRETS, { metadata: SECRET });
        if (waits === 20) cluster.remove(SECRETS, SECRET);
        return sleep(ms, wake);
      };
      await write(ABSENT);
      expect(obstacles.map((obstacle) => obstacle.split(":")[0])).toEqual(["SecretNotWritable", "SecretForeign"]);
    });

    test("and goes on though nobody can be told", async () => {
      failing(9, isWrite, kubeError("Forbidden"));
      const onObstacle = () => {
        throw new TypeError("a defect");
      };
      expect(await writer.write(resource(), ABSENT, ours, { knownSerials: new Set(), onObstacle })).toEqual(WRITTEN);
    });

    test("and that it is a defect, where it is", async () => {
      const create = cluster.create.bind(cluster);
      let tries = 0;
      cluster.create = (type, object, options) =>
        ++tries < 9 ? Promise.reject(new TypeError("a key: c2VjcmV0")) : create(type, object, options);
      await write(ABSENT);
      expect(obstacles).toEqual([expect.stringContaining("for a defect of the operator")]);
      expect(obstacles.join()).not.toContain("c2VjcmV0");
    });
  });

  test("and says nothing of the key while it waits", async () => {
    failing(9, isWrite, kubeError("Network", `cut while sending ${JSON.stringify(secretData(ours))}`));
    await write(ABSENT);
    const key = ours.privateKeyPem.reveal().split("\n")[1] ?? "-";
    expect(logged.length).toBeGreaterThan(0);
    expect(obstacles).toHaveLength(1);
    expect([...logged, ...obstacles].join()).not.toContain(key.slice(0, 30));
    expect([...logged, ...obstacles].join()).not.toContain(Buffer.from(key).toString("base64").slice(8, 30));
  });
});

describe("does not write a fresh certificate", () => {
  test("over a newer one that another process wrote", async () => {
    failing(1, isWrite, kubeError("Network"), () => store(newer));
    expect(await write(ABSENT)).toEqual({ kind: "overtaken" });
    expect(serial()).toBe(newer.facts.serialNumber);
  });

  test("over a Secret that changed since it was seen", async () => {
    store(old);
    const first = await seen();
    store(newer);
    expect(await write(first, [old.facts.serialNumber])).toEqual({ kind: "overtaken" });
    expect(serial()).toBe(newer.facts.serialNumber);
  });

  describe("where another resource put its own there meanwhile", () => {
    const billing = resource({ name: "billing", uid: "uid-of-billing" });
    const storeBillings = (pair = old) => {
      const { annotations } = desiredMetadata(billing, pair.facts);
      store(pair, { annotations });
    };

    test.each([
      ["an older pair", old],
      ["a newer pair", newer],
    ])("and that one lives: it keeps %s", async (_what, pair) => {
      living.set(billing.uid, billing);
      failing(1, isWrite, kubeError("AlreadyExists"), () => storeBillings(pair));
      expect(await write(ABSENT)).toEqual({ kind: "displaced", holder: "billing" });
      expect(serial()).toBe(pair.facts.serialNumber);
      expect(cluster.writes.map(({ verb }) => verb)).toEqual(["create"]);
    });

    test("unless that one is gone: what it left behind is taken over", async () => {
      failing(1, isWrite, kubeError("AlreadyExists"), storeBillings);
      expect(await write(ABSENT)).toEqual(WRITTEN);
      expect(serial()).toBe(ours.facts.serialNumber);
    });

    test("unless that one names another Secret by now", async () => {
      living.set(billing.uid, { ...billing, spec: { ...billing.spec, secretName: "billing-mongodb" } });
      failing(1, isWrite, kubeError("AlreadyExists"), storeBillings);
      expect(await write(ABSENT)).toEqual(WRITTEN);
    });

    test("nor is one issued where the cache alone does not know it", async () => {
      living.set(billing.uid, billing);
      storeBillings();
      expect(await writer.preflight(resource(), await seen(), signal)).toBe("overtaken");
    });
  });

  test("for a resource that is gone", async () => {
    failing(99, isWrite, kubeError("Forbidden"));
    living.clear();
    expect(await write(ABSENT)).toEqual({ kind: "abandoned" });
  });

  test("over a foreign Secret: it waits until that is gone", async () => {
    failing(
      1,
      isWrite,
      kubeError("Network"),
      () => void cluster.put(SECRETS, { metadata: SECRET, data: { a: "eA==" } }),
    );
    const found: unknown[] = [];
    const sleep = clock.sleep.bind(clock);
    clock.sleep = async (ms, signal) => {
      if (found.push(stored()?.data) === 5) cluster.remove(SECRETS, SECRET);
      return sleep(ms, signal);
    };
    expect(await write(ABSENT)).toEqual(WRITTEN);
    expect(found.slice(0, 5)).toEqual(Array.from({ length: 5 }, () => ({ a: "eA==" })));
    expect(cluster.writes.filter(({ verb }) => verb === "patch")).toEqual([]);
    expect(serial()).toBe(ours.facts.serialNumber);
  });
});

describe("a repair", () => {
  const repair = async (change: Parameters<typeof resource>[0] = {}, first?: ObservedSecret) => {
    const before = first ?? (await seen());
    if (before.kind !== "managed" || before.content.kind !== "pair") throw new Error("there is nothing to repair");
    return writer.repair(resource(change), before, before.content.facts, signal);
  };

  test("mends labels without reading or sending the key", async () => {
    store(old, { labels: {} });
    const first = await seen();
    cluster.calls.length = 0;
    expect(await repair({}, first)).toBeUndefined();
    expect(stored()?.metadata.labels).toEqual({ [MANAGED_LABEL]: "true" });
    expect(cluster.calls).toHaveLength(1);
    expect(cluster.calls[0]?.body).not.toHaveProperty("data");
  });

  test("of the label tells of nothing where the watch of the others has shown that it is gone", async () => {
    store(old, { labels: {} });
    cache.others.observe(secretMetadata(stored()));
    await repair();
    expect([cache.labelled.size, foreign]).toEqual([1, []]);
  });

  test("mends the formats from the pair that is there", async () => {
    store(old);
    const { "tls-combined.pem": _gone, ...data } = secretData(old);
    cluster.remove(SECRETS, SECRET);
    store(old);
    cluster.put(SECRETS, { ...(stored() ?? { metadata: SECRET }), data });
    expect(await repair()).toBeUndefined();
    expect(stored()?.data).toEqual(secretData(old));
  });

  test("takes away what the operator set and nobody asks for any more, and nothing else", async () => {
    store(old, { labels: { [MANAGED_LABEL]: "true", app: "orders" } });
    relabel({ team: "x" });
    expect(await repair()).toBeUndefined();
    expect(stored()?.metadata.labels).toEqual({ [MANAGED_LABEL]: "true", team: "x" });
  });

  test("leaves the owner references of others", async () => {
    const other = { apiVersion: "v1", kind: "ConfigMap", name: "x", uid: "y" };
    store(old, { ownerReferences: [other] });
    expect(await repair({ spec: { deletionPolicy: "Delete" } })).toBeUndefined();
    expect(stored()?.metadata.ownerReferences).toMatchObject([
      other,
      { kind: "AtlasUserCertificate", controller: true },
    ]);
  });

  test.each([["Conflict"], ["NotFound"]] as const)("is overtaken by %s", async (reason) => {
    store(old, { labels: {} });
    const first = await seen();
    cluster.fault = () => kubeError(reason);
    expect(await repair({}, first)).toBe("overtaken");
  });

  test("never puts back a pair that was replaced while it read it", async () => {
    store(old);
    cluster.put(SECRETS, {
      ...(stored() ?? { metadata: SECRET }),
      data: { ...secretData(old), "tls-combined.pem": "eA==" },
    });
    const first = await seen();
    failing(
      1,
      ({ verb }) => verb === "patch",
      undefined,
      () => store(newer),
    );
    expect(await repair({}, first)).toBe("overtaken");
    expect(stored()?.data).toEqual(secretData(newer));
  });

  test("tells what stands in its way", async () => {
    store(old, { labels: {} });
    const first = await seen();
    cluster.fault = () => kubeError("Forbidden", "no patch for you");
    expect(await repair({}, first)).toMatchObject({ reason: "SecretNotWritable", needsPerson: true });
  });
});

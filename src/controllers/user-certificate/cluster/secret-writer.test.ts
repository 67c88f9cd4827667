import { beforeEach, describe, expect, test } from "vitest";
import { MANAGED_LABEL, SECRET_ANNOTATIONS, WRITE_CHECK_ANNOTATION } from "../../../api/names.ts";
import { judgeData, secretData } from "../../../certificate/secret-data.ts";
import { issuePair } from "../../../certificate/testing.ts";
import { SECRETS, type Secret } from "../../../kube/core-types.ts";
import { KubeError, type KubeErrorReason } from "../../../kube/kube-error.ts";
import { ManualClock } from "../../../testing/manual-clock.ts";
import { dataDifferences } from "../core/decide/secret-differences.ts";
import { blockerMessage } from "../core/model/blocker.ts";
import { desiredExtras } from "../core/model/desired-data.ts";
import { desiredMetadata } from "../core/model/desired-secret.ts";
import type { ObservedSecret } from "../core/model/snapshot.ts";
import { type Call, kubeError, MemoryCluster } from "../testing/memory-cluster.ts";
import { SECRET } from "../testing/scene.ts";
import { ABSENT, issuance, resource, settled } from "../testing/snapshots.ts";
import { KeystorePasswords } from "./keystore-passwords.ts";
import { type CachedResource, SecretCache } from "./resource-cache.ts";
import { SecretInspector } from "./secret-inspector.ts";
import { secretMetadata } from "./secret-metadata.ts";
import { SecretWriter } from "./secret-writer.ts";

const at = (second: number) => new Date(Date.UTC(2030, 0, 1, 0, 0, second));
const old = await issuePair({ notBefore: at(0) });
const ours = await issuePair({ notBefore: at(10) });
const newer = await issuePair({ notBefore: at(20) });
const STORED = { kind: "stored" };
const signal = new AbortController().signal;
const billing = resource({ name: "billing", uid: "1b7e0a6c-0c4e-4f0e-8a51-2f6d8f1f1c02" });

let cluster: MemoryCluster;
let cache: SecretCache;
let inspector: SecretInspector;
let clock: ManualClock;
let writer: SecretWriter;
let foreign: string[];
/** The resources that live. */
let living: Map<string, CachedResource>;

beforeEach(() => {
  cluster = new MemoryCluster();
  cache = new SecretCache();
  // As after a list that found nothing.
  cache.labelled.advance("", "1");
  inspector = new SecretInspector({ kube: cluster, cache });
  clock = new ManualClock({ startAt: Date.UTC(2030, 0, 11) + 437 });
  foreign = [];
  living = new Map([[resource().uid, resource()]]);
  writer = new SecretWriter({
    kube: cluster,
    inspector,
    cache,
    passwords: new KeystorePasswords({ kube: cluster, secrets: cache }),
    live: async ({ uid }) => living.get(uid),
    onForeignChange: ({ kind, key }) => foreign.push(`${kind} ${key}`),
    clock,
  });
});

/** Stores a pair as the operator would have. */
function put(pair = old, change: Partial<Secret["metadata"]> = {}): void {
  const { labels, annotations } = desiredMetadata(resource(), pair.facts);
  const metadata = { ...SECRET, labels, annotations, ...change };
  cluster.put(SECRETS, { type: "kubernetes.io/tls", metadata, data: secretData(pair) }, "atlas-cert-operator");
}

function putBillings(pair = newer): void {
  put(pair, { annotations: desiredMetadata(billing, pair.facts).annotations });
}

function putForeign(): void {
  cluster.put(SECRETS, { type: "Opaque", metadata: SECRET, data: { a: "eA==" } }, "argocd");
}

/** Changes the Secret as someone else would. */
function change(work: (secret: Secret) => Secret): void {
  const secret = stored();
  if (secret === undefined) throw new Error("there is no Secret");
  cluster.put(SECRETS, work(secret));
}

const relabel = (labels: Readonly<Record<string, string>>) =>
  change((secret) => ({
    ...secret,
    metadata: { ...secret.metadata, labels: { ...secret.metadata.labels, ...labels } },
  }));
const seen = (): Promise<ObservedSecret> => inspector.live(SECRET);
const stored = () => cluster.peek(SECRETS, SECRET);
const serial = () => stored()?.metadata.annotations?.[SECRET_ANNOTATIONS.serialNumber];
const store = (first: ObservedSecret, knownSerials: readonly string[] = [old.facts.serialNumber]) =>
  writer.store(resource(), first, { attempt: issuance({ knownSerials: [...knownSerials] }), pair: ours });
const messageOf = (result: Awaited<ReturnType<typeof store>>) =>
  result.kind === "waiting" ? blockerMessage(result.blocker) : undefined;

/** Fails the first calls of a kind. */
function failing(count: number, matches: (call: Call) => boolean, fault: KubeError | "answerLost", act = () => {}) {
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
  const preflight = async (first?: ObservedSecret) =>
    writer.preflight(resource(), first ?? (await seen()), false, signal);

  test("stores nothing and sends no certificate", async () => {
    expect(await preflight(ABSENT)).toBeUndefined();
    expect(stored()).toBeUndefined();
    expect(cluster.calls).toMatchObject([{ verb: "create", dryRun: true, body: { type: "kubernetes.io/tls" } }]);
    const data = Reflect.get(Object(cluster.calls[0]?.body), "data");
    expect(judgeData(data)).toMatchObject({ kind: "undecodable" });
  });

  test("tries the keys that the spec asks for, too", async () => {
    const connectionString = { host: "a.example.com", scheme: "mongodb", mountPath: "/etc/mongodb" } as const;
    const keystores = { pkcs12: { passwordSecretRef: { name: "keystore", key: "password" } } };
    await writer.preflight(resource({ spec: { connectionString, keystores } }), ABSENT, false, signal);
    const data = Reflect.get(Object(cluster.calls[0]?.body), "data");
    expect(Object.keys(data)).toEqual(expect.arrayContaining(["connectionString", "keystore.p12"]));
  });

  test("tries a patch of an existing Secret, with the state that was seen as precondition", async () => {
    put();
    expect(await preflight()).toBeUndefined();
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
  test.each(refusals)("reports %s as SecretNotWritable, in the API server's words", async (reason, needsPerson) => {
    cluster.fault = () => kubeError(reason, "quota exceeded");
    const blocker = await preflight(ABSENT);
    expect(blocker).toMatchObject({
      reason: "SecretNotWritable",
      needsPerson,
      problem: expect.stringMatching(
        /^Secret orders-api-mongodb cannot be written, so no certificate is issued \(.*quota exceeded/,
      ),
      retry: { kind: "backoff" },
    });
    expect(Object(blocker).remedy).toBe(
      needsPerson ? "Fix what the API server reports (RBAC, quota or admission policy in namespace shop)." : undefined,
    );
  });

  test("waits as long as the API server asks for", async () => {
    cluster.fault = () => new KubeError({ reason: "TooManyRequests", operation: "test", retryAfterMs: 7000 });
    expect(await preflight(ABSENT)).toMatchObject({ retry: { atLeastMs: 7000 } });
  });

  test.each([
    ["made the Secret", ABSENT, "AlreadyExists"],
    ["changed the Secret", undefined, "Conflict"],
    ["deleted the Secret", undefined, "NotFound"],
  ] as const)("is overtaken if someone else %s meanwhile", async (_what, first, reason) => {
    put();
    const before = first ?? (await seen());
    cluster.fault = () => kubeError(reason);
    expect(await preflight(before)).toBe("overtaken");
  });

  test("is overtaken if the Secret belongs to another living resource that the cache does not know", async () => {
    living.set(billing.uid, billing);
    putBillings();
    expect(await preflight()).toBe("overtaken");
    expect(cluster.writes).toEqual([]);
  });

  test("makes no call that writes if the Secret is foreign", async () => {
    putForeign();
    const first = await seen();
    cluster.calls.length = 0;
    expect(await preflight(first)).toMatchObject({ reason: "SecretNotWritable" });
    expect(cluster.calls).toEqual([]);
  });

  test("throws an error that is not the API server's", async () => {
    cluster.create = () => Promise.reject(new TypeError("a bug"));
    await expect(preflight(ABSENT)).rejects.toThrow(TypeError);
  });
});

describe("the preflight that writes for real", () => {
  const preflight = async (first?: ObservedSecret) =>
    writer.preflight(resource(), first ?? (await seen()), true, signal);

  test("sets an annotation on an existing Secret", async () => {
    put();
    const data = stored()?.data;
    expect(await preflight()).toBeUndefined();
    expect(stored()?.metadata.annotations).toMatchObject({ [WRITE_CHECK_ANNOTATION]: "2030-01-11T00:00:00Z" });
    expect([stored()?.data, serial()]).toEqual([data, old.facts.serialNumber]);
  });

  test("creates an absent Secret that is the operator's and holds nothing", async () => {
    expect(await preflight(ABSENT)).toBeUndefined();
    expect(stored()?.metadata.annotations).toMatchObject({ [WRITE_CHECK_ANNOTATION]: "2030-01-11T00:00:00Z" });
    expect(await seen()).toMatchObject({ kind: "managed", content: { kind: "missing" } });
  });

  test("reports a storage that a dry run does not reach", async () => {
    cluster.fault = ({ dryRun }) => (dryRun ? undefined : kubeError("InternalError", "kms: connection refused"));
    expect(await preflight(ABSENT)).toMatchObject({
      reason: "SecretNotWritable",
      problem: expect.stringContaining("kms: connection refused"),
      needsPerson: true,
    });
    expect(stored()).toBeUndefined();
  });

  test("does not write if the dry run is refused", async () => {
    put();
    cluster.fault = ({ dryRun }) => (dryRun ? kubeError("Forbidden") : undefined);
    expect(await preflight()).toMatchObject({ reason: "SecretNotWritable" });
    expect(cluster.writes).toEqual([]);
  });

  test.each([["absent"], ["existing"]])("leaves no trace once the certificate is stored: %s Secret", async (which) => {
    if (which === "existing") put();
    const first = await seen();
    await preflight(first);
    expect(await store(first)).toEqual(STORED);
    expect(serial()).toBe(ours.facts.serialNumber);
    expect(stored()?.metadata.annotations).not.toHaveProperty([WRITE_CHECK_ANNOTATION]);
  });
});

describe("a fresh certificate", () => {
  test("is stored where there was no Secret, all keys in one write", async () => {
    expect(await store(ABSENT)).toEqual(STORED);
    expect(cluster.writes).toHaveLength(1);
    expect(stored()).toMatchObject({
      type: "kubernetes.io/tls",
      data: secretData(ours),
      metadata: { labels: { [MANAGED_LABEL]: "true" }, annotations: { [SECRET_ANNOTATIONS.username]: "orders-api" } },
    });
  });

  test("replaces the old one and leaves the labels and data of others", async () => {
    put(old);
    relabel({ team: "x" });
    change((secret) => ({ ...secret, data: { ...secret.data, "ca.crt": "eA==" } }));
    expect(await store(await seen())).toEqual(STORED);
    expect(serial()).toBe(ours.facts.serialNumber);
    expect(stored()?.metadata.labels).toEqual({ [MANAGED_LABEL]: "true", team: "x" });
    expect(stored()?.data).toEqual({ ...secretData(ours), "ca.crt": "eA==" });
  });

  test("is known to the inspector without another read", async () => {
    await store(ABSENT);
    cluster.calls.length = 0;
    expect(await inspector.cached(SECRET)).toMatchObject({
      kind: "managed",
      content: { kind: "pair", facts: { serialNumber: ours.facts.serialNumber }, formatsCurrent: true },
    });
    expect(cluster.calls).toEqual([]);
  });

  test("makes known what others changed before it, since a later watch event will not", async () => {
    put(old);
    cache.labelled.observe(secretMetadata(stored()));
    relabel({ team: "x" });
    await store(await seen());
    expect(foreign).toEqual(["modified shop/orders-api-mongodb"]);
  });

  test("reports no change of others if no one else changed anything", async () => {
    await store(ABSENT);
    await writer.store(resource(), await seen(), { attempt: issuance(), pair: newer });
    expect([cluster.writes.length, foreign]).toEqual([2, []]);
  });

  test("counts as what an admission webhook made of it", async () => {
    const create = cluster.create.bind(cluster);
    cluster.create = async (type, object, options) => {
      const changed = { ...object, data: { "tls.crt": "eA==", "tls.key": "eA==" } };
      return create(type, changed, options);
    };
    await store(ABSENT);
    expect(await inspector.cached(SECRET)).toMatchObject({ content: { kind: "undecodable" } });
  });

  test("is stored once if the answer of its write was lost", async () => {
    failing(1, isWrite, "answerLost");
    expect(await store(ABSENT)).toMatchObject({ kind: "waiting", blocker: { reason: "SecretNotWritable" } });
    expect(await store(await seen())).toEqual(STORED);
    expect(cluster.writes).toHaveLength(1);
  });

  test("is fitted to a Secret whose label someone else changed meanwhile", async () => {
    put();
    const first = await seen();
    relabel({ team: "x" });
    expect(await store(first)).toEqual(STORED);
    expect([serial(), stored()?.metadata.labels]).toEqual([
      ours.facts.serialNumber,
      { [MANAGED_LABEL]: "true", team: "x" },
    ]);
  });

  test("is stored in a new Secret if the one that was seen was deleted meanwhile", async () => {
    put();
    const first = await seen();
    cluster.remove(SECRETS, SECRET);
    expect(await store(first)).toEqual(STORED);
    expect(serial()).toBe(ours.facts.serialNumber);
  });

  test("takes the place of what a deleted resource left behind", async () => {
    putBillings();
    expect(await store(await seen(), [newer.facts.serialNumber])).toEqual(STORED);
    expect(serial()).toBe(ours.facts.serialNumber);
  });
});

describe("a fresh certificate is superseded, and not stored", () => {
  test("if another process has stored a newer one since the attempt began", async () => {
    put(newer);
    expect(await store(await seen())).toEqual({ kind: "superseded" });
    expect(serial()).toBe(newer.facts.serialNumber);
  });

  test("if another process stores a newer one while this one writes", async () => {
    put(old);
    const first = await seen();
    put(newer);
    expect(await store(first)).toEqual({ kind: "superseded" });
    expect(serial()).toBe(newer.facts.serialNumber);
  });

  test("not by an older one that someone restores meanwhile", async () => {
    failing(1, isWrite, kubeError("AlreadyExists"), () => put(old));
    expect(await store(ABSENT, [])).toEqual(STORED);
    expect(serial()).toBe(ours.facts.serialNumber);
  });

  test("not by one that was there before the attempt, however young", async () => {
    put(newer);
    expect(await store(await seen(), [newer.facts.serialNumber])).toEqual(STORED);
  });
});

describe("a fresh certificate waits", () => {
  const passing: readonly KubeErrorReason[] = ["Network", "Forbidden", "Invalid", "Unavailable", "Unauthorized"];
  test.each(passing)("if the API server answers its write with %s, and is stored later", async (reason) => {
    failing(1, isWrite, kubeError(reason, "words of the API server"));
    const result = await store(ABSENT);
    expect(messageOf(result)).toMatch(
      /^Secret orders-api-mongodb cannot be written \(.*words of the API server.*\)\. Fix what the API server reports/,
    );
    expect(result).toMatchObject({ blocker: { needsPerson: true } });
    expect(await store(ABSENT)).toEqual(STORED);
  });

  test("after four conflicts: others change the Secret without a pause", async () => {
    put();
    const first = await seen();
    failing(99, ({ verb }) => verb === "patch", kubeError("Conflict"));
    expect(await store(first)).toMatchObject({ kind: "waiting", blocker: { reason: "SecretNotWritable" } });
    expect(cluster.writes).toHaveLength(4);
  });

  test("if the Secret has changed and cannot be read", async () => {
    put();
    const first = await seen();
    cluster.fault = ({ verb }) => kubeError(verb === "get" ? "Unavailable" : "Conflict");
    expect(messageOf(await store(first))).toContain("Conflict");
  });

  test("if a bug gets in the way, without the words of that error", async () => {
    cluster.create = () => Promise.reject(new TypeError("a key: c2VjcmV0"));
    const message = messageOf(await store(ABSENT));
    expect(message).toContain("because of a bug in the operator. See the operator's log.");
    expect(message).not.toContain("c2VjcmV0");
  });

  test("while the Secret is foreign, which stays byte for byte what it was", async () => {
    putForeign();
    const before = structuredClone(stored());
    expect(messageOf(await store(await seen()))).toBe(
      "Secret orders-api-mongodb does not belong to the operator: its type is Opaque, not kubernetes.io/tls (written by " +
        "argocd). Choose another spec.secretName, or delete that Secret if nothing needs it.",
    );
    expect(stored()).toEqual(before);
  });

  test("if a foreign Secret appears while it is written", async () => {
    failing(1, isWrite, kubeError("AlreadyExists"), putForeign);
    expect(await store(ABSENT)).toMatchObject({ kind: "waiting", blocker: { reason: "SecretForeign" } });
    expect(cluster.writes.map(({ verb }) => verb)).toEqual(["create"]);
  });

  test("while the Secret is being deleted: what is written into it is lost with it", async () => {
    put(old, { deletionTimestamp: "2030-01-11T00:00:00Z" });
    expect(await store(await seen())).toMatchObject({
      kind: "waiting",
      blocker: {
        reason: "SecretTerminating",
        needsPerson: true,
      },
    });
    expect(serial()).toBe(old.facts.serialNumber);
  });

  test("while the Secret belongs to another living resource, which keeps its certificate", async () => {
    living.set(billing.uid, billing);
    failing(1, isWrite, kubeError("AlreadyExists"), putBillings);
    expect(await store(ABSENT)).toMatchObject({
      kind: "waiting",
      blocker: {
        reason: "SecretClaimedTwice",
        problem: expect.stringContaining("Secret orders-api-mongodb belongs to AtlasUserCertificate billing."),
      },
    });
    expect(serial()).toBe(newer.facts.serialNumber);
  });

  test("while the Secret holds the certificate of a living resource that names another Secret by now", async () => {
    living.set(billing.uid, { ...billing, spec: { ...billing.spec, secretName: "billing-mongodb" } });
    putBillings();
    expect(messageOf(await store(await seen()))).toContain("which now uses Secret billing-mongodb.");
    expect(serial()).toBe(newer.facts.serialNumber);
  });

  test("and nothing of its key is in the message", async () => {
    failing(1, isWrite, kubeError("Network", `cut while sending ${JSON.stringify(secretData(ours))}`));
    const key = ours.privateKeyPem.reveal().split("\n")[1] ?? "-";
    const message = messageOf(await store(ABSENT));
    expect(message).toContain("cannot be written");
    expect(message).not.toContain(key.slice(0, 30));
    expect(message).not.toContain(Buffer.from(key).toString("base64").slice(8, 30));
  });
});

describe("a repair", () => {
  const repair = async (wishes: Parameters<typeof resource>[0] = {}, first?: ObservedSecret) => {
    const before = first ?? (await seen());
    if (before.kind !== "managed" || before.content.kind !== "pair") throw new Error("there is nothing to repair");
    const wanted = resource(wishes);
    const rewritesData = dataDifferences(settled({ spec: wanted.spec, secret: before })).length > 0;
    return writer.repair(wanted, { secret: before, held: before.content.facts, rewritesData }, signal);
  };
  const connectionString = { host: "a.example.com", scheme: "mongodb", mountPath: "/etc/mongodb" } as const;

  test("writes the connection string, and takes it away again, without touching another's key", async () => {
    put(old);
    change((secret) => ({ ...secret, data: { ...secret.data, "ca.crt": "eA==" } }));
    await repair({ spec: { connectionString } });
    expect(stored()?.data).toEqual({ ...secretData(old, desiredExtras({ connectionString })), "ca.crt": "eA==" });
    expect(await seen()).toMatchObject({
      content: { formatsCurrent: true },
      metadata: { ownDataKeys: ["connectionString"] },
    });
    await repair();
    expect(stored()?.data).toEqual({ ...secretData(old), "ca.crt": "eA==" });
  });

  test("remembers the connection string that it wrote", async () => {
    put(old);
    const calls = cluster.calls.length;
    await repair({ spec: { connectionString } });
    expect(cluster.calls.length - calls).toBe(3);
    const remembered = await inspector.cached(SECRET);
    expect(cluster.calls.length - calls).toBe(3);
    expect(dataDifferences(settled({ spec: { connectionString }, secret: remembered }))).toEqual([]);
  });

  test("restores labels without reading or sending the key", async () => {
    put(old, { labels: {} });
    const first = await seen();
    cluster.calls.length = 0;
    expect(await repair({}, first)).toBeUndefined();
    expect(stored()?.metadata.labels).toEqual({ [MANAGED_LABEL]: "true" });
    expect(cluster.calls).toHaveLength(1);
    expect(cluster.calls[0]?.body).not.toHaveProperty("data");
  });

  test("of the label reports no change of others if the watch has shown that the label is gone", async () => {
    put(old, { labels: {} });
    cache.others.observe(secretMetadata(stored()));
    await repair();
    expect([cache.labelled.size, foreign]).toEqual([1, []]);
  });

  test("restores the formats from the pair in the Secret", async () => {
    put(old);
    const { "tls-combined.pem": _gone, ...data } = secretData(old);
    change((secret) => ({ ...secret, data }));
    expect(await repair()).toBeUndefined();
    expect(stored()?.data).toEqual(secretData(old));
  });

  test("removes a label that the operator set and no one asks for any more, and nothing else", async () => {
    put(old, { labels: { [MANAGED_LABEL]: "true", app: "orders" } });
    relabel({ team: "x" });
    expect(await repair()).toBeUndefined();
    expect(stored()?.metadata.labels).toEqual({ [MANAGED_LABEL]: "true", team: "x" });
  });

  test("leaves the owner references of others", async () => {
    const other = { apiVersion: "v1", kind: "ConfigMap", name: "x", uid: "y" };
    put(old, { ownerReferences: [other] });
    expect(await repair({ spec: { deletionPolicy: "Delete" } })).toBeUndefined();
    expect(stored()?.metadata.ownerReferences).toMatchObject([
      other,
      { kind: "AtlasUserCertificate", controller: true },
    ]);
  });

  test.each([["Conflict"], ["NotFound"]] as const)("is overtaken by %s", async (reason) => {
    put(old, { labels: {} });
    const first = await seen();
    cluster.fault = () => kubeError(reason);
    expect(await repair({}, first)).toBe("overtaken");
  });

  test("never restores a pair that was replaced while the repair read it", async () => {
    put(old);
    change((secret) => ({ ...secret, data: { ...secretData(old), "tls-combined.pem": "eA==" } }));
    const first = await seen();
    let isReplaced = false;
    cluster.fault = ({ verb }) => {
      if (verb === "patch" && !isReplaced) put(newer);
      isReplaced ||= verb === "patch";
      return undefined;
    };
    expect(await repair({}, first)).toBe("overtaken");
    expect(stored()?.data).toEqual(secretData(newer));
  });

  test("reports what stands in its way", async () => {
    put(old, { labels: {} });
    const first = await seen();
    cluster.fault = () => kubeError("Forbidden", "no patch for you");
    expect(await repair({}, first)).toMatchObject({ reason: "SecretNotWritable", needsPerson: true });
  });
});

import { beforeEach, describe, expect, test } from "vitest";
import { WRITE_CHECK_ANNOTATION } from "../../../api/names.ts";
import { judgeData } from "../../../certificate/secret-data.ts";
import { KubeError, type KubeErrorReason } from "../../../kube/kube-error.ts";
import type { SecretState } from "../core/model/snapshot.ts";
import { kubeError } from "../testing/memory-cluster.ts";
import { billing, old, ours, SecretRig } from "../testing/secret-rig.ts";
import { ABSENT, resource } from "../testing/snapshots.ts";

const signal = new AbortController().signal;
let rig: SecretRig;

beforeEach(() => {
  rig = new SecretRig();
});

describe("the preflight", () => {
  const preflight = async (first?: SecretState) =>
    rig.preflight.run(resource(), first ?? (await rig.seen()), false, signal);

  test("stores nothing and sends no certificate", async () => {
    expect(await preflight(ABSENT)).toBeUndefined();
    expect(rig.stored()).toBeUndefined();
    expect(rig.cluster.calls).toMatchObject([{ verb: "create", dryRun: true, body: { type: "kubernetes.io/tls" } }]);
    const data = Reflect.get(Object(rig.cluster.calls[0]?.body), "data");
    expect(judgeData(data)).toMatchObject({ kind: "undecodable" });
  });

  test("tries the keys that the spec asks for, too", async () => {
    const connectionString = { host: "a.example.com", scheme: "mongodb", mountPath: "/etc/mongodb" } as const;
    const keystores = { pkcs12: { passwordSecretRef: { name: "keystore", key: "password" } } };
    await rig.preflight.run(resource({ spec: { connectionString, keystores } }), ABSENT, false, signal);
    const data = Reflect.get(Object(rig.cluster.calls[0]?.body), "data");
    expect(Object.keys(data)).toEqual(expect.arrayContaining(["connectionString", "keystore.p12"]));
  });

  test("tries a patch of an existing Secret, with the state that was seen as precondition", async () => {
    rig.put();
    expect(await preflight()).toBeUndefined();
    expect(rig.serial()).toBe(old.facts.serialNumber);
    expect(rig.cluster.calls.at(-1)).toMatchObject({
      verb: "patch",
      dryRun: true,
      body: { metadata: { resourceVersion: rig.stored()?.metadata.resourceVersion, uid: rig.stored()?.metadata.uid } },
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
    rig.cluster.fault = () => kubeError(reason, "quota exceeded");
    const blocker = await preflight(ABSENT);
    expect(blocker).toMatchObject({
      reason: "SecretNotWritable",
      needsPerson,
      problem: expect.stringMatching(
        /^Secret orders-api-mongodb cannot be written \(.*quota exceeded.*\), so no certificate is issued\.$/,
      ),
      retry: { kind: "backoff" },
    });
    expect(Object(blocker).remedy).toBe(
      needsPerson ? "Fix what the API server reports (RBAC, quota or admission policy in namespace shop)." : undefined,
    );
  });

  test("waits as long as the API server asks for", async () => {
    rig.cluster.fault = () => new KubeError({ reason: "TooManyRequests", operation: "test", retryAfterMs: 7000 });
    expect(await preflight(ABSENT)).toMatchObject({ retry: { atLeastMs: 7000 } });
  });

  test.each([
    ["made the Secret", ABSENT, "AlreadyExists"],
    ["changed the Secret", undefined, "Conflict"],
    ["deleted the Secret", undefined, "NotFound"],
  ] as const)("is overtaken if someone else %s meanwhile", async (_what, first, reason) => {
    rig.put();
    const before = first ?? (await rig.seen());
    rig.cluster.fault = () => kubeError(reason);
    expect(await preflight(before)).toBe("overtaken");
  });

  test("is overtaken if the Secret belongs to another living resource that the cache does not know", async () => {
    rig.living.set(billing.uid, billing);
    rig.putBillings();
    expect(await preflight()).toBe("overtaken");
    expect(rig.cluster.writes).toEqual([]);
  });

  test("makes no call that writes if the Secret is foreign", async () => {
    rig.putForeign();
    const first = await rig.seen();
    rig.cluster.calls.length = 0;
    expect(await preflight(first)).toMatchObject({ reason: "SecretNotWritable" });
    expect(rig.cluster.calls).toEqual([]);
  });

  test("throws an error that is not the API server's", async () => {
    rig.cluster.create = () => Promise.reject(new TypeError("a bug"));
    await expect(preflight(ABSENT)).rejects.toThrow(TypeError);
  });
});

describe("the preflight that writes for real", () => {
  const preflight = async (first?: SecretState) =>
    rig.preflight.run(resource(), first ?? (await rig.seen()), true, signal);

  test("sets an annotation on an existing Secret", async () => {
    rig.put();
    const data = rig.stored()?.data;
    expect(await preflight()).toBeUndefined();
    expect(rig.stored()?.metadata.annotations).toMatchObject({ [WRITE_CHECK_ANNOTATION]: "2030-01-11T00:00:00Z" });
    expect([rig.stored()?.data, rig.serial()]).toEqual([data, old.facts.serialNumber]);
  });

  test("creates an absent Secret that is the operator's and holds nothing", async () => {
    expect(await preflight(ABSENT)).toBeUndefined();
    expect(rig.stored()?.metadata.annotations).toMatchObject({ [WRITE_CHECK_ANNOTATION]: "2030-01-11T00:00:00Z" });
    expect(await rig.seen()).toMatchObject({ kind: "managed", content: { kind: "missing" } });
  });

  test("reports a storage that a dry run does not reach", async () => {
    rig.cluster.fault = ({ dryRun }) => (dryRun ? undefined : kubeError("InternalError", "kms: connection refused"));
    expect(await preflight(ABSENT)).toMatchObject({
      reason: "SecretNotWritable",
      problem: expect.stringContaining("kms: connection refused"),
      needsPerson: true,
    });
    expect(rig.stored()).toBeUndefined();
  });

  test("does not write if the dry run is refused", async () => {
    rig.put();
    rig.cluster.fault = ({ dryRun }) => (dryRun ? kubeError("Forbidden") : undefined);
    expect(await preflight()).toMatchObject({ reason: "SecretNotWritable" });
    expect(rig.cluster.writes).toEqual([]);
  });

  test.each([["absent"], ["existing"]])("leaves no trace once the certificate is stored: %s Secret", async (which) => {
    if (which === "existing") rig.put();
    const first = await rig.seen();
    await preflight(first);
    expect(await rig.store(first)).toEqual({ kind: "stored" });
    expect(rig.serial()).toBe(ours.facts.serialNumber);
    expect(rig.stored()?.metadata.annotations).not.toHaveProperty([WRITE_CHECK_ANNOTATION]);
  });
});

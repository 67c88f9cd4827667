import { beforeEach, describe, expect, test } from "vitest";
import { SECRET_ANNOTATIONS } from "../../api/names.ts";
import { USER_CERTIFICATE } from "../../api/user-certificate.ts";
import { secretData } from "../../certificate/secret-data.ts";
import { issuePair } from "../../certificate/testing.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../clock.ts";
import { SECRETS } from "../../kube/core-types.ts";
import { kubeError } from "./testing/memory-cluster.ts";
import type { Process } from "./testing/process.ts";
import { NAMESPACE, Scene, SECRET } from "./testing/scene.ts";

/** Certificates that were issued and cannot be stored: they wait in the process, and reconciles go on. */
const REF = { namespace: NAMESPACE, name: "orders-api" };
const OTHER = { namespace: NAMESPACE, name: "other" };
const THIRD = { namespace: NAMESPACE, name: "third" };

let scene: Scene;
let process: Process;
/** Runs before the first write of a certificate into the Secret. */
let beforeWrite: () => void;

beforeEach(() => {
  scene = new Scene();
  beforeWrite = () => {};
  process = scene.start({
    onStep: (step) => {
      if (step !== "write") return;
      beforeWrite();
      beforeWrite = () => {};
    },
  });
});

const putForeign = (ref = SECRET) => void scene.cluster.put(SECRETS, { metadata: ref, data: { a: "eA==" } }, "argocd");
const refuseWrites = (explanation = "exceeded quota: secrets") => {
  scene.cluster.fault = ({ verb, what, dryRun }) =>
    what.startsWith("secrets") && verb !== "get" && !dryRun ? kubeError("Forbidden", explanation) : undefined;
};
const allowWrites = () => {
  scene.cluster.fault = () => undefined;
};
const issuedSerial = (index = 0) => scene.atlas.issued[index]?.serialNumber;

/** The first certificate of a resource is parked, since the API server refuses its write. */
async function parkedFirst(spec: Parameters<Scene["apply"]>[0] = {}): Promise<void> {
  scene.apply(spec);
  beforeWrite = () => refuseWrites();
  await scene.reconcile(process);
  expect(process.parked.size).toBe(1);
}

/** The renewal of a resource that has a certificate is parked. */
async function parkedRenewal(): Promise<void> {
  scene.apply();
  await scene.settle(process);
  scene.events.length = 0;
  scene.apply({}, { renewRequest: "a" });
  beforeWrite = () => refuseWrites();
  await scene.reconcile(process);
  expect(process.parked.size).toBe(1);
}

describe("a parked certificate", () => {
  test("is in the status: which one, in which process, and what it waits for", async () => {
    await parkedFirst();
    expect(scene.status().issuance).toMatchObject({
      parked: { pod: "pod-1", serialNumber: issuedSerial(), notAfter: "2030-04-11T00:00:00Z" },
    });
    expect(scene.status().issuance?.parked).not.toHaveProperty("until");
    expect([scene.ready(), scene.stalled()]).toEqual(["False SecretNotWritable", "True SecretNotWritable"]);
    expect(scene.condition("Issuing")).toMatchObject({
      status: "True",
      message: expect.stringContaining("has been issued but not stored yet"),
    });
    expect(scene.condition("Stalled").message).toMatch(
      /exceeded quota: secrets.*Certificate \d+ has been issued but not stored yet\. It exists only in the operator's memory and is lost if the pod is killed\. Fix what the API server reports/,
    );
  });

  test("is stored once the Secret can be written, and nothing else is issued", async () => {
    await parkedFirst();
    await scene.run(process, { forMs: HOUR_MS });
    allowWrites();
    await scene.run(process, { forMs: 6 * MINUTE_MS });
    expect([scene.ready(), scene.stalled()]).toEqual(["True Issued", "False Issued"]);
    expect([scene.atlas.creates, scene.serialIn(), process.parked.size]).toEqual([1, issuedSerial(), 0]);
    expect(scene.status()).not.toHaveProperty("issuance");
    expect(scene.reasons()).toEqual(["SecretNotWritable", "Issued"]);
    expect(scene.orphanEvents()).toEqual([]);
  });

  test("is tried with a growing backoff up to five minutes, and costs no status write for each try", async () => {
    await parkedFirst();
    scene.cluster.calls.length = 0;
    await scene.run(process, { forMs: 6 * HOUR_MS });
    const tries = scene.cluster.calls.filter(({ verb, what }) => verb === "create" && what.startsWith("secrets"));
    expect(tries.length).toBeGreaterThan(60);
    expect(tries.length).toBeLessThan(120);
    expect(scene.cluster.calls.filter(({ verb }) => verb === "patch status").length).toBeLessThanOrEqual(1);
    expect([scene.atlas.creates, scene.reasons()]).toEqual([1, ["SecretNotWritable"]]);
  });

  test("of a renewal leaves Ready True until the old certificate expires, and False from then on", async () => {
    await parkedRenewal();
    expect([scene.ready(), scene.stalled()]).toEqual(["True SecretNotWritable", "True SecretNotWritable"]);
    const notAfterMs = Date.parse(scene.status().notAfter ?? "");
    scene.clock.advanceNow(notAfterMs - HOUR_MS - scene.clock.now());
    await scene.run(process, { forMs: HOUR_MS - 1 });
    expect(scene.ready()).toBe("True SecretNotWritable");
    await scene.run(process, { forMs: 1002 });
    expect(scene.ready()).toBe("False SecretNotWritable");
    expect(scene.condition("Ready").message).toMatch(/^Certificate \d+ expired at /);
  });

  test("goes into the Secret that the resource names by then", async () => {
    await parkedFirst();
    scene.cluster.fault = ({ verb, what, dryRun }) =>
      what === "secrets shop/orders-api-mongodb" && verb !== "get" && !dryRun ? kubeError("Forbidden") : undefined;
    await scene.run(process, { forMs: 30 * MINUTE_MS });
    scene.apply({ secretName: OTHER.name });
    await scene.run(process, { forMs: 6 * MINUTE_MS });
    expect([scene.atlas.creates, scene.serialIn(OTHER), scene.secret()]).toEqual([1, issuedSerial(), undefined]);
    expect(scene.ready()).toBe("True Issued");
    expect(scene.status()).toMatchObject({ secretName: OTHER.name, observedGeneration: scene.resource().generation });
    expect(scene.events.at(-1)?.note).toContain("in Secret other;");
  });

  test("is stored into a Secret that was deleted and is absent by then", async () => {
    await parkedRenewal();
    scene.cluster.remove(SECRETS, SECRET);
    allowWrites();
    await scene.run(process, { forMs: 6 * MINUTE_MS });
    expect([scene.atlas.creates, scene.serialIn(), scene.ready()]).toEqual([2, issuedSerial(1), "True Issued"]);
  });

  test("is not issued a second time on request, nor because its Secret is missing", async () => {
    await parkedFirst();
    scene.apply({}, { renewRequest: "again" });
    await scene.run(process, { forMs: 2 * HOUR_MS });
    expect([scene.atlas.creates, process.parked.size]).toEqual([1, 1]);
  });
});

describe("a parked certificate waits", () => {
  test("for a foreign Secret to go, which stays byte for byte what it was", async () => {
    scene.apply();
    beforeWrite = putForeign;
    await scene.settle(process);
    const before = structuredClone(scene.secret());
    await scene.run(process, { forMs: 2 * HOUR_MS });
    expect(scene.secret()).toEqual(before);
    expect([scene.ready(), scene.stalled()]).toEqual(["False SecretForeign", "True SecretForeign"]);
    expect(scene.condition("Stalled").message).toContain("It exists only in the operator's memory");
    scene.cluster.remove(SECRETS, SECRET);
    await scene.run(process, { forMs: 6 * MINUTE_MS });
    expect([scene.atlas.creates, scene.serialIn(), scene.ready()]).toEqual([1, issuedSerial(), "True Issued"]);
  });

  test("for a foreign Secret under the new name too", async () => {
    putForeign(OTHER);
    scene.apply();
    beforeWrite = putForeign;
    await scene.settle(process);
    scene.apply({ secretName: OTHER.name });
    await scene.run(process, { forMs: HOUR_MS });
    expect(scene.secret(OTHER)?.data).toEqual({ a: "eA==" });
    scene.apply({ secretName: THIRD.name });
    await scene.run(process, { forMs: 6 * MINUTE_MS });
    expect([scene.atlas.creates, scene.serialIn(THIRD)]).toEqual([1, issuedSerial()]);
  });

  test("for a terminating Secret to be gone: what is written into it would be lost with it", async () => {
    await parkedRenewal();
    scene.changeSecret((secret) => ({
      ...secret,
      metadata: { ...secret.metadata, deletionTimestamp: "2030-01-11T00:00:00Z", finalizers: ["example.com/wait"] },
    }));
    allowWrites();
    await scene.run(process, { forMs: HOUR_MS });
    expect([scene.serialIn(), process.parked.size]).toEqual([issuedSerial(0), 1]);
    expect(scene.stalled()).toBe("True SecretTerminating");
    expect(scene.condition("Stalled").message).toContain("It exists only in the operator's memory");
    scene.cluster.remove(SECRETS, SECRET);
    await scene.run(process, { forMs: 6 * MINUTE_MS });
    expect([scene.atlas.creates, scene.serialIn(), scene.ready()]).toEqual([2, issuedSerial(1), "True Issued"]);
  });

  test("for the Secret of another living resource, which keeps its certificate", async () => {
    scene.apply({ username: "billing", secretName: OTHER.name }, { name: "billing" });
    await scene.settle(process, "billing");
    const billings = scene.serialIn(OTHER);
    scene.apply();
    beforeWrite = putForeign;
    await scene.settle(process);
    scene.apply({ secretName: OTHER.name });
    await scene.run(process, { forMs: HOUR_MS });
    expect([scene.serialIn(OTHER), scene.ready(), scene.stalled()]).toEqual([
      billings,
      "False SecretClaimedTwice",
      "True SecretClaimedTwice",
    ]);
    scene.apply({ secretName: THIRD.name });
    await scene.run(process, { forMs: 6 * MINUTE_MS });
    expect([scene.atlas.creates, scene.serialIn(THIRD)]).toEqual([2, issuedSerial(1)]);
  });
});

describe("a parked certificate is discarded and announced as orphaned, once", () => {
  async function expectDiscarded(serial: string | undefined, why: string): Promise<void> {
    expect(process.parked.size).toBe(0);
    await scene.run(process, { forMs: 12 * HOUR_MS });
    expect(scene.orphanEvents().map(({ note }) => note)).toEqual([
      expect.stringMatching(
        new RegExp(`^Certificate ${serial} of user orders-api \\(valid until \\S+\\) is orphaned: ${why}`),
      ),
    ]);
    expect(scene.orphansFound).toBe(1);
  }

  test("when it expires", async () => {
    await parkedFirst();
    scene.clock.advanceNow(90 * DAY_MS - HOUR_MS);
    await scene.run(process, { forMs: 2 * HOUR_MS });
    allowWrites();
    expect(scene.secret()).toBeUndefined();
    await expectDiscarded(issuedSerial(), "it expired before its Secret could be written");
    expect([scene.serialIn(), scene.ready()]).toEqual([issuedSerial(1), "True Issued"]);
  });

  test("when the Secret holds a newer certificate that another process issued", async () => {
    await parkedRenewal();
    scene.clock.advanceNow(HOUR_MS);
    const newer = await issuePair({
      notBefore: new Date(scene.clock.now()),
      notAfter: new Date(scene.clock.now() + 90 * DAY_MS),
    });
    const { facts } = newer;
    scene.atlas.issued.push({
      ...{ serialNumber: facts.serialNumber, notAfter: facts.notAfter, createdAt: facts.notBefore },
      ...{ groupId: scene.resource().spec.projectId, username: "orders-api", subject: "CN=orders-api" },
    });
    scene.changeSecret((secret) => ({ ...secret, data: secretData(newer) }));
    await scene.reconcile(process);
    allowWrites();
    await expectDiscarded(issuedSerial(1), "the Secret already holds a newer certificate");
    expect([scene.serialIn(), scene.ready()]).toEqual([facts.serialNumber, "True Issued"]);
  });

  test("when the spec names another user", async () => {
    await parkedFirst();
    scene.apply({ username: "billing" });
    await scene.reconcile(process);
    allowWrites();
    await expectDiscarded(issuedSerial(), "the spec now names another user");
    expect(scene.secret()?.metadata.annotations?.[SECRET_ANNOTATIONS.username]).toBe("billing");
    expect(scene.ready()).toBe("True Issued");
  });

  test("when the spec names another user and then this one again, and is announced once", async () => {
    await parkedRenewal();
    scene.apply({ username: "billing" });
    await scene.settle(process);
    allowWrites();
    await scene.run(process, { forMs: MINUTE_MS });
    expect([scene.serialIn(), scene.ready()]).toEqual([issuedSerial(2), "True Issued"]);
    scene.apply();
    await scene.settle(process);
    expect(scene.orphanEvents().map(({ note }) => note)).toEqual([
      expect.stringContaining("spec now names another user"),
    ]);
    expect(scene.status().unaccounted?.map(({ serialNumber }) => serialNumber)).toContain(issuedSerial(1));
  });

  test("when another attempt has taken its place", async () => {
    await parkedFirst();
    const { issuance } = scene.status();
    if (issuance === undefined) throw new Error("no attempt is on record");
    scene.putStatus({ ...scene.status(), issuance: { ...issuance, id: "of another process", parked: undefined } });
    await scene.reconcile(process);
    allowWrites();
    await expectDiscarded(issuedSerial(), "another attempt replaced it");
  });

  test("when its resource is deleted", async () => {
    await parkedFirst();
    scene.cluster.remove(USER_CERTIFICATE, REF);
    allowWrites();
    await expectDiscarded(issuedSerial(), "its AtlasUserCertificate was deleted before its Secret could be written");
    expect(scene.secret()).toBeUndefined();
  });

  test("when its resource is deleted while it is created", async () => {
    scene.apply();
    beforeWrite = () => {
      scene.cluster.remove(USER_CERTIFICATE, REF);
      refuseWrites();
    };
    await scene.reconcile(process).catch(() => {});
    allowWrites();
    await expectDiscarded(issuedSerial(), "its AtlasUserCertificate was deleted before its Secret could be written");
  });

  test("when its resource is recreated, which then gets a certificate of its own", async () => {
    await parkedFirst();
    scene.cluster.remove(USER_CERTIFICATE, REF);
    scene.apply();
    allowWrites();
    await scene.settle(process);
    expect([scene.atlas.creates, scene.serialIn(), process.parked.size]).toEqual([2, issuedSerial(1), 0]);
    expect(scene.orphanEvents()).toHaveLength(1);
  });
});

test("a certificate that a killed process had parked is announced as orphaned, with its serial number in the history", async () => {
  await parkedFirst();
  scene.stop(process);
  allowWrites();
  scene.clock.advanceNow(MINUTE_MS);
  const successor = scene.start({ identity: "pod-2" });
  await scene.run(successor, { forMs: HOUR_MS });
  expect([scene.atlas.creates, scene.serialIn(), scene.ready()]).toEqual([2, issuedSerial(1), "True Issued"]);
  expect(scene.status().recentIssuances).toMatchObject([
    { serialNumber: issuedSerial(), lost: "NotStored" },
    { serialNumber: issuedSerial(1) },
  ]);
  expect(scene.orphanEvents()).toHaveLength(1);
  expect(scene.orphanEvents()[0]?.note).toContain(`Certificate ${issuedSerial()} `);
});

test("a certificate is stored while its resource is suspended: it would be lost otherwise", async () => {
  await parkedFirst();
  scene.apply({ suspend: true });
  allowWrites();
  await scene.run(process, { forMs: 6 * MINUTE_MS });
  expect([scene.serialIn(), process.parked.size]).toEqual([issuedSerial(), 0]);
  expect(scene.reasons().filter((reason) => reason === "Issued")).toHaveLength(1);
});

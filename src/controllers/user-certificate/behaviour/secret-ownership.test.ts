import { describe, expect, test } from "vitest";
import { MANAGED_LABEL, SECRET_ANNOTATIONS } from "../../../api/names.ts";
import { USER_CERTIFICATE } from "../../../api/user-certificate.ts";
import { secretData } from "../../../certificate/secret-data.ts";
import { issuePair } from "../../../certificate/testing.ts";
import { DAY_MS, HOUR_MS } from "../../../clock.ts";
import { SECRETS, type Secret } from "../../../kube/core-types.ts";
import type { Desired } from "../../../kube/resource-type.ts";
import { CREDENTIALS, issuedScene, NAMESPACE, Scene, SECRET } from "../testing/scene.ts";

/** Which Secrets the operator writes to, and which it leaves alone. */

const { certificateName, certificateUid } = SECRET_ANNOTATIONS;
const FORGED = {
  labels: { [MANAGED_LABEL]: "true" },
  annotations: { [certificateUid]: "whatever", [certificateName]: "orders-api" },
};

describe("a foreign Secret stays byte for byte what it was, and the message names the failing condition", () => {
  const cases: readonly (readonly [string, Partial<Desired<Secret>>, string])[] = [
    ["without a type", { data: { a: "eA==" } }, "its type is Opaque, not kubernetes.io/tls (written by kubectl)"],
    [
      "of type Opaque with the annotation certificate-uid: whatever",
      { type: "Opaque", metadata: FORGED, data: { a: "eA==" } },
      "its type is Opaque, not kubernetes.io/tls",
    ],
    [
      "that is a Helm release with the annotation certificate-uid: whatever",
      { type: "helm.sh/release.v1", metadata: FORGED, data: { release: "eA==" } },
      "its type is helm.sh/release.v1, not kubernetes.io/tls",
    ],
    [
      "of type kubernetes.io/tls with the annotation certificate-uid: whatever",
      { type: "kubernetes.io/tls", metadata: FORGED, data: { "tls.crt": "eA==", "tls.key": "eA==" } },
      `its annotation ${certificateUid} is not a UUID`,
    ],
    [
      "of cert-manager, without annotations",
      { type: "kubernetes.io/tls", data: { "tls.crt": "eA==", "tls.key": "eA==" } },
      `it lacks the annotation ${certificateUid}`,
    ],
  ];
  test.each(cases)("%s", async (_what, secret, problem) => {
    const scene = new Scene();
    scene.apply();
    const foreign = scene.cluster.put(SECRETS, { ...secret, metadata: { ...SECRET, ...secret.metadata } });
    await scene.run(scene.start(), { forMs: DAY_MS });
    expect(scene.secret()).toEqual(foreign);
    expect(scene.atlas.creates).toBe(0);
    expect([scene.ready(), scene.stalled()]).toEqual(["False SecretForeign", "True SecretForeign"]);
    expect(scene.condition("Ready").message).toContain(
      `Secret orders-api-mongodb does not belong to the operator: ${problem}`,
    );
    expect(scene.reasons()).toEqual(["SecretForeign"]);
  });

  test("that holds the credentials of the resource itself", async () => {
    const scene = new Scene();
    const credentials = scene.cluster.put(SECRETS, {
      ...scene.secret(CREDENTIALS),
      metadata: { ...CREDENTIALS, ...FORGED },
    });
    scene.apply({ secretName: CREDENTIALS.name });
    await scene.settle(scene.start());
    expect(scene.secret(CREDENTIALS)).toEqual(credentials);
    expect([scene.ready(), scene.atlas.creates]).toEqual(["False SecretForeign", 0]);
  });
});

describe("the operator's own Secret", () => {
  test("gets its annotations and label back if someone stripped them, and no certificate is issued", async () => {
    const { scene, process } = await issuedScene();
    const before = scene.secret()?.metadata;
    scene.changeSecret(({ metadata, ...secret }) => ({
      ...secret,
      metadata: { ...metadata, annotations: {}, labels: {} },
    }));
    await scene.settle(process);
    expect([scene.ready(), scene.atlas.creates]).toEqual(["True Issued", 1]);
    expect(scene.secret()?.metadata).toMatchObject({ annotations: before?.annotations, labels: before?.labels });
    expect(scene.reasons()).toEqual(["Repaired"]);
  });

  test("gets its annotations back by a process that has never seen them", async () => {
    const { scene, process: before } = await issuedScene();
    scene.stop(before);
    scene.changeSecret(({ metadata, ...secret }) => ({
      ...secret,
      metadata: { ...metadata, annotations: {}, labels: {} },
    }));
    await scene.settle(scene.start());
    expect([scene.ready(), scene.atlas.creates]).toEqual(["True Issued", 1]);
    expect(scene.secret()?.metadata.annotations).toHaveProperty([certificateUid]);
  });

  test("is foreign if its annotations were stripped and its certificate replaced by a stranger's", async () => {
    const { scene, process } = await issuedScene();
    const strangers = await issuePair();
    scene.changeSecret(({ metadata, ...secret }) => ({
      ...secret,
      metadata: { ...metadata, annotations: {}, labels: {} },
      data: secretData(strangers),
    }));
    const changed = scene.secret();
    await scene.run(process, { forMs: HOUR_MS });
    expect(scene.secret()).toEqual(changed);
    expect([scene.ready(), scene.atlas.creates]).toEqual(["False SecretForeign", 1]);
  });

  test("keeps the data keys of others through a renewal", async () => {
    const { scene, process } = await issuedScene();
    scene.changeSecret((secret) => ({ ...secret, data: { ...secret.data, "ca.crt": "eA==" } }));
    scene.clock.advanceNow(61 * DAY_MS);
    await scene.settle(process);
    expect(scene.atlas.creates).toBe(2);
    expect(scene.secret()?.data).toMatchObject({ "ca.crt": "eA==" });
  });
});

describe("a Secret that is being deleted", () => {
  const terminate = (scene: Scene) =>
    scene.changeSecret((secret) => ({
      ...secret,
      metadata: { ...secret.metadata, deletionTimestamp: "2030-01-11T00:00:00Z", finalizers: ["example.com/wait"] },
    }));

  test("is not renewed into: nothing is issued until it is gone", async () => {
    const { scene, process } = await issuedScene();
    terminate(scene);
    scene.clock.advanceNow(61 * DAY_MS);
    await scene.run(process, { forMs: DAY_MS });
    expect([scene.atlas.creates, scene.ready(), scene.stalled()]).toEqual([
      1,
      "True SecretTerminating",
      "False SecretTerminating",
    ]);
    scene.cluster.remove(SECRETS, SECRET);
    await scene.settle(process);
    expect([scene.atlas.creates, scene.ready()]).toEqual([2, "True Issued"]);
  });

  test("is not repaired either", async () => {
    const { scene, process } = await issuedScene();
    terminate(scene);
    scene.changeSecret((secret) => ({ ...secret, metadata: { ...secret.metadata, labels: {} } }));
    await scene.settle(process);
    expect(scene.cluster.writes.filter(({ what }) => what.startsWith("secrets"))).toEqual([]);
  });

  test("that is damaged is said to be gone soon, and no more", async () => {
    const { scene, process } = await issuedScene();
    terminate(scene);
    scene.changeSecret((secret) => ({ ...secret, data: {} }));
    await scene.settle(process);
    expect(scene.ready()).toBe("False SecretTerminating");
    expect(scene.condition("Ready").message).toBe(
      "Secret orders-api-mongodb is being deleted, and a finalizer still holds it. The operator continues once the Secret is gone.",
    );
  });
});

describe("a spec.secretName that changes", () => {
  const ELSEWHERE = { namespace: NAMESPACE, name: "elsewhere" };

  async function moved() {
    const { scene, process } = await issuedScene();
    const before = structuredClone(scene.secret());
    scene.apply({ secretName: ELSEWHERE.name });
    await scene.settle(process);
    return { scene, process, before };
  }

  test("leads to a new certificate in the new Secret, and the old Secret stays as it is", async () => {
    const { scene, before } = await moved();
    expect([scene.atlas.creates, scene.ready()]).toEqual([2, "True Issued"]);
    expect(scene.serialIn(ELSEWHERE)).toBe(scene.atlas.issued[1]?.serialNumber);
    expect(scene.secret()).toEqual(before);
  });

  test("is announced, and the status names the Secret that is left behind until its certificate expires", async () => {
    const { scene, process } = await moved();
    expect(scene.reasons()).toEqual(["SecretLeftBehind", "Issued"]);
    expect(scene.events[0]?.note).toContain("Secret orders-api-mongodb is no longer renewed");
    expect(scene.status().leftBehind).toEqual([
      {
        secretName: SECRET.name,
        serialNumber: scene.atlas.issued[0]?.serialNumber,
        notAfter: "2030-04-11T00:00:00Z",
      },
    ]);
    await scene.run(process, { forMs: 91 * DAY_MS });
    expect(scene.status()).not.toHaveProperty("leftBehind");
    expect(scene.reasons().filter((reason) => reason === "SecretLeftBehind")).toHaveLength(1);
  });

  test("is announced once although the new Secret is foreign and nothing can be issued", async () => {
    const { scene, process } = await issuedScene();
    scene.cluster.put(SECRETS, { metadata: ELSEWHERE, data: { a: "eA==" } });
    scene.apply({ secretName: ELSEWHERE.name });
    await scene.run(process, { forMs: HOUR_MS });
    expect(scene.reasons()).toEqual(["SecretLeftBehind", "SecretForeign"]);
    expect(scene.status().leftBehind).toMatchObject([{ secretName: SECRET.name }]);
  });

  test("and changes back finds the old certificate, which was left behind and is no more", async () => {
    const { scene, process } = await moved();
    scene.apply();
    await scene.settle(process);
    expect([scene.serialIn(), scene.ready()]).toEqual([scene.status().serialNumber, "True Issued"]);
    expect(scene.status().leftBehind).toMatchObject([{ secretName: ELSEWHERE.name }]);
  });

  test("does not free the old Secret: a claimant takes it over only after a person has deleted it", async () => {
    const { scene, process } = await issuedScene();
    scene.apply({ username: "billing" }, { name: "younger" });
    await scene.settle(process, "younger");
    expect(scene.ready("younger")).toBe("False SecretClaimedTwice");
    scene.apply({ secretName: ELSEWHERE.name });
    await scene.settle(process);
    const left = structuredClone(scene.secret());
    await scene.run(process, { forMs: DAY_MS, names: ["orders-api", "younger"] });
    expect([scene.ready("younger"), scene.stalled("younger")]).toEqual([
      "False SecretClaimedTwice",
      "True SecretClaimedTwice",
    ]);
    expect(scene.condition("Stalled", "younger").message).toBe(
      "Secret orders-api-mongodb holds a certificate of AtlasUserCertificate orders-api, which now uses Secret elsewhere. " +
        "Choose another spec.secretName, or delete Secret orders-api-mongodb once no app uses it.",
    );
    expect(scene.secret()).toEqual(left);
    scene.cluster.remove(SECRETS, SECRET);
    await scene.settle(process, "younger");
    expect(scene.ready("younger")).toBe("True Issued");
    expect(scene.secret()?.metadata.annotations?.[certificateName]).toBe("younger");
  });

  test("by the holder's deletion frees the old Secret at once", async () => {
    const { scene, process } = await issuedScene();
    scene.apply({}, { name: "younger" });
    await scene.settle(process, "younger");
    expect(scene.ready("younger")).toBe("False SecretClaimedTwice");
    scene.cluster.remove(USER_CERTIFICATE, { namespace: NAMESPACE, name: "orders-api" });
    await scene.settle(process, "younger");
    expect([scene.ready("younger"), scene.atlas.creates]).toEqual(["True Issued", 1]);
  });
});

test("a Secret that an older resource wants too is its own, and the younger one says whose it is", async () => {
  const { scene, process } = await issuedScene();
  scene.apply({ username: "billing" }, { name: "younger" });
  await scene.settle(process, "younger");
  expect(scene.ready("younger")).toBe("False SecretClaimedTwice");
  expect(scene.status("younger")).not.toHaveProperty("serialNumber");
  expect(scene.condition("Stalled", "younger").message).toBe(
    "Secret orders-api-mongodb belongs to AtlasUserCertificate orders-api. Choose another spec.secretName, or delete one " +
      "of the two resources.",
  );
  expect(scene.atlas.creates).toBe(1);
});

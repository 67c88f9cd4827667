import { expect, test } from "vitest";
import { rest } from "../../control-plane/control-plane.ts";
import { aWhile, condition, PRODUCTION, RENEW_REQUEST, Scene } from "./scene.ts";

/** What happens around a certificate that is there: repairs, deletion, restarts, restores, lost answers. */

test("repairs a label changed by hand without a new certificate", async () => {
  const scene = await Scene.open();
  await scene.apply("orders-api", { secretTemplate: { labels: { team: "shop" } } });
  const issued = await scene.untilIssued();
  await scene.patchSecret("orders-api-mongodb", {
    metadata: { labels: { team: "mine", "atlascerts.io/managed": null } },
  });
  await expect
    .poll(async () => (await scene.secret())?.metadata.labels)
    .toEqual({ team: "shop", "atlascerts.io/managed": "true" });
  expect((await scene.get()).status.serialNumber).toBe(issued.status.serialNumber);
  expect(scene.creates).toBe(1);
  await expect.poll(async () => (await scene.events()).map(({ reason }) => reason)).toContain("Repaired");
});

test("follows a changed template: adds, changes and takes away its own keys, and leaves those of others", async () => {
  const scene = await Scene.open();
  await scene.apply("orders-api", { secretTemplate: { labels: { team: "shop", tier: "gold" } } });
  await scene.untilIssued();
  await scene.patchSecret("orders-api-mongodb", { metadata: { labels: { "backup.example/include": "yes" } } });
  await scene.patch("orders-api", { spec: { secretTemplate: { labels: { team: "orders", tier: null } } } });
  await expect
    .poll(async () => (await scene.secret())?.metadata.labels)
    .toEqual({
      team: "orders",
      "backup.example/include": "yes",
      "atlascerts.io/managed": "true",
    });
  expect(scene.creates).toBe(1);
});

test("restores a format that was taken away, from the pair that is there", async () => {
  const scene = await Scene.open();
  await scene.apply();
  const issued = await scene.untilIssued();
  await scene.patchSecret("orders-api-mongodb", { data: { "tls-combined.pem": null } });
  await expect.poll(async () => (await scene.secret())?.data["tls-combined.pem"]).toMatch(/CERTIFICATE.*PRIVATE KEY/s);
  expect((await scene.get()).status.serialNumber).toBe(issued.status.serialNumber);
});

test("follows spec.connectionString without a new certificate", async () => {
  const scene = await Scene.open();
  await scene.apply("orders-api", {
    connectionString: { host: "a.b.mongodb.net", scheme: "mongodb+srv", mountPath: "/etc/mongodb" },
  });
  const issued = await scene.untilIssued();
  const present = async () => (await scene.secret())?.data.connectionString;
  expect(await present()).toMatch(
    /^mongodb\+srv:\/\/a\.b\.mongodb\.net\/\?authMechanism=MONGODB-X509&.*tls-combined\.pem$/,
  );
  await scene.patch("orders-api", { spec: { connectionString: { database: "orders" } } });
  await expect.poll(present).toContain("mongodb.net/orders?");
  await scene.patch("orders-api", { spec: { connectionString: null } });
  await expect.poll(present).toBeUndefined();
  expect((await scene.secret())?.data["tls-combined.pem"]).toMatch(/PRIVATE KEY/);
  expect((await scene.get()).status.serialNumber).toBe(issued.status.serialNumber);
});

test("writes a keystore, and rewrites it when its password changes, without a new certificate", async () => {
  const scene = await Scene.open();
  await scene.apply("orders-api", {
    keystores: { pkcs12: { passwordSecretRef: { name: "keystore", key: "password" } } },
  });
  const issued = await scene.untilReason("KeystorePasswordMissing");
  expect(condition(issued, "Ready")?.status).toBe("True");
  const present = async () => (await scene.secret())?.data["keystore.p12"];
  expect(await present()).toBeUndefined();
  await scene.putSecret("keystore", { password: "first-1" });
  // The package that makes keystores is loaded first.
  await expect.poll(present, { timeout: 20_000 }).toBeDefined();
  const first = await present();
  await scene.patchSecret("keystore", { stringData: { password: "second-2" } });
  await expect.poll(present, { timeout: 20_000 }).not.toBe(first);
  await scene.untilReason("Issued");
  expect(scene.creates).toBe(1);
});

test("with deletionPolicy Retain the Secret stays when its resource goes; with Delete it goes too", async () => {
  const scene = await Scene.open();
  await scene.apply("stays", { deletionPolicy: "Retain" });
  await scene.apply("goes", { deletionPolicy: "Delete" });
  await scene.untilIssued("stays");
  const owner = await scene.untilIssued("goes");
  expect((await scene.secret("goes-mongodb"))?.metadata.ownerReferences?.map(({ uid }) => uid)).toEqual([owner.uid]);
  expect((await scene.secret("stays-mongodb"))?.metadata.ownerReferences).toBeUndefined();
  await scene.delete("stays");
  await scene.delete("goes");
  await expect.poll(() => scene.secret("goes-mongodb"), { timeout: 20_000 }).toBeUndefined();
  expect(await scene.secret("stays-mongodb")).toBeDefined();
});

test("a changed deletionPolicy is a repair, not a new certificate", async () => {
  const scene = await Scene.open();
  await scene.apply();
  const issued = await scene.untilIssued();
  await scene.patch("orders-api", { spec: { deletionPolicy: "Delete" } });
  await expect
    .poll(async () => (await scene.secret())?.metadata.ownerReferences?.map(({ uid }) => uid))
    .toEqual([issued.uid]);
  await scene.patch("orders-api", { spec: { deletionPolicy: "Retain" } });
  await expect.poll(async () => (await scene.secret())?.metadata.ownerReferences).toBeUndefined();
  expect(scene.creates).toBe(1);
});

test("after a restart issues nothing, changes no Secret, and lists a few times at most, to learn Atlas' time", async () => {
  const scene = await Scene.open();
  await scene.apply("orders-api");
  await scene.apply("billing", { username: "billing" });
  await scene.untilIssued("orders-api");
  await scene.untilIssued("billing");
  const versions = async () => [
    (await scene.secret("orders-api-mongodb"))?.metadata.resourceVersion,
    (await scene.secret("billing-mongodb"))?.metadata.resourceVersion,
  ];
  const before = await versions();
  const lists = scene.atlas.log.count("listDatabaseUserCertificates");
  await scene.stopOperator();
  await scene.startOperator();
  // It has looked at both, and found nothing to do.
  const looks = /^atlascerts_reconciles_total\{decision="keep",outcome="nothing",reason="None"\} (?:[2-9]|\d\d+)$/m;
  await expect.poll(() => scene.metrics(), { timeout: 20_000 }).toMatch(looks);
  expect(await versions()).toEqual(before);
  expect(scene.creates).toBe(2);
  // Two passes each.
  expect(scene.atlas.log.count("listDatabaseUserCertificates") - lists).toBeLessThanOrEqual(2 * 2);
});

test("takes a good Secret over without issuing when the resource comes back under another uid", async () => {
  const scene = await Scene.open();
  await scene.apply();
  const before = await scene.untilIssued();
  await scene.delete("orders-api");
  await scene.apply();
  const after = await scene.untilIssued();
  expect(after.uid).not.toBe(before.uid);
  expect(after.status.serialNumber).toBe(before.status.serialNumber);
  await expect
    .poll(async () => (await scene.secret())?.metadata.annotations?.["atlascerts.io/certificate-uid"])
    .toBe(after.uid);
  expect(scene.creates).toBe(1);
});

test("a restored resource with an old renew annotation is not renewed for it", async () => {
  const scene = await Scene.open();
  await scene.apply();
  const before = await scene.untilIssued();
  await scene.stopOperator();
  await scene.delete("orders-api");
  await scene.apply();
  await scene.patch("orders-api", { metadata: { annotations: { [RENEW_REQUEST]: "last year" } } });
  await scene.startOperator();
  const after = await scene.untilIssued();
  await aWhile();
  expect((await scene.get()).status.serialNumber).toBe(before.status.serialNumber);
  expect(after.status.renewRequest).toBe("last year");
  expect(scene.creates).toBe(1);
});

test("an answer that got lost is one orphan, reported, and the next attempt is not at once", async () => {
  const scene = await Scene.open();
  scene.atlas.faults.add({ operation: "createDatabaseUserCertificate", effect: { kind: "cutAnswer" } });
  await scene.apply();
  const lost = await scene.untilReason("AnswerLost");
  expect(lost.status.issuance?.knownSerials).toEqual([]);
  expect(condition(lost, "Stalled")?.status).toBe("False");
  const issued = await scene.untilIssued();
  expect(scene.creates).toBe(2);
  expect(issued.status.unexpiredCertificates).toBe(2);
  expect(issued.status.unaccounted).toHaveLength(1);
  const [orphan] = scene.atlas.certificates(PRODUCTION, "orders-api");
  await expect
    .poll(async () => (await scene.events()).find(({ reason }) => reason === "CertificateOrphaned")?.note)
    .toContain(orphan?.serialNumber);
});

test("finds the certificate whose process died between the Secret and the closing of its record", async () => {
  const scene = await Scene.open();
  await scene.apply();
  const issued = await scene.untilIssued();
  await scene.stopOperator();
  const path = `/apis/atlascerts.io/v1alpha1/namespaces/${scene.namespace}/atlasusercertificates/orders-api/status`;
  const { recentIssuances, ...rest_ } = issued.status;
  await rest(
    "PATCH",
    path,
    {
      status: {
        ...rest_,
        recentIssuances: null,
        revision: null,
        serialNumber: null,
        lastVerifiedTime: null,
        issuance: {
          id: "of-the-dead",
          startedAt: "2026-01-01T00:00:00Z",
          reason: "SecretMissing",
          projectId: PRODUCTION,
          username: "orders-api",
          knownSerials: [],
        },
      },
    },
    "application/merge-patch+json",
  );
  await scene.startOperator();
  const finished = await scene.untilIssued();
  expect(finished.status.issuance).toBeUndefined();
  expect(finished.status.serialNumber).toBe(issued.status.serialNumber);
  expect(finished.status.recentIssuances?.at(-1)?.serialNumber).toBe(recentIssuances?.at(-1)?.serialNumber);
  expect(scene.creates).toBe(1);
});

test("issues nothing where the Secret could not be kept: a quota of the namespace is found before, not after", async () => {
  const scene = await Scene.open();
  const type = { apiVersion: "admissionregistration.k8s.io/v1" };
  const name = `no-secrets-${scene.namespace}`;
  await rest("POST", "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies", {
    ...type,
    kind: "ValidatingAdmissionPolicy",
    metadata: { name },
    spec: {
      failurePolicy: "Fail",
      matchConstraints: {
        resourceRules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["secrets"] }],
      },
      validations: [{ expression: "object.type != 'kubernetes.io/tls'", message: "no TLS Secrets in here" }],
    },
  });
  const binding = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings";
  await rest("POST", binding, {
    ...type,
    kind: "ValidatingAdmissionPolicyBinding",
    metadata: { name },
    spec: {
      policyName: name,
      validationActions: ["Deny"],
      matchResources: { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": scene.namespace } } },
    },
  });
  try {
    // A policy takes effect a moment after it is accepted.
    const probe = {
      apiVersion: "v1",
      kind: "Secret",
      type: "kubernetes.io/tls",
      metadata: { name: "probe" },
      data: { "tls.crt": "", "tls.key": "" },
    };
    await expect
      .poll(async () => (await rest("POST", `/api/v1/namespaces/${scene.namespace}/secrets?dryRun=All`, probe)).status)
      .toBe(422);
    await scene.apply();
    const blocked = await scene.untilReason("SecretNotWritable");
    expect(condition(blocked, "Ready")?.message).toContain("no TLS Secrets in here");
    expect(scene.creates).toBe(0);
  } finally {
    await rest("DELETE", `${binding}/${name}`);
    await rest("DELETE", `/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/${name}`);
  }
  await scene.untilIssued();
});

test("a lost answer while Atlas has forgotten the held certificate is not taken for success", async () => {
  const scene = await Scene.open({ policy: { verifyIntervalMs: 1000 } });
  await scene.apply();
  const first = await scene.untilIssued();
  scene.atlas.faults.add({ operation: "createDatabaseUserCertificate", effect: { kind: "cutAnswer" } });
  scene.atlas.forgetCertificate(PRODUCTION, first.status.serialNumber ?? "");
  const lost = await scene.untilReason("AnswerLost");
  expect(lost.status.issuance?.knownSerials).toContain(first.status.serialNumber);
  const second = await scene.untilIssued("orders-api", first.status.serialNumber);
  expect(second.status.recentIssuances?.map(({ reason, lost }) => [reason, lost])).toEqual([
    ["SecretMissing", undefined],
    ["NotListedByAtlas", "AnswerLost"],
    ["NotListedByAtlas", undefined],
  ]);
  await expect.poll(async () => (await scene.events()).map(({ reason }) => reason)).toContain("CertificateOrphaned");
});

test("waits longer after each failure, though each attempt is put on record anew", async () => {
  const scene = await Scene.open({ policy: { maxBackoffMs: 1000 } });
  scene.atlas.faults.add({
    operation: "createDatabaseUserCertificate",
    times: 2,
    effect: { kind: "status", status: 409 },
  });
  await scene.apply();
  const twice = await scene.until("failed twice", ({ status }) => status.lastAttempt?.failures === 2);
  expect(twice.status.recentIssuances).toBeUndefined();
  const issued = await scene.untilIssued();
  expect(issued.status.lastAttempt).toBeUndefined();
});

import { createPrivateKey } from "node:crypto";
import { expect, test } from "vitest";
import { rest } from "../../control-plane/control-plane.ts";
import { aWhile, condition, expectNoKeyMaterial, PRODUCTION, RENEW_REQUEST, Scene, STAGING } from "./scene.ts";

/** Why a certificate is issued: each reason of the design, on a real API server, with real certificates. */

test("issues the first certificate into a Secret that a driver can use, in three writes and one Event", async () => {
  const scene = await Scene.open();
  await scene.apply("orders-api", {
    secretTemplate: { labels: { team: "shop" }, annotations: { "example.com/owner": "shop" } },
  });
  const resource = await scene.untilIssued();

  const secret = await scene.secret();
  const certificate = await scene.certificate();
  expect(secret?.type).toBe("kubernetes.io/tls");
  expect(secret?.data["tls-combined.pem"]).toBe(`${secret?.data["tls.crt"]}${secret?.data["tls.key"]}`);
  expect(certificate.checkPrivateKey(createPrivateKey(secret?.data["tls.key"] ?? ""))).toBe(true);
  expect(certificate.subject).toContain("CN=orders-api");
  expect(secret?.metadata.labels).toEqual({ team: "shop", "atlascerts.io/managed": "true" });
  expect(secret?.metadata.annotations).toMatchObject({
    "example.com/owner": "shop",
    "atlascerts.io/certificate-name": "orders-api",
    "atlascerts.io/certificate-uid": resource.uid,
    "atlascerts.io/project-id": PRODUCTION,
    "atlascerts.io/username": "orders-api",
    "atlascerts.io/serial-number": resource.status.serialNumber,
    "atlascerts.io/fingerprint": certificate.fingerprint256,
  });

  const { status } = resource;
  expect(status.serialNumber).toBe(BigInt(`0x${certificate.serialNumber}`).toString());
  expect(scene.atlas.certificates(PRODUCTION, "orders-api").map(({ serialNumber }) => serialNumber)).toEqual([
    status.serialNumber,
  ]);
  expect(Date.parse(status.notAfter ?? "")).toBe(certificate.validToDate.getTime());
  expect(status.revision).toBe(1);
  expect(status.issuance).toBeUndefined();
  expect(status.secretName).toBe("orders-api-mongodb");
  expect(condition(resource, "Issuing")?.status).toBe("False");
  expect(condition(resource, "Stalled")?.status).toBe("False");
  await expect.poll(async () => (await scene.events()).map(({ reason }) => reason)).toEqual(["Issued"]);
});

test("renews by the certificate's real lifetime, while the old one is still valid", async () => {
  // Three months of 2 s each: renewed after two thirds of 6 s.
  const scene = await Scene.open({ simulator: { monthMs: 2000 } });
  await scene.apply();
  const first = await scene.untilIssued();
  const [firstNotAfter, renewalTime] = [first.status.notAfter ?? "", first.status.renewalTime ?? ""];
  expect(Date.parse(renewalTime)).toBeLessThan(Date.parse(firstNotAfter));

  const second = await scene.untilIssued("orders-api", first.status.serialNumber);
  expect(Date.parse(second.status.notBefore ?? "")).toBeLessThan(Date.parse(firstNotAfter));
  expect(condition(second, "Ready")?.lastTransitionTime).toBe(condition(first, "Ready")?.lastTransitionTime);
  expect(second.status.revision).toBe(2);
  expect(second.status.recentIssuances?.at(-1)?.reason).toBe("NearingExpiry");
});

test("issues again when the Secret was deleted", async () => {
  const scene = await Scene.open();
  await scene.apply();
  const first = await scene.untilIssued();
  await scene.deleteSecret("orders-api-mongodb");
  const second = await scene.untilIssued("orders-api", first.status.serialNumber);
  expect((await scene.certificate()).serialNumber.toLowerCase()).toBe(
    BigInt(second.status.serialNumber ?? 0)
      .toString(16)
      .padStart((await scene.certificate()).serialNumber.length, "0"),
  );
  expect(scene.creates).toBe(2);
});

test.each([
  ["lost its key", { data: { "tls.key": "" } }, "SecretDataMissing"],
  ["holds garbage", { stringData: { "tls.crt": "no certificate" } }, "PemUndecodable"],
])("issues again when the Secret %s", async (_, patch, reason) => {
  const scene = await Scene.open();
  await scene.apply();
  const first = await scene.untilIssued();
  await scene.patchSecret("orders-api-mongodb", patch);
  const second = await scene.untilIssued("orders-api", first.status.serialNumber);
  expect(second.status.recentIssuances?.at(-1)?.reason).toBe(reason);
});

test("issues again when key and certificate don't match", async () => {
  const scene = await Scene.open();
  await scene.apply("orders-api");
  await scene.apply("billing", { username: "billing" });
  const first = await scene.untilIssued("orders-api");
  await scene.untilIssued("billing");
  const foreignKey = (await scene.secret("billing-mongodb"))?.data["tls.key"] ?? "";
  await scene.patchSecret("orders-api-mongodb", { stringData: { "tls.key": foreignKey } });
  const second = await scene.untilIssued("orders-api", first.status.serialNumber);
  expect(second.status.recentIssuances?.at(-1)?.reason).toBe("KeyMismatch");
});

test("stops when somebody overwrites the Secret again and again, and says who", async () => {
  const scene = await Scene.open();
  await scene.apply();
  let serial = (await scene.untilIssued()).status.serialNumber;
  for (let round = 0; round < 2; round++) {
    await scene.patchSecret("orders-api-mongodb", { stringData: { "tls.crt": "mine" } });
    serial = (await scene.untilIssued("orders-api", serial)).status.serialNumber;
  }
  await scene.patchSecret("orders-api-mongodb", { stringData: { "tls.crt": "mine" } });
  const resource = await scene.untilReason("SecretContended");
  expect(condition(resource, "Ready")?.status).toBe("False");
  expect(condition(resource, "Ready")?.message).toContain("somebody");
  expect(scene.creates).toBe(3);
});

test.each([
  ["user", { username: "billing" }, PRODUCTION, "billing"],
  ["project", { projectId: STAGING }, STAGING, "orders-api"],
])("issues for the new %s when it changed", async (_, spec, projectId, username) => {
  const scene = await Scene.open();
  await scene.apply();
  const first = await scene.untilIssued();
  await scene.patch("orders-api", { spec });
  const second = await scene.untilIssued("orders-api", first.status.serialNumber);
  expect(scene.atlas.certificates(projectId, username).map(({ serialNumber }) => serialNumber)).toEqual([
    second.status.serialNumber,
  ]);
  expect((await scene.secret())?.metadata.annotations).toMatchObject({
    "atlascerts.io/project-id": projectId,
    "atlascerts.io/username": username,
  });
});

test("issues again when Atlas no longer lists the certificate", async () => {
  const scene = await Scene.open({ policy: { verifyIntervalMs: 1000 } });
  await scene.apply();
  const first = await scene.untilIssued();
  scene.atlas.forgetCertificate(PRODUCTION, first.status.serialNumber ?? "");
  const second = await scene.untilIssued("orders-api", first.status.serialNumber);
  expect(second.status.recentIssuances?.at(-1)?.reason).toBe("NotListedByAtlas");
});

test("issues once for each value of the renew annotation", async () => {
  const scene = await Scene.open();
  await scene.apply();
  const first = await scene.untilIssued();
  await scene.patch("orders-api", { metadata: { annotations: { [RENEW_REQUEST]: "monday" } } });
  const second = await scene.untilIssued("orders-api", first.status.serialNumber);
  await scene.patch("orders-api", { metadata: { annotations: { [RENEW_REQUEST]: "monday", unrelated: "x" } } });
  await aWhile();
  expect((await scene.get()).status.serialNumber).toBe(second.status.serialNumber);
  await scene.patch("orders-api", { metadata: { annotations: { [RENEW_REQUEST]: "tuesday" } } });
  await scene.untilIssued("orders-api", second.status.serialNumber);
  expect(scene.creates).toBe(3);
});

test("serves metrics that speak of the certificate, and the search for keys reads them", async () => {
  const scene = await Scene.open();
  await scene.apply();
  const { status } = await scene.untilIssued();
  const metrics = await scene.metrics();
  expect(metrics).toMatch(/^atlascerts_\w+\{[^}]*name="orders-api"[^}]*\} /m);
  expect(metrics).toContain(String(Date.parse(status.notAfter ?? "") / 1000));
});

test("finds key material in what it searches, or the search would prove nothing", async () => {
  const scene = await Scene.open();
  await scene.apply();
  await scene.untilIssued();
  const key = (await scene.secret())?.data["tls.key"] ?? "";
  const line = key.split("\n")[1] ?? "";
  expect(() => expectNoKeyMaterial(`{"msg":"${line}"}`, [key])).toThrow();
  expect(() => expectNoKeyMaterial(Buffer.from(line).toString("base64"), [key])).toThrow();
  expect(() => expectNoKeyMaterial("-----BEGIN PRIVATE KEY-----", [])).toThrow();
});

test("takes credentials of both kinds, as the Atlas Kubernetes Operator's Secrets hold them", async () => {
  const scene = await Scene.open({ credentials: "owner-api-key" });
  await scene.apply();
  const first = await scene.untilIssued();
  await scene.putCredentials(scene.credentials("owner-service-account"));
  await scene.patch("orders-api", { metadata: { annotations: { [RENEW_REQUEST]: "now" } } });
  await scene.untilIssued("orders-api", first.status.serialNumber);
  const caller = scene.atlas.log.entries("createDatabaseUserCertificate").map(({ credentialsId }) => credentialsId);
  expect(caller.filter((id) => id !== undefined)).toEqual(["owner-api-key", "owner-service-account"]);
});

test("the API server's own view agrees: kubectl's table shows the certificate", async () => {
  const scene = await Scene.open();
  await scene.apply();
  const resource = await scene.untilIssued();
  const { body } = await rest(
    "GET",
    `/apis/atlascerts.io/v1alpha1/namespaces/${scene.namespace}/atlasusercertificates/orders-api`,
  );
  expect(body).toMatchObject({ status: { notAfter: resource.status.notAfter } });
});

import { expect, test } from "vitest";
import { aWhile, condition, PRODUCTION, Scene } from "./scene.ts";

/** What stands in the way, what the person is told, and that it goes on by itself once it is mended. */

interface Obstacle {
  readonly reason: string;
  /** A piece of the next step that the message must name. */
  readonly nextStep: RegExp;
  readonly put: (scene: Scene) => void | Promise<void>;
  readonly mend: (scene: Scene) => void | Promise<void>;
}

const OBSTACLES: readonly (readonly [string, Obstacle])[] = [
  [
    "the credentials are wrong",
    {
      reason: "CredentialsRejected",
      nextStep: /Secret atlas-api/,
      put: (scene) =>
        scene.putSecret("atlas-api", { clientId: "mdb_sa_id_0000000000000000000000ff", clientSecret: "wrong" }),
      mend: (scene) => scene.putCredentials(scene.credentials("owner-service-account")),
    },
  ],
  [
    "the API key is wrong",
    {
      reason: "CredentialsRejected",
      nextStep: /Secret atlas-api/,
      put: (scene) => scene.putSecret("atlas-api", { publicApiKey: "simowner", privateApiKey: "wrong" }),
      mend: (scene) => scene.putCredentials(scene.credentials("owner-api-key")),
    },
  ],
  [
    "the credentials lack the role",
    {
      reason: "RoleMissing",
      nextStep: /Project Owner/,
      put: (scene) => scene.atlas.setRole("owner-service-account", "GROUP_READ_ONLY"),
      mend: (scene) => scene.atlas.setRole("owner-service-account", "GROUP_OWNER"),
    },
  ],
  [
    "the user is unknown",
    {
      reason: "UserNotFound",
      nextStep: /atlas dbusers create --username orders-api --x509Type MANAGED/,
      put: (scene) => scene.atlas.removeUser(PRODUCTION, "orders-api"),
      mend: (scene) => scene.atlas.addUser(PRODUCTION, "orders-api"),
    },
  ],
  [
    "customer-managed X.509 is on",
    {
      reason: "CustomerManagedX509On",
      nextStep: /customer-managed X\.509/,
      put: (scene) => scene.atlas.setCustomerManagedX509(PRODUCTION, scene.atlas.caPem),
      mend: (scene) => scene.atlas.setCustomerManagedX509(PRODUCTION, undefined),
    },
  ],
  [
    "the address is not on the access list",
    {
      reason: "IpNotOnAccessList",
      nextStep: /access list/,
      put: (scene) => scene.atlas.setIpAccessAllowed(false),
      mend: (scene) => scene.atlas.setIpAccessAllowed(true),
    },
  ],
  [
    "the credentials Secret is missing",
    {
      reason: "CredentialsMissing",
      nextStep: /Secret atlas-api does not exist/,
      put: (scene) => scene.deleteSecret("atlas-api"),
      mend: (scene) => scene.putCredentials(scene.credentials("owner-service-account")),
    },
  ],
  [
    "the credentials Secret holds neither pair",
    {
      reason: "CredentialsMissing",
      nextStep: /clientId.*publicApiKey/s,
      put: (scene) => scene.putSecret("atlas-api", { token: "x" }),
      mend: (scene) => scene.putCredentials(scene.credentials("owner-service-account")),
    },
  ],
  [
    "the credentials Secret holds both pairs",
    {
      reason: "CredentialsMissing",
      nextStep: /clientId.*publicApiKey/s,
      put: (scene) =>
        scene.putSecret("atlas-api", { clientId: "a", clientSecret: "b", publicApiKey: "c", privateApiKey: "d" }),
      mend: (scene) => scene.putCredentials(scene.credentials("owner-service-account")),
    },
  ],
  [
    "a foreign Secret has the name",
    {
      reason: "SecretForeign",
      nextStep: /Choose another spec\.secretName/,
      put: (scene) => scene.putSecret("orders-api-mongodb", { password: "precious" }),
      mend: (scene) => scene.deleteSecret("orders-api-mongodb"),
    },
  ],
];

test.each(OBSTACLES)("when %s, says so and what to do, and goes on once it is mended", async (_, obstacle) => {
  const scene = await Scene.open();
  await obstacle.put(scene);
  await scene.apply();
  const blocked = await scene.untilReason(obstacle.reason);
  expect(condition(blocked, "Ready")).toMatchObject({ status: "False", observedGeneration: 1 });
  expect(condition(blocked, "Stalled")).toMatchObject({ status: "True", reason: obstacle.reason });
  expect(condition(blocked, "Stalled")?.message).toMatch(obstacle.nextStep);
  expect(blocked.status.serialNumber).toBeUndefined();
  await expect.poll(async () => (await scene.events()).map(({ reason }) => reason)).toContain(obstacle.reason);

  await obstacle.mend(scene);
  const issued = await scene.untilIssued();
  expect(condition(issued, "Stalled")?.status).toBe("False");
  expect(issued.status.lastAttempt).toBeUndefined();
  expect(scene.atlas.certificates(PRODUCTION, "orders-api")).toHaveLength(1);
});

test("when the project is unknown, says so, and goes on once the spec names the right one", async () => {
  const scene = await Scene.open();
  await scene.apply("orders-api", { projectId: "0123456789abcdef01234567" });
  const blocked = await scene.untilReason("ProjectNotFound");
  expect(condition(blocked, "Stalled")?.message).toContain("0123456789abcdef01234567");
  await scene.patch("orders-api", { spec: { projectId: PRODUCTION } });
  await scene.untilIssued();
});

test("a foreign Secret is never touched, not by a byte", async () => {
  const scene = await Scene.open();
  await scene.putSecret("orders-api-mongodb", { password: "precious" });
  const before = await scene.secret();
  await scene.apply("orders-api", { deletionPolicy: "Delete" });
  await scene.untilReason("SecretForeign");
  await scene.delete("orders-api");
  await aWhile();
  expect(await scene.secret()).toEqual(before);
  expect(scene.creates).toBe(0);
});

test("a certificate that works stays Ready while the next one is blocked, and the reason shows", async () => {
  const scene = await Scene.open({ policy: { verifyIntervalMs: 500 } });
  await scene.apply();
  const issued = await scene.untilIssued();
  await scene.putSecret("atlas-api", { publicApiKey: "simowner", privateApiKey: "wrong" });
  const blocked = await scene.untilReason("CredentialsRejected");
  expect(condition(blocked, "Ready")?.status).toBe("True");
  expect(condition(blocked, "Ready")?.message).toContain(`is valid until ${issued.status.notAfter}`);
  expect(condition(blocked, "Stalled")).toMatchObject({
    status: "False",
    message: expect.stringMatching(/^Action is required before /),
  });
  expect(blocked.status.lastAttempt).toMatchObject({ reason: "CredentialsRejected", needsPerson: true });
  await scene.putCredentials(scene.credentials("owner-api-key"));
  const mended = await scene.untilReason("Issued");
  expect(mended.status.serialNumber).toBe(issued.status.serialNumber);
  expect(condition(mended, "Ready")?.lastTransitionTime).toBe(condition(issued, "Ready")?.lastTransitionTime);
});

test("of two resources with one Secret the younger is blocked and says by whom, until the older is gone", async () => {
  const scene = await Scene.open();
  await scene.apply("orders-api", { secretName: "shared" });
  const older = await scene.untilIssued("orders-api");
  await scene.apply("billing", { secretName: "shared", username: "billing" });
  const younger = await scene.untilReason("SecretClaimedTwice", "billing");
  expect(condition(younger, "Ready")?.message).toContain("AtlasUserCertificate orders-api");
  expect((await scene.secret("shared"))?.metadata.annotations?.["atlascerts.io/serial-number"]).toBe(
    older.status.serialNumber,
  );
  await scene.delete("orders-api");
  const taken = await scene.untilIssued("billing");
  expect((await scene.secret("shared"))?.metadata.annotations?.["atlascerts.io/username"]).toBe("billing");
  expect(taken.status.serialNumber).not.toBe(older.status.serialNumber);
});

test("issues nothing while suspended, and goes on when resumed", async () => {
  const scene = await Scene.open();
  await scene.apply("orders-api", { suspend: true });
  const suspended = await scene.untilReason("Suspended");
  expect(condition(suspended, "Stalled")?.status).toBe("False");
  await aWhile();
  expect(scene.creates).toBe(0);
  await scene.patch("orders-api", { spec: { suspend: false } });
  const issued = await scene.untilIssued();

  await scene.patch("orders-api", { spec: { suspend: true } });
  await scene.deleteSecret("orders-api-mongodb");
  await scene.until("not ready", (resource) => condition(resource, "Ready")?.status === "False");
  await aWhile();
  expect(scene.creates).toBe(1);
  expect(await scene.secret()).toBeUndefined();
  await scene.patch("orders-api", { spec: { suspend: false } });
  await scene.untilIssued("orders-api", issued.status.serialNumber);
});

test("spends no more certificates a day than it may", async () => {
  const scene = await Scene.open({ policy: { maxIssuesPerDay: 2 } });
  await scene.apply();
  const first = await scene.untilIssued();
  await scene.deleteSecret("orders-api-mongodb");
  await scene.untilIssued("orders-api", first.status.serialNumber);
  await scene.deleteSecret("orders-api-mongodb");
  const blocked = await scene.untilReason("IssuanceBudgetSpent");
  expect(condition(blocked, "Ready")).toMatchObject({ status: "False" });
  expect(condition(blocked, "Ready")?.message).toMatch(
    /2 of 2 certificates of user orders-api .*Issuing resumes at \d{4}-\d\d-\d\dT[\d:]+Z/,
  );
  expect(scene.creates).toBe(2);
});

test("issues nothing for a user who has as many unexpired certificates as allowed", async () => {
  const scene = await Scene.open({ policy: { maxUnexpiredPerUser: 1 } });
  await scene.apply("first");
  await scene.untilIssued("first");
  await scene.apply("second");
  const blocked = await scene.untilReason("TooManyUnexpired", "second");
  expect(condition(blocked, "Ready")?.message).toContain("user orders-api has 1 unexpired certificates");
  expect(blocked.status.unaccounted).toBeUndefined();
  expect(scene.creates).toBe(1);
});

test("Ready turns False by itself when the certificate expires unrenewed", async () => {
  const scene = await Scene.open({ simulator: { monthMs: 1000 } });
  await scene.apply();
  await scene.untilIssued();
  await scene.patch("orders-api", { spec: { suspend: true } });
  const expired = await scene.until("expired", (resource) => condition(resource, "Ready")?.status === "False");
  expect(condition(expired, "Ready")?.message).toMatch(/^Certificate \d+ expired at/);
});

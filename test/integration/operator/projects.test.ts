import { expect, test } from "vitest";
import { ownControlPlane } from "../faults/own-control-plane.ts";
import { MERGE_PATCH, Platform } from "./platform.ts";
import { aWhile, credentialEntries, PRODUCTION } from "./scene.ts";
import { refusedRights } from "./shipped-roles.ts";

/** AtlasProjectX509 and its grants, on a real API server, with the rights that are shipped and no others. */

const own = ownControlPlane();

test("a granted namespace gets its certificate without any credentials, another one gets nothing", async () => {
  const platform = await Platform.open(own());
  const [shop, other] = [await platform.tenant("shop"), await platform.tenant("other")];
  await platform.project([{ namespaces: [shop], usernames: ["orders-*"] }]);
  await platform.apply(shop);
  await platform.apply(other);
  await platform.until("True Issued", shop);
  const told = await platform.until("False NotGranted", other);
  expect(told).toContain(`does not exist, or does not grant user orders-api to namespace ${other}`);
  expect(platform.creates).toBe(1);
  const secret = await own().rest("GET", `/api/v1/namespaces/${shop}/secrets/orders-api-mongodb`);
  expect(secret.body).toMatchObject({ metadata: { annotations: { "atlascerts.io/project-id": PRODUCTION } } });
  expect((await own().rest("GET", `/api/v1/namespaces/${other}/secrets/orders-api-mongodb`)).status).toBe(404);
  expect(refusedRights(platform.log)).toEqual([]);
});

test("a project that does not exist and one that grants nothing read the same", async () => {
  const platform = await Platform.open(own());
  const shop = await platform.tenant("shop");
  await platform.project([]);
  await platform.apply(shop, { username: "billing" }, "granted-nothing");
  await platform.apply(shop, { username: "billing", projectRef: { name: "production2" } }, "not-there");
  const granted = await platform.until("False NotGranted", shop, "granted-nothing");
  const missing = await platform.until("False NotGranted", shop, "not-there");
  expect(missing.replaceAll("production2", "production")).toBe(granted);
  // The status of the project is all that Atlas was asked for.
  for (const operation of ["listDatabaseUserCertificates", "createDatabaseUserCertificate"] as const) {
    expect(platform.atlas.log.count(operation)).toBe(0);
  }
});

test("a grant that is withdrawn stops renewals, and given back lets them go on at once", async () => {
  const platform = await Platform.open(own());
  const shop = await platform.tenant("shop");
  const grants = [{ namespaces: [shop], usernames: ["orders-*"] }];
  await platform.project(grants);
  await platform.apply(shop);
  await platform.until("True Issued", shop);
  await platform.project([]);
  const told = await platform.until("True NotGranted", shop);
  const { notAfter } = (await platform.get(shop)).status;
  expect(told).toContain(`Certificates that were already issued can be used to log in until ${notAfter}.`);
  await platform.patch(shop, { metadata: { annotations: { "atlascerts.io/renew-requested-at": "now" } } });
  await aWhile();
  expect(platform.creates).toBe(1);
  await platform.project(grants);
  await platform.until("True Issued", shop);
  await expect.poll(() => platform.creates).toBe(2);
});

test("a user belongs to the namespace that had it first, until that gives it up", async () => {
  const platform = await Platform.open(own());
  const [shop, other] = [await platform.tenant("shop"), await platform.tenant("other")];
  const grants = [{ namespaces: [shop, other], usernames: ["orders-*"] }];
  await platform.project(grants);
  await platform.apply(shop);
  await platform.until("True Issued", shop);
  await platform.apply(other);
  expect(await platform.until("False UsernameTaken", other)).not.toContain(shop);
  expect(platform.creates).toBe(1);
  await own().must("DELETE", `/apis/atlascerts.io/v1alpha1/namespaces/${shop}/atlasusercertificates/orders-api`);
  await platform.until("True Issued", other);
});

test("a shared user is issued to several namespaces", async () => {
  const platform = await Platform.open(own());
  const [shop, other] = [await platform.tenant("shop"), await platform.tenant("other")];
  await platform.project([{ namespaces: [shop, other], usernames: ["orders-*"], shared: true }]);
  for (const namespace of [shop, other]) await platform.apply(namespace);
  for (const namespace of [shop, other]) await platform.until("True Issued", namespace);
});

test("maxMonths and maxResources are kept, and say what is allowed", async () => {
  const platform = await Platform.open(own());
  const shop = await platform.tenant("shop");
  await platform.project([{ namespaces: [shop], usernames: ["*"], everybody: true, maxResources: 1 }]);
  await platform.apply(shop, { monthsUntilExpiration: 4 });
  expect(await platform.until("False NotGranted", shop)).toContain("at most 3 months");
  await platform.patch(shop, { spec: { monthsUntilExpiration: 3 } });
  await platform.until("True Issued", shop);
  await aWhile(1100);
  await platform.apply(shop, { username: "billing" }, "billing");
  expect(await platform.until("False NotGranted", shop, "billing")).toContain("at most 1 resource,");
  await own().must("DELETE", `/apis/atlascerts.io/v1alpha1/namespaces/${shop}/atlasusercertificates/orders-api`);
  await platform.until("True Issued", shop, "billing");
});

test("namespaces are watched only for a grant by labels, and a label that goes takes the grant along", async () => {
  const platform = await Platform.open(own());
  const [shop, other] = [await platform.tenant("shop", { team: "a" }), await platform.tenant("other")];
  await platform.project([{ namespaces: [other], usernames: ["billing"] }]);
  await platform.apply(other, { username: "billing" });
  await platform.until("True Issued", other);
  await platform.apply(shop);
  await platform.until("False NotGranted", shop);
  await platform.project([{ namespaceSelector: { matchLabels: { team: "a" } }, usernames: ["orders-*"] }]);
  await platform.until("True Issued", shop);
  await platform.until("True NotGranted", other);
  await own().rest("PATCH", `/api/v1/namespaces/${shop}`, { metadata: { labels: { team: "b" } } }, MERGE_PATCH);
  await platform.until("True NotGranted", shop);
  expect(platform.creates).toBe(2);
});

test("a grant by labels counts for nothing while namespaces can't be listed; one by name does", async () => {
  const platform = await Platform.open(own(), {
    missing: { group: "", resource: "namespaces", verb: "list" },
  });
  const [shop, other] = [await platform.tenant("shop", { team: "a" }), await platform.tenant("other")];
  await platform.project([{ namespaces: [other], usernames: ["billing"] }]);
  await platform.apply(other, { username: "billing" });
  await platform.until("True Issued", other);
  expect(refusedRights(platform.log)).toEqual([]);
  await platform.project([
    { namespaces: [other], usernames: ["billing"] },
    { namespaceSelector: { matchLabels: { team: "a" } }, usernames: ["orders-*"] },
  ]);
  await platform.apply(shop);
  await platform.until("False GrantsUnverified", shop);
  expect(refusedRights(platform.log)).toEqual([{ group: "", resource: "namespaces", verb: "list" }]);
  await platform.until("True Issued", other);
  expect(platform.creates).toBe(1);
});

test("nothing is issued before the projects are listed", async () => {
  const platform = await Platform.open(own(), {
    missing: { group: "atlascerts.io", resource: "atlasprojectx509s", verb: "list" },
  });
  const shop = await platform.tenant("shop");
  await platform.project([{ namespaces: [shop], usernames: ["orders-*"] }]);
  await platform.apply(shop);
  await expect.poll(() => refusedRights(platform.log).length).toBe(1);
  await aWhile();
  expect(platform.atlas.log.count()).toBe(0);
});

test("only a labelled Secret of the operator's namespace serves as credentials, and is picked up at once", async () => {
  const platform = await Platform.open(own());
  const shop = await platform.tenant("shop");
  await platform.putCredentials("unlabelled", {});
  await platform.project([{ namespaces: [shop], usernames: ["orders-*"] }], "production", {
    credentialsRef: { name: "unlabelled" },
  });
  await platform.apply(shop);
  const told = await platform.until("False CredentialsMissing", shop);
  expect(told).toContain("The Atlas credentials of AtlasProjectX509 production cannot be used.");
  expect(told).not.toContain("unlabelled");
  const labels = { "atlascerts.io/credentials": "true" };
  const path = `/api/v1/namespaces/${platform.home}/secrets/unlabelled`;
  await own().rest("PATCH", path, { metadata: { labels } }, MERGE_PATCH);
  await platform.until("True Issued", shop);
});

test("a resource that moves from credentials of its own to the project keeps its certificate", async () => {
  const platform = await Platform.open(own());
  const shop = await platform.tenant("shop");
  const owner = platform.atlas.credentials.find(({ id }) => id === "owner-service-account");
  const stringData = owner && credentialEntries(owner);
  await own().must("POST", `/api/v1/namespaces/${shop}/secrets`, { metadata: { name: "atlas-api" }, stringData });
  await platform.project([{ namespaces: [shop], usernames: ["orders-*"] }]);
  await platform.apply(shop, { projectId: PRODUCTION, credentialsRef: { name: "atlas-api" } });
  await platform.until("True Issued", shop);
  const before = (await platform.get(shop)).status.serialNumber;
  const spec = { projectRef: { name: "production" }, projectId: null, credentialsRef: null };
  await platform.patch(shop, { spec });
  await platform.until("True Issued", shop);
  await aWhile();
  expect((await platform.get(shop)).status.serialNumber).toBe(before);
  expect(platform.creates).toBe(1);
});

test("credentials of a namespace's own can be forbidden", async () => {
  const platform = await Platform.open(own(), { operator: { allowOwnCredentials: false } });
  const shop = await platform.tenant("shop");
  await platform.apply(shop, { projectId: PRODUCTION, credentialsRef: { name: "atlas-api" } });
  expect(await platform.until("False OwnCredentialsForbidden", shop)).toContain("set spec.projectRef instead");
  expect(platform.atlas.log.count()).toBe(0);
});

test("customer-managed X.509 that is on blocks, and the resource goes on by itself once it is off", async () => {
  const platform = await Platform.open(own());
  const shop = await platform.tenant("shop");
  platform.atlas.setCustomerManagedX509(PRODUCTION, "-----BEGIN CERTIFICATE-----");
  await platform.project([{ namespaces: [shop], usernames: ["orders-*"] }]);
  await platform.apply(shop);
  expect(await platform.until("False CustomerManagedX509On", shop)).toContain("AtlasProjectX509 production");
  platform.atlas.setCustomerManagedX509(PRODUCTION, undefined);
  await platform.until("True Issued", shop);
});

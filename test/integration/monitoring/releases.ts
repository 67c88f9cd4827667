import { MINUTE_MS } from "../../../src/clock.ts";
import { run } from "../operator/pods.ts";
import { credentialEntries, PRODUCTION, RENEW_REQUEST, Scene } from "../operator/scene.ts";

/** Two releases at work, with everything that an alert is about: what monitoring is tried with. */
export interface TroubledReleases {
  readonly shop: Scene;
  readonly billing: Scene;
}

/** A resource whose user is named like it, issued. */
async function issued(scene: Scene, name: string, spec: Parameters<Scene["apply"]>[1] = {}): Promise<void> {
  scene.atlas.addUser(PRODUCTION, name);
  await scene.apply(name, { username: name, ...spec });
  await scene.untilIssued(name);
}

function requestRenewal(scene: Scene, name: string): Promise<void> {
  return scene.patch(name, { metadata: { annotations: { [RENEW_REQUEST]: "now" } } });
}

/** An app that started before a renewal, and a workload to restart that does not exist. */
async function renewedUnderPods(scene: Scene): Promise<void> {
  await issued(scene, "reports", { rolloutRestart: [{ kind: "Deployment", name: "missing" }] });
  const { serialNumber } = (await scene.get("reports")).status;
  await run(scene, "reports", Date.now() - MINUTE_MS, {
    container: { volumeMounts: [{ name: "certificate", mountPath: "/etc/mongodb" }] },
    spec: { volumes: [{ name: "certificate", secret: { secretName: "reports-mongodb" } }] },
  });
  await requestRenewal(scene, "reports");
  await scene.untilIssued("reports", serialNumber);
  await scene.until("one outdated pod", ({ status }) => status.consumers?.outdated === 1, { name: "reports" });
}

/** Its credentials may read only: the renewal that was asked for is refused, and the certificate is good. */
async function refusedWhileReady(scene: Scene, name: string): Promise<void> {
  await issued(scene, name);
  await scene.patch(name, { spec: { credentialsRef: { name: "read-only" } } });
  await requestRenewal(scene, name);
  await scene.untilReason("RoleMissing", name);
}

/** The password of its keystore is missing: the PEM files are there, so it is Ready and no attempt has failed. */
async function withoutKeystore(scene: Scene, name: string): Promise<void> {
  scene.atlas.addUser(PRODUCTION, name);
  const passwordSecretRef = { name: "missing", key: "password" };
  await scene.apply(name, { username: name, keystores: { pkcs12: { passwordSecretRef } } });
  await scene.untilReason("KeystorePasswordMissing", name);
}

async function suspend(scene: Scene, name: string): Promise<void> {
  await scene.patch(name, { spec: { suspend: true } });
  await scene.untilReason("Suspended", name);
}

async function orphaned(scene: Scene): Promise<void> {
  scene.atlas.addUser(PRODUCTION, "orphaned");
  scene.atlas.faults.add({ operation: "createDatabaseUserCertificate", effect: { kind: "cutAnswer" } });
  await scene.apply("orphaned", { username: "orphaned" });
  await scene.untilIssued("orphaned");
}

async function spent(scene: Scene): Promise<void> {
  await issued(scene, "spent");
  await requestRenewal(scene, "spent");
  await scene.untilReason("IssuanceBudgetSpent", "spent");
}

async function rejected(scene: Scene, name: string): Promise<void> {
  await scene.apply(name, { credentialsRef: { name: "wrong" } });
  await scene.untilReason("CredentialsRejected", name);
}

export async function troubledReleases(): Promise<TroubledReleases> {
  const shop = await Scene.open();
  const billing = await Scene.open({ policy: { maxIssuesPerDay: 1 } });
  await shop.putSecret("read-only", credentialEntries(shop.credentials("read-only-service-account")));
  await billing.putSecret("wrong", { clientId: "mdb_sa_id_0000000000000000000000ff", clientSecret: "wrong" });
  // The fault is for the next create.
  await orphaned(shop);
  await Promise.all([
    ...[issued(shop, "healthy"), renewedUnderPods(shop), refusedWhileReady(shop, "refused")],
    withoutKeystore(shop, "keystore"),
    issued(shop, "suspended").then(() => suspend(shop, "suspended")),
    refusedWhileReady(shop, "refused-suspended").then(() => suspend(shop, "refused-suspended")),
    ...[spent(billing), rejected(billing, "rejected")],
    rejected(billing, "rejected-suspended").then(() => suspend(billing, "rejected-suspended")),
  ]);
  return { shop, billing };
}

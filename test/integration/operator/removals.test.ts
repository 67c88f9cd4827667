import { expect, test } from "vitest";
import { systemClock } from "../../../src/clock.ts";
import type { OperatorOptions } from "../../../src/command/operator.ts";
import { ownControlPlane } from "../faults/own-control-plane.ts";
import { Platform } from "./platform.ts";
import { Removals } from "./removals.ts";
import { aWhile, PRODUCTION } from "./scene.ts";
import { refusedRights } from "./shipped-roles.ts";

/** AtlasCustomerX509Removal and the status of AtlasProjectX509, on a real API server, with the rights that are shipped. */

const own = ownControlPlane();

test("customer-managed X.509 blocks, is removed by the command of the project's status, and issuing goes on", async () => {
  const platform = await Platform.open(own());
  const removals = new Removals(platform);
  const shop = await platform.tenant("shop");
  removals.switchOn();
  // By itself, the resource would come back in ten minutes.
  const effect = {
    kind: "status",
    status: 400,
    errorCode: "CANNOT_GENERATE_CERT_IF_ADVANCED_X509",
    retryAfter: "600",
  } as const;
  platform.atlas.faults.add({ operation: "createDatabaseUserCertificate", effect });
  await platform.project([{ namespaces: [shop], usernames: ["orders-*"] }]);
  await platform.apply(shop);
  await platform.until("False CustomerManagedX509On", shop);
  const project = await removals.untilProject("False CustomerManagedX509On");
  expect(project.status.customerManagedX509).toMatchObject({
    enabled: true,
    certificateAuthorities: [{ fingerprint: removals.fingerprint, subject: "CN=Root" }],
  });
  const name = await removals.createFrom(project);
  const done = await removals.until(name, "Complete Removed");
  expect(done.status).toMatchObject({ projectId: PRODUCTION, observedGeneration: 1 });
  expect(removals.calls).toBe(1);
  await removals.untilProject("True Reachable");
  await platform.until("True Issued", shop);
  await expect.poll(() => removals.reasons(name)).toEqual(["Removed", "Requested"]);
  expect(refusedRights(platform.log)).toEqual([]);
});

test("a request does nothing to other authorities, and never acts later", async () => {
  const { removals } = await prepare();
  const name = await removals.create({ certificateAuthorities: [`sha256:${"0".repeat(64)}`] });
  const failed = await removals.until(name, "Failed CertificateAuthoritiesDiffer");
  expect(failed.status).not.toHaveProperty("requestedAt");
  await aWhile();
  expect(removals.calls).toBe(0);
});

test("a request that expires while its project does not exist never acts", async () => {
  const platform = await Platform.open(own());
  const removals = new Removals(platform);
  removals.switchOn();
  const name = await removals.create({ notAfter: new Date(Date.now() + 3000).toISOString() });
  await removals.until(name, "Stalled ProjectMissing");
  await removals.until(name, "Failed Expired");
  await platform.project([]);
  await aWhile();
  expect(removals.calls).toBe(0);
});

test("a request whose notAfter is too late does nothing", async () => {
  const { removals } = await prepare();
  const name = await removals.create({ notAfter: new Date(Date.now() + 25 * 3_600_000).toISOString() });
  await removals.until(name, "Failed NotAfterTooLate");
  expect(removals.calls).toBe(0);
});

test("a copy acts only if exactly these authorities are set again, and a finished object never does", async () => {
  const { removals } = await prepare();
  const first = await removals.create();
  await removals.until(first, "Complete Removed");
  const copy = await removals.create();
  await removals.until(copy, "Complete AlreadyOff");
  expect(removals.calls).toBe(1);
  removals.switchOn();
  await removals.touch(first);
  await removals.touch(copy);
  await aWhile();
  expect(removals.calls).toBe(1);
  const second = await removals.create();
  await removals.until(second, "Complete Removed");
  expect(removals.calls).toBe(2);
});

test("a lost answer is followed by reading, never by a second call", async () => {
  const { platform, removals } = await prepare();
  platform.atlas.faults.add({ operation: "disableCustomerManagedX509", effect: { kind: "resetAfterwards" } });
  const name = await removals.create();
  await removals.until(name, "Complete Removed");
  expect(removals.calls).toBe(1);
});

test("a request that Atlas refuses fails for good", async () => {
  const { platform, removals } = await prepare();
  const effect = { kind: "status", status: 403, errorCode: "USER_UNAUTHORIZED" } as const;
  platform.atlas.faults.add({ operation: "disableCustomerManagedX509", effect });
  const name = await removals.create();
  await removals.until(name, "Failed RoleMissing");
  await aWhile();
  expect(removals.calls).toBe(1);
});

test("of two operators without an election, one makes the call", async () => {
  const { platform, removals } = await prepare({ lease: undefined });
  await platform.startAnother({ lease: undefined });
  for (let round = 1; round <= 5; round++) {
    removals.switchOn();
    const name = await removals.create();
    await removals.until(name, "Complete Removed");
    expect(removals.calls).toBe(round);
  }
});

test("a project that an older one rules is claimed twice, and serves no request", async () => {
  const { platform, removals } = await prepare();
  await systemClock.sleep(1100);
  await platform.project([], "second");
  await removals.untilProject("False ProjectClaimedTwice", "second");
  const name = await removals.create({ projectRef: { name: "second" } });
  await removals.until(name, "Stalled ProjectClaimedTwice");
  expect(removals.calls).toBe(0);
});

test("the status of a project at rest is not written", async () => {
  const platform = await Platform.open(own());
  const removals = new Removals(platform);
  await platform.project([]);
  const { resourceVersion } = await removals.untilProject("True Reachable");
  await aWhile(4000);
  expect((await removals.project()).resourceVersion).toBe(resourceVersion);
});

async function prepare(operator: Partial<OperatorOptions> = {}) {
  const platform = await Platform.open(own(), { operator });
  const removals = new Removals(platform);
  removals.switchOn();
  await platform.project([]);
  await removals.untilProject("False CustomerManagedX509On");
  return { platform, removals };
}

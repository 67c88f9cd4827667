import { expect } from "vitest";
import type { UserCertificate } from "../../../src/api/parse-user-certificate.ts";
import { condition, PRODUCTION, type Scene } from "../operator/scene.ts";
import { noteRecovery } from "./recoveries.ts";

/** How much was spent at Atlas, and how much of it for nothing. */
export interface Spent {
  readonly certificates: number;
  readonly orphans: number;
}

export interface RecoveryOptions {
  /** Of the resource. @default "orders-api" */
  readonly name?: string;
  /** When the fault ended, by `performance.now()`. @default now */
  readonly since?: number;
}

/**
 * Waits until a resource has recovered from a fault, and compares what that cost with what it may have cost: certificates
 * at Atlas, orphans among them, each of which an Event announces.
 */
export async function expectRecovered(
  scene: Scene,
  spent: Spent,
  { name = "orders-api", since = performance.now() }: RecoveryOptions = {},
): Promise<UserCertificate> {
  const resource = await scene.until(
    "recovered",
    (each) =>
      condition(each, "Ready")?.status === "True" &&
      condition(each, "Ready")?.reason === "Issued" &&
      each.status.issuance === undefined &&
      each.status.recentIssuances?.some(({ serialNumber }) => serialNumber === each.status.serialNumber) === true,
    { name, timeoutMs: 40_000 },
  );
  const readyMs = performance.now() - since;
  const issued = scene.atlas.certificates(PRODUCTION, resource.spec.username).map(({ serialNumber }) => serialNumber);
  const held = BigInt(`0x${(await scene.certificate(resource.spec.secretName)).serialNumber}`).toString();
  expect(issued.length, "certificates at Atlas").toBe(spent.certificates);
  expect(resource.status.serialNumber, "the status tells of what the Secret holds").toBe(held);
  expect(issued).toContain(held);
  expect(resource.status.unaccounted?.length ?? 0, "certificates that nobody accounts for").toBe(spent.orphans);
  await expect
    .poll(() => orphansTold(scene), { timeout: 5_000, message: "Events that tell of orphans" })
    .toBe(spent.orphans);
  noteRecovery({ creates: scene.creates, orphansTold: await orphansTold(scene), readyMs });
  return resource;
}

export async function orphansTold(scene: Scene): Promise<number> {
  return (await scene.events()).filter(({ reason }) => reason === "CertificateOrphaned").length;
}

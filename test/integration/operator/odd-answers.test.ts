import { expect, test } from "vitest";
import type { UserCertificate } from "../../../src/api/parse-user-certificate.ts";
import type { Fault } from "../../../src/simulator/faults.ts";
import { condition, credentialEntries, PRODUCTION, Scene, STAGING } from "./scene.ts";

/** Answers that Atlas' specification allows and that no trial of a day would show: none of them stops a renewal. */

/** Three months are 6 s: renewed after 4 s each time, so that old certificates expire while the test runs. */
const MONTH_MS = 2000;
const RENEWALS = 4;

const ODD_LISTS: readonly (readonly [string, Fault["effect"]])[] = [
  ["the count of a list takes in the certificates that have expired", { kind: "countsExpired" }],
  [
    "a list has none of the fields that it may leave out, and other times",
    {
      kind: "sparseList",
      without: ["subject", "createdAt", "groupId", "totalCount"],
      asNull: ["links"],
      times: "+0000",
    },
  ],
];

test.each(ODD_LISTS)("keeps renewing for months while %s", async (_, effect) => {
  const scene = await Scene.open({ simulator: { monthMs: MONTH_MS } });
  scene.atlas.faults.add({ operation: "listDatabaseUserCertificates", times: "always", effect });
  await scene.apply();
  const first = await scene.untilIssued();

  const seen: UserCertificate[] = [];
  await scene.until(
    `renewed ${RENEWALS} times`,
    (resource) => {
      seen.push(resource);
      return resource.status.revision === 1 + RENEWALS;
    },
    { timeoutMs: 60_000 },
  );
  expect(Date.parse(first.status.notAfter ?? "")).toBeLessThan(Date.now());
  const ready = seen.map((resource) => condition(resource, "Ready"));
  expect(new Set(ready.map((each) => each?.status))).toEqual(new Set(["True"]));
  expect(ready.map((each) => each?.reason)).not.toContain("AtlasUnavailable");
});

test("a tenant whose token endpoint is rate limited does not hold up one with other credentials", async () => {
  const scene = await Scene.prepare();
  scene.atlas.setRole("read-only-service-account", "GROUP_OWNER");
  await scene.putSecret("atlas-of-billing", credentialEntries(scene.credentials("read-only-service-account")));
  scene.atlas.faults.add({
    operation: "createAccessToken",
    credentialsId: "owner-service-account",
    times: "always",
    effect: { kind: "status", status: 429, retryAfter: "30" },
  });
  await scene.startOperator({ workers: 2 });
  const limited = Array.from({ length: 6 }, (_, index) => `orders-${index}`);
  for (const name of limited) await scene.apply(name, { projectId: PRODUCTION });
  await expect.poll(() => scene.atlas.log.count("createAccessToken"), { timeout: 20_000 }).toBeGreaterThan(0);

  await scene.apply("billing", { projectId: STAGING, credentialsRef: { name: "atlas-of-billing" } });
  await scene.until("issued", (resource) => condition(resource, "Ready")?.status === "True", {
    name: "billing",
    timeoutMs: 10_000,
  });
  for (const name of limited) await scene.untilReason("RateLimited", name);
});

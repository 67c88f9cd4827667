import { describe, expect, test } from "vitest";
import { parseUserCertificate } from "../api/parse-user-certificate.ts";
import type { UserCertificateStatus } from "../api/user-certificate-status.ts";
import {
  failure,
  reconciled,
  resource,
  SETTLED_STATUS,
  settled,
  statusAfter,
} from "../controllers/user-certificate/testing/snapshots.ts";
import { standingOf } from "./resources.ts";
import { statusOfAll } from "./status-table.ts";
import { statusOfOne } from "./status-tree.ts";
import { object, PAGE, TestCluster } from "./testing/test-cluster.ts";

/** The status after a reconcile of a resource whose certificate is good. */
function after(change: Parameters<typeof settled>[0]): UserCertificateStatus {
  return statusAfter(reconciled(settled(change)));
}

const KEYSTORE = { pkcs12: { passwordSecretRef: { name: "keystore", key: "password" } } };

/** Problems of a resource whose certificate is good. None of them leaves an attempt. */
const PERSONS_PROBLEMS: readonly (readonly [reason: string, status: UserCertificateStatus, remedy: string])[] = [
  [
    "CredentialsMissing",
    after({ credentials: { kind: "unusable", version: undefined, problem: "Secret atlas-api does not exist." } }),
    "Create it",
  ],
  ["NotGranted", after({ project: { kind: "refused", refusal: { because: "notNamed" } } }), "Ask the platform team"],
  [
    "KeystorePasswordMissing",
    after({
      resource: resource({ spec: { keystores: KEYSTORE }, status: SETTLED_STATUS }),
      keystorePassword: { kind: "unusable", problem: "Secret keystore does not exist." },
    }),
    "Put the password into the Secret",
  ],
];

describe.each(PERSONS_PROBLEMS)("a good certificate with the problem %s", (_, status, remedy) => {
  const cluster = () => new TestCluster(object("orders-api", {}, status));

  test("is not fine in the table, which says the remedy once", async () => {
    const report = await statusOfAll(cluster());
    const text = report.lines(PAGE).join("\n");
    expect([report.exitCode, text]).toEqual([3, expect.stringContaining("0 fine, 1 to look at.")]);
    expect(text.replaceAll(/\s+/g, " ").split(remedy)).toHaveLength(2);
  });

  test("has a next step", async () => {
    const report = await statusOfOne(cluster(), "orders-api");
    const text = report.lines(PAGE).join("\n").replaceAll(/\s+/g, " ");
    expect([report.exitCode, text]).toEqual([
      3,
      expect.stringContaining("Next step Action is required: see the message"),
    ]);
    expect(text.split(remedy)).toHaveLength(2);
  });
});

test("an attempt that fails for now needs no person", () => {
  const status = statusAfter(reconciled(settled({ secret: { kind: "absent" } }), failure("AtlasUnavailable")));
  const resource = parseUserCertificate({
    ...object("orders-api", {}, status),
    metadata: { ...object().metadata, resourceVersion: "1", generation: 1, creationTimestamp: "2030-01-01T00:00:00Z" },
  });
  expect(standingOf(resource)).toMatchObject({ ready: "False", reason: "AtlasUnavailable", action: undefined });
});

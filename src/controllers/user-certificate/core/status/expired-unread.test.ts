import { expect, test } from "vitest";
import type { UserCertificateStatus } from "../../../../api/user-certificate.ts";
import { nextStatus } from "./next-status.ts";
import { kubeError } from "../../testing/memory-cluster.ts";
import { FACTS, issuance, POLICY, resource, SETTLED_STATUS } from "../../testing/snapshots.ts";
import { expiredUnseen } from "./expired-unread.ts";

const EXPIRY_MS = FACTS.notAfter.getTime();

function reported(status: UserCertificateStatus, obstacle: unknown = kubeError("Forbidden"), nowMs = EXPIRY_MS) {
  const round = expiredUnseen(resource({ status }), obstacle, { policy: POLICY, nowMs });
  return round && nextStatus(round);
}

test("reports the expiry in the moment it comes, and not before", () => {
  expect(reported(SETTLED_STATUS, kubeError("Forbidden"), EXPIRY_MS - 1)).toBeUndefined();
  expect(reported(SETTLED_STATUS)?.conditions?.map(({ status, reason }) => `${status} ${reason}`)).toEqual([
    "False Expired",
    "False Expired",
    "True Expired",
  ]);
});

test("leaves the rest of the status as it is, the record of an open attempt too", () => {
  const before = { ...SETTLED_STATUS, issuance: issuance({ knownSerials: [FACTS.serialNumber] }) };
  expect({ ...reported(before), conditions: [] }).toEqual({ ...before, conditions: [] });
});

test("has nothing to say of a resource that is not Ready, or whose certificate is not known", () => {
  const { notAfter, ...withoutExpiry } = SETTLED_STATUS;
  const notReady = SETTLED_STATUS.conditions?.map((condition) => ({ ...condition, status: "False" as const }));
  expect(reported({ ...SETTLED_STATUS, ...(notReady && { conditions: notReady }) })).toBeUndefined();
  expect(reported(withoutExpiry)).toBeUndefined();
  expect(reported({})).toBeUndefined();
});

test("quotes the API server, and no error of another kind", () => {
  expect(reported(SETTLED_STATUS, kubeError("Unavailable", "etcd is away"))?.conditions?.[0]?.message).toContain(
    "etcd is away",
  );
  const defect = reported(SETTLED_STATUS, new TypeError("-----BEGIN PRIVATE KEY-----"))?.conditions?.[0]?.message;
  expect(defect).toContain("can't be looked at (the operator's log says why)");
});

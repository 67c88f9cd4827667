import type { BlockedReason } from "../../../api/reasons.ts";
import type { UserCertificateStatus } from "../../../api/user-certificate-status.ts";
import { DAY_MS } from "../../../clock.ts";
import type { Outcome } from "../core/model/decision.ts";
import type { Snapshot } from "../core/model/snapshot.ts";
import {
  ABSENT,
  blocker,
  certificate,
  failure,
  issuance,
  listed,
  NOW,
  RENEWAL_MS,
  reconciled,
  settled,
  statusAfter,
} from "./snapshots.ts";

/** Snapshots and outcomes that the tests of the status and its conditions have in common. */

export function statusOf(snapshot: Snapshot, outcome?: Outcome, nowMs?: number): UserCertificateStatus {
  return statusAfter(reconciled(snapshot, outcome, nowMs));
}

/** The Secret is missing, and Atlas lists its certificate. */
export function missing(change: Parameters<typeof settled>[0] = {}): Snapshot {
  return settled({ secret: ABSENT, atlas: listed("1001"), ...change });
}

/** A failure that a person has to fix. */
export function person(reason: BlockedReason): Outcome {
  return failure(reason, { blocker: blocker(reason, { needsPerson: true, remedy: `Fix ${reason}.` }) });
}

/** The fields that describe a proven certificate. */
export function provenFields(of: UserCertificateStatus) {
  return PROVEN.map((field) => of[field]);
}

const PROVEN = [
  "secretName",
  "serialNumber",
  "fingerprint",
  "notBefore",
  "notAfter",
  "renewalTime",
  "lastVerifiedTime",
] as const;

export const expired = certificate("1001", { notAfter: new Date(NOW - DAY_MS) });
/** An attempt that knew the certificate in the Secret. */
export const open = issuance({ knownSerials: ["1001"] });
export const overdue = settled({ atlas: listed("1001"), nowMs: RENEWAL_MS + 1500 });
export const recorded: Outcome = { kind: "recorded", attempt: issuance() };
export const renewing = settled({ renewRequest: "a", atlas: listed("1001") });

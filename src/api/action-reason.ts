import { findCondition } from "./conditions.ts";
import { BLOCKED_REASONS, type BlockedReason, ISSUE_REASONS, RESTART_REASONS } from "./reasons.ts";
import type { UserCertificateStatus } from "./user-certificate-status.ts";

const KNOWN_REASONS: ReadonlySet<string> = new Set([
  "Issued",
  "Expired",
  ...BLOCKED_REASONS,
  ...ISSUE_REASONS,
  ...RESTART_REASONS,
]);

/** Reasons that need a person and come of no attempt, which would say so itself. */
const PERSONS_REASONS: ReadonlySet<string> = new Set<BlockedReason>([
  "SecretForeign",
  "SecretClaimedTwice",
  "SecretContended",
  "CredentialsMissing",
  "OwnCredentialsForbidden",
  "NotGranted",
  "UsernameTaken",
  "TooManyUnexpired",
  "TooManyParked",
  "KeystorePasswordMissing",
]);

/** A status can be written by others too: what stands there gets into a label only if it is a word of ours. */
export function knownReason(reason: string | undefined, otherwise: string): string {
  return reason !== undefined && KNOWN_REASONS.has(reason) ? reason : otherwise;
}

/** Why a person has to act, even while the resource is still Ready; undefined if no one has to. */
export function actionReason(status: UserCertificateStatus): string | undefined {
  const stalled = findCondition(status, "Stalled");
  if (stalled?.status === "True") return knownReason(stalled.reason, "Other");
  const { lastAttempt } = status;
  if (lastAttempt?.needsPerson === true) return knownReason(lastAttempt.reason, "Other");
  const reason = findCondition(status, "Ready")?.reason ?? "";
  return PERSONS_REASONS.has(reason) ? reason : undefined;
}

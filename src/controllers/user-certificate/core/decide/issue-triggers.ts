import { describeDuration } from "../../../../api/duration.ts";
import type { IssueReason } from "../../../../api/reasons.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { heldCertificate, identityChange, isDisproved, isForged, renewalDueMs, replacement, unlisted } from "./held.ts";
import { history, renewRequested } from "./history.ts";

type Trigger = (snapshot: Snapshot) => string | undefined;

/** Why a new certificate is issued: the first that applies. Each check says in a sentence what is wrong, or nothing. */
export const ISSUE_TRIGGERS: readonly (readonly [IssueReason, Trigger])[] = [
  ["SecretMissing", secretMissing],
  ["SecretDataMissing", (snapshot) => damage(snapshot, "missing")],
  ["PemUndecodable", (snapshot) => damage(snapshot, "undecodable")],
  ["KeyMismatch", (snapshot) => damage(snapshot, "mismatch") ?? replacedUnderItsSerial(snapshot)],
  ["SecretReverted", secretReverted],
  ["IdentityChanged", identityChanged],
  ["RenewRequested", renewalRequested],
  ["NearingExpiry", nearingExpiry],
  ["NotListedByAtlas", notListedByAtlas],
];

/** The reasons that say that someone else deleted the Secret or changed its data. */
export const DAMAGE_REASONS: ReadonlySet<string> = new Set<IssueReason>([
  "SecretMissing",
  "SecretDataMissing",
  "PemUndecodable",
  "KeyMismatch",
  "SecretReverted",
]);

function secretMissing({ secret, resource }: Snapshot): string | undefined {
  return secret.kind === "absent" ? `Secret ${resource.spec.secretName} does not exist.` : undefined;
}

function damage({ secret, resource }: Snapshot, kind: "missing" | "undecodable" | "mismatch"): string | undefined {
  if (secret.kind !== "managed" || secret.content.kind !== kind) return undefined;
  return `Secret ${resource.spec.secretName} is unusable: ${secret.content.problem}.`;
}

function replacedUnderItsSerial(snapshot: Snapshot): string | undefined {
  const { spec, status } = snapshot.resource;
  const held = heldCertificate(snapshot);
  if (held === undefined || !isForged(status, held)) return undefined;
  return `Secret ${spec.secretName} holds a certificate with serial number ${held.serialNumber} that Atlas did not issue.`;
}

/** A writer that keeps restoring an old Secret would cost a certificate each time, like one that damages the data. */
function secretReverted(snapshot: Snapshot): string | undefined {
  const newer = replacement(snapshot, history(snapshot));
  const problem = identityChanged(snapshot) ?? nearingExpiry(snapshot) ?? notListedByAtlas(snapshot);
  if (newer === undefined || problem === undefined) return undefined;
  return `Secret ${snapshot.resource.spec.secretName} was reverted to an older certificate that ${newer} had already replaced.`;
}

export function identityChanged(snapshot: Snapshot): string | undefined {
  const before = identityChange(snapshot);
  if (before === undefined) return undefined;
  const { projectId, secretName, username } = snapshot.resource.spec;
  return `Secret ${secretName} holds a certificate for ${before}, but the spec asks for user ${username} in project ${projectId ?? ""}.`;
}

function renewalRequested(snapshot: Snapshot): string | undefined {
  return renewRequested(snapshot) ? `A renewal was requested (${snapshot.resource.renewRequest}).` : undefined;
}

function nearingExpiry(snapshot: Snapshot): string | undefined {
  const held = heldCertificate(snapshot);
  if (held === undefined || snapshot.nowMs < renewalDueMs(snapshot, held)) return undefined;
  const leftMs = held.notAfter.getTime() - snapshot.nowMs;
  return leftMs > 0
    ? `Certificate ${held.serialNumber} expires in ${describeDuration(leftMs)}.`
    : `Certificate ${held.serialNumber} has expired.`;
}

function notListedByAtlas(snapshot: Snapshot): string | undefined {
  const held = heldCertificate(snapshot);
  if (held === undefined || !isDisproved(snapshot, unlisted(snapshot, held))) return undefined;
  return `Atlas no longer lists certificate ${held.serialNumber}.`;
}

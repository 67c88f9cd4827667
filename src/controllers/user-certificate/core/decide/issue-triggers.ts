import { describeDuration } from "../../../../api/duration.ts";
import type { IssueReason } from "../../../../api/reasons.ts";
import type { Situation } from "../model/situation.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { isDisproved, isForged, replacement } from "./held.ts";
import { renewRequested } from "./history.ts";

type Trigger = (situation: Situation) => string | undefined;

/** Why a new certificate is issued: the first that applies. Each check says in a sentence what is wrong, or nothing. */
export const ISSUE_TRIGGERS: readonly (readonly [IssueReason, Trigger])[] = [
  ["SecretMissing", secretMissing],
  ["SecretDataMissing", (situation) => damage(situation, "missing")],
  ["PemUndecodable", (situation) => damage(situation, "undecodable")],
  ["KeyMismatch", (situation) => damage(situation, "mismatch") ?? replacedUnderItsSerial(situation)],
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

export function secretMissing({ secret, resource }: Snapshot): string | undefined {
  return secret.kind === "absent" ? `Secret ${resource.spec.secretName} does not exist.` : undefined;
}

function damage({ secret, resource }: Snapshot, kind: "missing" | "undecodable" | "mismatch"): string | undefined {
  if (secret.kind !== "managed" || secret.content.kind !== kind) return undefined;
  return `Secret ${resource.spec.secretName} is unusable: ${secret.content.problem}.`;
}

function replacedUnderItsSerial({ held, resource }: Situation): string | undefined {
  const { spec, status } = resource;
  if (held === undefined || !isForged(status, held)) return undefined;
  return `Secret ${spec.secretName} holds a certificate with serial number ${held.serialNumber} that Atlas did not issue.`;
}

/** A writer that keeps restoring an old Secret would cost a certificate each time, like one that damages the data. */
function secretReverted(situation: Situation): string | undefined {
  const newer = replacement(situation);
  const problem = identityChanged(situation) ?? nearingExpiry(situation) ?? notListedByAtlas(situation);
  if (newer === undefined || problem === undefined) return undefined;
  return `Secret ${situation.resource.spec.secretName} was reverted to an older certificate that ${newer} had already replaced.`;
}

export function identityChanged({ identityChange, resource }: Situation): string | undefined {
  if (identityChange === undefined) return undefined;
  const { projectId, secretName, username } = resource.spec;
  return `Secret ${secretName} holds a certificate for ${identityChange}, but the spec asks for user ${username} in project ${projectId ?? ""}.`;
}

function renewalRequested(situation: Situation): string | undefined {
  return renewRequested(situation) ? `A renewal was requested (${situation.resource.renewRequest}).` : undefined;
}

function nearingExpiry({ held, nowMs, renewalDueMs }: Situation): string | undefined {
  if (held === undefined || nowMs < renewalDueMs) return undefined;
  const leftMs = held.notAfter.getTime() - nowMs;
  return leftMs > 0
    ? `Certificate ${held.serialNumber} expires in ${describeDuration(leftMs)}.`
    : `Certificate ${held.serialNumber} has expired.`;
}

export function notListedByAtlas(situation: Situation): string | undefined {
  const { doubt, held } = situation;
  if (held === undefined || !isDisproved(situation, doubt)) return undefined;
  return `Atlas no longer lists certificate ${held.serialNumber}.`;
}

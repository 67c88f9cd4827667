import { describeDuration } from "../../api/duration.ts";
import type { IssueReason } from "../../api/reasons.ts";
import {
  heldCertificate,
  identityChange,
  listedByAtlas,
  renewalDueMs,
  renewRequested,
  replacement,
  secondListDueMs,
} from "./facts.ts";
import type { Observed } from "./observed.ts";

type Check = (observed: Observed, nowMs: number) => string | undefined;

/**
 * Why a new certificate is issued: the first that applies. Each check says in a sentence what it saw, or nothing.
 */
export const ISSUE_CHECKS: readonly (readonly [IssueReason, Check])[] = [
  ["SecretMissing", secretMissing],
  ["SecretDataMissing", secretDataMissing],
  ["PemUndecodable", pemUndecodable],
  ["KeyMismatch", keyMismatch],
  ["SecretReverted", secretReverted],
  ["IdentityChanged", identityChanged],
  ["RenewRequested", renewalRequested],
  ["NearingExpiry", nearingExpiry],
  ["NotListedByAtlas", notListedByAtlas],
];

/** The reasons that say that somebody else changed the Secret's data. */
export const DAMAGE_REASONS: ReadonlySet<string> = new Set<IssueReason>([
  "SecretDataMissing",
  "PemUndecodable",
  "KeyMismatch",
  "SecretReverted",
]);

function secretMissing({ secret, resource }: Observed): string | undefined {
  return secret.kind === "absent" ? `There is no Secret ${resource.spec.secretName}.` : undefined;
}

function secretDataMissing(observed: Observed): string | undefined {
  return damage(observed, "missing");
}

function pemUndecodable(observed: Observed): string | undefined {
  return damage(observed, "undecodable");
}

function keyMismatch(observed: Observed): string | undefined {
  return damage(observed, "mismatch");
}

function damage({ secret, resource }: Observed, kind: "missing" | "undecodable" | "mismatch"): string | undefined {
  if (secret.kind !== "managed" || secret.content.kind !== kind) return undefined;
  return `Secret ${resource.spec.secretName} is of no use: ${secret.content.problem}.`;
}

/** A writer that puts an old Secret back would get a new certificate each time, as one that spoils the data would. */
function secretReverted(observed: Observed, nowMs: number): string | undefined {
  const newer = replacement(observed, nowMs);
  const problem = identityChanged(observed) ?? nearingExpiry(observed, nowMs) ?? notListedByAtlas(observed, nowMs);
  if (newer === undefined || problem === undefined) return undefined;
  return `Somebody put back the certificate that ${newer} had replaced. ${problem}`;
}

function identityChanged(observed: Observed): string | undefined {
  const before = identityChange(observed);
  const { projectId, username } = observed.resource.spec;
  return before && `The Secret was issued for ${before}; wanted is user ${username} of project ${projectId}.`;
}

function renewalRequested(observed: Observed): string | undefined {
  return renewRequested(observed) ? `Renewal was requested (${observed.resource.renewRequest}).` : undefined;
}

function nearingExpiry(observed: Observed, nowMs: number): string | undefined {
  const held = heldCertificate(observed);
  const dueMs = renewalDueMs(observed);
  if (held === undefined || dueMs === undefined || nowMs < dueMs) return undefined;
  const leftMs = held.notAfter.getTime() - nowMs;
  return leftMs > 0
    ? `Certificate ${held.serialNumber} expires in ${describeDuration(leftMs)}.`
    : `Certificate ${held.serialNumber} has expired.`;
}

/** One list may be wrong, and what is issued because of it can't be taken back: a second one has to agree. */
function notListedByAtlas(observed: Observed, nowMs: number): string | undefined {
  const held = heldCertificate(observed);
  if (held === undefined || listedByAtlas(observed, held.serialNumber) !== false) return undefined;
  const dueMs = secondListDueMs(observed, nowMs);
  if (dueMs === undefined || nowMs < dueMs) return undefined;
  return `Atlas no longer lists certificate ${held.serialNumber}.`;
}

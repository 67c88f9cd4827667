import { RENEW_REQUEST_ANNOTATION } from "../../../../api/names.ts";
import { BLOCKED_REASONS, type IssueReason } from "../../../../api/reasons.ts";
import { timestamp } from "../../../../api/timestamp.ts";
import type { CertificateFacts } from "../../../../certificate/certificate-facts.ts";
import { DAY_MS, HOUR_MS } from "../../../../clock.ts";
import type { Blocker } from "../model/blocker.ts";
import { credentialsPlace } from "../model/credentials-secret.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { grantsUnverified, notGranted, ownCredentialsForbidden, usernameTaken } from "./grant-blockers.ts";
import {
  applicableAttempt,
  backoffEndMs,
  heldCertificate,
  identityChange,
  isWithin,
  renewalDueMs,
  unlisted,
} from "./held.ts";
import { history, isParkedElsewhere, renewRequested } from "./history.ts";
import { DAMAGE_REASONS } from "./issue-triggers.ts";
import { exemptFromMs, isExempt, usage } from "./usage.ts";

type Check = (snapshot: Snapshot) => Blocker | undefined;
type IssueCheck = (snapshot: Snapshot, reason: IssueReason) => Blocker | undefined;

/** Reasons against every write: the first that applies is reported. */
export const BLOCKERS: readonly Check[] = [
  suspended,
  secretForeign,
  secretClaimedTwice,
  secretTerminating,
  ownCredentialsForbidden,
  notGranted,
  usernameTaken,
];

/** Reasons against issuing, once there is a reason to issue. */
export const ISSUE_BLOCKERS: readonly IssueCheck[] = [
  credentialsMissing,
  grantsUnverified,
  parkedElsewhere,
  refusedByAtlas,
  backoffRunning,
  replacedUnlisted,
  tooManyParked,
  secretContended,
  issuanceBudgetSpent,
  tooManyUnexpired,
];

/** Damaged and restored this often in a day; the next time, someone else has to end the fight. */
const MAX_DAMAGE_PER_DAY = 2;

/** Certificates of one namespace that may wait for their Secrets. */
const MAX_PARKED_IN_NAMESPACE = 3;
const PARKED_RECHECK_MS = 30_000;

/** Repairs of labels and annotations in an hour after which the operator gives way. */
const MAX_REPAIRS_PER_HOUR = 5;

function suspended({ resource }: Snapshot): Blocker | undefined {
  if (!resource.spec.suspend) return undefined;
  return {
    reason: "Suspended",
    problem: "spec.suspend is true, so the operator issues, repairs and verifies nothing.",
    remedy: "Set spec.suspend to false to resume.",
    needsPerson: false,
    retry: { kind: "onChange" },
  };
}

export function secretForeign({ secret, resource }: Pick<Snapshot, "secret" | "resource">): Blocker | undefined {
  if (secret.kind !== "foreign") return undefined;
  return {
    reason: "SecretForeign",
    problem: `Secret ${resource.spec.secretName} does not belong to the operator: ${secret.problem}.`,
    remedy: "Choose another spec.secretName, or delete that Secret if nothing needs it.",
    needsPerson: true,
    retry: { kind: "onChange" },
  };
}

export function secretClaimedTwice({
  secretHolder,
  resource,
}: Pick<Snapshot, "secretHolder" | "resource">): Blocker | undefined {
  if (secretHolder === undefined) return undefined;
  const { secretName } = resource.spec;
  const { name, movedTo } = secretHolder;
  return {
    reason: "SecretClaimedTwice",
    problem:
      movedTo === undefined
        ? `Secret ${secretName} belongs to AtlasUserCertificate ${name}.`
        : `Secret ${secretName} holds a certificate of AtlasUserCertificate ${name}, which now uses Secret ${movedTo}.`,
    remedy:
      movedTo === undefined
        ? "Choose another spec.secretName, or delete one of the two resources."
        : `Choose another spec.secretName, or delete Secret ${secretName} once no app uses it.`,
    needsPerson: true,
    retry: { kind: "onChange" },
  };
}

/** Whatever is written into it is lost with it. */
export function secretTerminating({ secret, resource }: Pick<Snapshot, "secret" | "resource">): Blocker | undefined {
  if (secret.kind === "absent" || !secret.metadata.deleting) return undefined;
  return {
    reason: "SecretTerminating",
    problem: `Secret ${resource.spec.secretName} is being deleted, and a finalizer still holds it.`,
    remedy: "The operator continues once the Secret is gone.",
    needsPerson: false,
    retry: { kind: "onChange" },
  };
}

export function credentialsMissing({ credentials, resource }: Snapshot): Blocker | undefined {
  if (credentials.kind === "usable" || credentials.kind === "withheld") return undefined;
  return {
    reason: "CredentialsMissing",
    ...(credentials.kind === "unnamed" ? UNNAMED : unusableCredentials(credentials, resource)),
    needsPerson: true,
    retry: { kind: "onChange" },
  };
}

const UNNAMED = {
  problem: "spec.projectRef and spec.credentialsRef are not set.",
  remedy:
    "Set spec.projectRef, or set spec.credentialsRef.name to a Secret in this namespace that holds clientId and clientSecret, or publicApiKey and privateApiKey.",
};

function unusableCredentials(
  { problem, version }: Extract<Snapshot["credentials"], { kind: "unusable" }>,
  { namespace, spec }: Snapshot["resource"],
) {
  if (spec.projectRef !== undefined) {
    return {
      problem: `The Atlas credentials of AtlasProjectX509 ${spec.projectRef.name} cannot be used.`,
      remedy: "The platform team can see why in its status; the operator goes on as soon as that is fixed.",
    };
  }
  const place = capitalized(credentialsPlace(spec));
  if (version !== undefined) {
    return {
      problem: `${place} cannot be used for Atlas: ${uncapitalized(problem)}`,
      remedy: "Correct that Secret; the operator picks it up at once.",
    };
  }
  const how = `kubectl create secret generic ${spec.credentialsRef?.name} --namespace ${namespace} --from-literal=clientId=… --from-literal=clientSecret=…`;
  return { problem, remedy: `Create it with "${how}"; the operator picks it up at once.` };
}

/** Stands in the way of the keystore alone. */
export function keystorePasswordMissing({ keystorePassword }: Snapshot): Blocker | undefined {
  if (keystorePassword.kind !== "unusable") return undefined;
  return {
    reason: "KeystorePasswordMissing",
    problem: `The keystore cannot be written, because its password is missing: ${keystorePassword.problem}`,
    remedy: "The operator writes it as soon as the password is there, and renews the PEM files without it.",
    needsPerson: true,
    retry: { kind: "onChange" },
  };
}

/** A second certificate would be wasted. */
function parkedElsewhere(snapshot: Snapshot): Blocker | undefined {
  const parked = snapshot.resource.status.issuance?.parked;
  if (parked?.until === undefined || !isParkedElsewhere(snapshot)) return undefined;
  return {
    reason: "CertificateParked",
    problem: `Pod ${parked.pod}, the previous leader, is still storing certificate ${parked.serialNumber}.`,
    remedy: `The operator waits for it until ${parked.until}.`,
    needsPerson: false,
    retry: { kind: "at", atMs: Date.parse(parked.until) },
  };
}

function refusedByAtlas({ atlas, attempted }: Snapshot): Blocker | undefined {
  if (atlas.kind === "refused") return atlas.blocker;
  // The outcome of the last attempt has to be known first.
  return attempted.kind === "refused" && !attempted.blocker.needsPerson ? attempted.blocker : undefined;
}

/** An earlier attempt failed and its backoff is still running: its cause stands until then, or until something changes. */
export function backoffRunning(snapshot: Snapshot): Blocker | undefined {
  const atMs = backoffEndMs(snapshot);
  return atMs === undefined ? undefined : lastFailure(snapshot, atMs);
}

/** The failure of the last attempt as it stands in the status. */
export function lastFailure(snapshot: Snapshot, atMs: number): Blocker | undefined {
  const attempt = applicableAttempt(snapshot);
  if (attempt === undefined) return undefined;
  const { message, needsPerson, notRechecked, remedy } = attempt;
  return {
    reason: BLOCKED_REASONS.find((reason) => reason === attempt.reason) ?? "AtlasUnavailable",
    problem: message,
    remedy,
    notRechecked,
    needsPerson,
    retry: { kind: "running", atMs },
  };
}

/**
 * If Atlas' lists lack the replacement too, it is the lists that are wrong, and a third one would be wasted. Nor is one
 * issued because the certificate before it was restored meanwhile.
 */
function replacedUnlisted(snapshot: Snapshot, reason: IssueReason): Blocker | undefined {
  const held = heldCertificate(snapshot);
  const doubt = held && unlisted(snapshot, held);
  if (held === undefined || doubt?.replaced !== true || !isOnlyUnlisted(snapshot, held, reason)) return undefined;
  const { username, projectId } = snapshot.resource.spec;
  return {
    reason: "NotListedByAtlas",
    problem: `Atlas has not listed certificate ${held.serialNumber} since ${timestamp(doubt.sinceMs)}, and one certificate was already replaced for that reason.`,
    remedy: `Check database user ${username} in project ${projectId ?? ""}; the operator issues no other certificate until Atlas lists this one or you set the annotation ${RENEW_REQUEST_ANNOTATION} to a new value.`,
    needsPerson: true,
    retry: { kind: "at", atMs: snapshot.nowMs + snapshot.policy.recheckIntervalMs },
  };
}

function isOnlyUnlisted(snapshot: Snapshot, held: CertificateFacts, reason: IssueReason): boolean {
  if (reason === "NotListedByAtlas") return true;
  const isOutdated = identityChange(snapshot) !== undefined || snapshot.nowMs >= renewalDueMs(snapshot, held);
  return reason === "SecretReverted" && !isOutdated;
}

/** Whatever refuses the Secrets of these will probably refuse the next one's, and its certificate could be lost. */
function tooManyParked({ parkedCounts, policy, resource, nowMs }: Snapshot): Blocker | undefined {
  const { inNamespace, inTotal } = parkedCounts;
  const isFull = inNamespace >= MAX_PARKED_IN_NAMESPACE;
  if (!isFull && inTotal < policy.maxParked) return undefined;
  const where = isFull ? `certificates in namespace ${resource.namespace}` : "certificates";
  return {
    reason: "TooManyParked",
    problem: `${isFull ? inNamespace : inTotal} ${where} have been issued but not stored yet, so the operator issues no more.`,
    remedy: "Fix what the condition Stalled of their resources reports.",
    needsPerson: true,
    retry: { kind: "at", atMs: nowMs + PARKED_RECHECK_MS },
  };
}

function secretContended(snapshot: Snapshot, reason: IssueReason): Blocker | undefined {
  const { spec, status } = snapshot.resource;
  // Another writer fights for the Secret that was named before.
  const isMoved = status.secretName !== undefined && status.secretName !== spec.secretName;
  if (!DAMAGE_REASONS.has(reason) || renewRequested(snapshot) || isMoved) return undefined;
  const times = history(snapshot)
    // A certificate that never reached the Secret says nothing about another writer.
    .filter(({ reason, replaces, lost }) => DAMAGE_REASONS.has(reason) && replaces !== undefined && lost === undefined)
    .map(({ time }) => Date.parse(time))
    .filter((time) => isWithin(DAY_MS, time, snapshot.nowMs));
  if (times.length < MAX_DAMAGE_PER_DAY) return undefined;
  return contended(snapshot, `${times.length + 1} times in 24 hours`, Math.min(...times) + DAY_MS);
}

/** The same for labels and annotations: there a repair costs no certificate, but it never ends. */
export function repairContended(snapshot: Snapshot): Blocker | undefined {
  const recent = snapshot.recentRepairs.filter((time) => isWithin(HOUR_MS, time, snapshot.nowMs));
  if (recent.length < MAX_REPAIRS_PER_HOUR) return undefined;
  return contended(snapshot, `${recent.length} times in an hour`, Math.min(...recent) + HOUR_MS);
}

function contended({ secret, resource }: Snapshot, often: string, atMs: number): Blocker {
  const { secretName } = resource.spec;
  const others = secret.kind === "managed" ? secret.metadata.otherWriters : [];
  const what =
    secret.kind === "absent"
      ? `Secret ${secretName} keeps being deleted`
      : `${others.length === 0 ? "Another writer" : others.join(", ")} ${others.length > 1 ? "keep" : "keeps"} overwriting Secret ${secretName}`;
  return {
    reason: "SecretContended",
    problem: `${what} (${often}), so the operator has stopped restoring it.`,
    remedy: `${secret.kind === "absent" ? "Find out what deletes it" : "Stop that writer"}, then set the annotation ${RENEW_REQUEST_ANNOTATION} to a new value; otherwise the operator retries at ${timestamp(atMs)}.`,
    needsPerson: true,
    retry: { kind: "at", atMs },
  };
}

function issuanceBudgetSpent(snapshot: Snapshot, reason: IssueReason): Blocker | undefined {
  const { issuedMs, maxPerDay } = usage(snapshot);
  if (issuedMs.length < maxPerDay || isExempt(snapshot, reason)) return undefined;
  // Enough of them have to be a day old.
  const roomMs = (issuedMs.toSorted((left, right) => right - left)[maxPerDay - 1] ?? snapshot.nowMs) + DAY_MS;
  const atMs = Math.min(roomMs, exemptFromMs(snapshot, reason) ?? roomMs);
  return {
    reason: "IssuanceBudgetSpent",
    problem: `Daily limit reached: ${maxPerDay} of ${maxPerDay} certificates of user ${snapshot.resource.spec.username} issued in the last 24 hours.`,
    remedy: `Issuing resumes at ${timestamp(atMs)}; status.recentIssuances lists why each was issued.`,
    needsPerson: false,
    // Certificates that only the list knows may go sooner: a user that is deleted takes its certificates along.
    retry: { kind: "at", atMs: snapshot.atlas.kind === "listed" ? Math.min(atMs, recheckMs(snapshot)) : atMs },
  };
}

function tooManyUnexpired(snapshot: Snapshot, reason: IssueReason): Blocker | undefined {
  const { atlas, nowMs, policy, resource } = snapshot;
  const { unexpired } = usage(snapshot);
  if (unexpired < policy.maxUnexpiredPerUser || isExempt(snapshot, reason)) return undefined;
  const expiries = atlas.kind === "listed" ? atlas.certificates.map(({ notAfter }) => notAfter.getTime()) : [];
  const nextMs = Math.min(...expiries.filter((time) => time > nowMs));
  const next = Number.isFinite(nextMs) ? `wait until the next one expires at ${timestamp(nextMs)}, ` : "";
  return {
    reason: "TooManyUnexpired",
    problem: `Limit reached: user ${resource.spec.username} has ${unexpired} unexpired certificates, and ${policy.maxUnexpiredPerUser} are allowed.`,
    remedy: capitalized(`${next}use another database user, or raise the operator's --max-unexpired-per-user.`),
    needsPerson: true,
    retry: { kind: "at", atMs: Math.min(nextMs, recheckMs(snapshot)) },
  };
}

function recheckMs({ nowMs, policy }: Snapshot): number {
  return nowMs + policy.recheckIntervalMs;
}

/** A sentence after a colon. Names keep their capitals. */
function uncapitalized(sentence: string): string {
  return sentence.replace(/^The /, "the ");
}

function capitalized(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

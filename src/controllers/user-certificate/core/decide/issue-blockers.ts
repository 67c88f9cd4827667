import { RENEW_REQUEST_ANNOTATION } from "../../../../api/names.ts";
import { BLOCKED_REASONS, type IssueReason } from "../../../../api/reasons.ts";
import { timestamp } from "../../../../api/timestamp.ts";
import { DAY_MS } from "../../../../clock.ts";
import type { Blocker } from "../model/blocker.ts";
import { credentialsPlace } from "../model/credentials-secret.ts";
import type { Situation } from "../model/situation.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { secretContended } from "./contention.ts";
import { grantsUnverified } from "./grant-blockers.ts";
import { exemptFromMs, isExempt } from "./limits.ts";

type IssueCheck = (situation: Situation, reason: IssueReason) => Blocker | undefined;

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

/** Certificates of one namespace that may wait for their Secrets. */
const MAX_PARKED_IN_NAMESPACE = 3;
const PARKED_RECHECK_MS = 30_000;

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
      remedy: "Ask the platform team to fix what its status reports; the operator continues as soon as that is done.",
    };
  }
  const place = capitalized(credentialsPlace(spec));
  if (version !== undefined) {
    return {
      problem: `${place} cannot be used for Atlas: ${uncapitalized(problem)}`,
      remedy: "Correct that Secret; the operator picks up the change at once.",
    };
  }
  const how = `kubectl create secret generic ${spec.credentialsRef?.name} --namespace ${namespace} --from-literal=clientId=… --from-literal=clientSecret=…`;
  return { problem, remedy: `Create it with "${how}"; the operator picks it up at once.` };
}

/** A second certificate would be wasted. */
function parkedElsewhere({ isParkedElsewhere, resource }: Situation): Blocker | undefined {
  const parked = resource.status.issuance?.parked;
  if (parked?.until === undefined || !isParkedElsewhere) return undefined;
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
export function backoffRunning(situation: Situation): Blocker | undefined {
  const { backoffEndMs } = situation;
  return backoffEndMs === undefined ? undefined : lastFailure(situation, backoffEndMs);
}

/** The failure of the last attempt as it stands in the status. */
export function lastFailure({ lastAttempt }: Situation, atMs: number): Blocker | undefined {
  if (lastAttempt === undefined) return undefined;
  const { message, needsPerson, notRechecked, remedy } = lastAttempt;
  return {
    reason: BLOCKED_REASONS.find((reason) => reason === lastAttempt.reason) ?? "AtlasUnavailable",
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
function replacedUnlisted(situation: Situation, reason: IssueReason): Blocker | undefined {
  const { doubt, held, nowMs, policy, resource } = situation;
  if (held === undefined || doubt?.replaced !== true || !isOnlyUnlisted(situation, reason)) return undefined;
  const { username, projectId } = resource.spec;
  return {
    reason: "NotListedByAtlas",
    problem: `Atlas has not listed certificate ${held.serialNumber} since ${timestamp(doubt.sinceMs)}, and one certificate was already replaced for that reason.`,
    remedy: `Check database user ${username} in project ${projectId ?? ""}; the operator issues no other certificate until Atlas lists this one or you set the annotation ${RENEW_REQUEST_ANNOTATION} to a new value.`,
    needsPerson: true,
    retry: { kind: "at", atMs: nowMs + policy.recheckIntervalMs },
  };
}

function isOnlyUnlisted({ identityChange, nowMs, renewalDueMs }: Situation, reason: IssueReason): boolean {
  if (reason === "NotListedByAtlas") return true;
  const isOutdated = identityChange !== undefined || (renewalDueMs !== undefined && nowMs >= renewalDueMs);
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
    remedy: "Fix what the condition Stalled of those resources reports.",
    needsPerson: true,
    retry: { kind: "at", atMs: nowMs + PARKED_RECHECK_MS },
  };
}

function issuanceBudgetSpent(situation: Situation, reason: IssueReason): Blocker | undefined {
  const { atlas, nowMs, resource, usage } = situation;
  const { issuedMs, maxPerDay } = usage;
  if (issuedMs.length < maxPerDay || isExempt(situation, reason)) return undefined;
  // Enough of them have to be a day old.
  const roomMs = (issuedMs.toSorted((left, right) => right - left)[maxPerDay - 1] ?? nowMs) + DAY_MS;
  const atMs = Math.min(roomMs, exemptFromMs(situation, reason) ?? roomMs);
  return {
    reason: "IssuanceBudgetSpent",
    problem: `Daily limit reached: ${maxPerDay} of ${maxPerDay} certificates of user ${resource.spec.username} issued in the last 24 hours.`,
    remedy: `Issuing resumes at ${timestamp(atMs)}; status.recentIssuances lists why each was issued.`,
    needsPerson: false,
    // Certificates that only the list knows may go sooner: a user that is deleted takes its certificates along.
    retry: { kind: "at", atMs: atlas.kind === "listed" ? Math.min(atMs, recheckMs(situation)) : atMs },
  };
}

function tooManyUnexpired(situation: Situation, reason: IssueReason): Blocker | undefined {
  const { atlas, nowMs, policy, resource } = situation;
  const { unexpired } = situation.usage;
  if (unexpired < policy.maxUnexpiredPerUser || isExempt(situation, reason)) return undefined;
  const expiries = atlas.kind === "listed" ? atlas.certificates.map(({ notAfter }) => notAfter.getTime()) : [];
  const nextMs = Math.min(...expiries.filter((time) => time > nowMs));
  const next = Number.isFinite(nextMs) ? `wait until the next one expires at ${timestamp(nextMs)}, ` : "";
  return {
    reason: "TooManyUnexpired",
    problem: `Limit reached: user ${resource.spec.username} has ${unexpired} unexpired certificates, and ${policy.maxUnexpiredPerUser} are allowed.`,
    remedy: capitalized(`${next}use another database user, or raise the operator's --max-unexpired-per-user.`),
    needsPerson: true,
    retry: { kind: "at", atMs: Math.min(nextMs, recheckMs(situation)) },
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

import { findCondition } from "../../api/conditions.ts";
import { RENEW_REQUEST_ANNOTATION } from "../../api/names.ts";
import { BLOCKED_REASONS, type IssueReason } from "../../api/reasons.ts";
import type { CertificateFacts } from "../../certificate/certificate-facts.ts";
import { credentialsPlace } from "./credentials-secret.ts";
import {
  backoffEndMs,
  CLOCK_SKEW_MS,
  DAY_MS,
  dueByWrongClockMs,
  happenedWithin,
  heldCertificate,
  listedByAtlas,
  renewRequested,
  spentIssuances,
} from "./facts.ts";
import { DAMAGE_REASONS } from "./issue-reasons.ts";
import type { Observed } from "./observed.ts";
import { timestamp } from "./timestamp.ts";
import type { Trouble } from "./trouble.ts";

type Check = (observed: Observed, nowMs: number) => Trouble | undefined;
type IssueCheck = (observed: Observed, nowMs: number, reason: IssueReason) => Trouble | undefined;

/** What stands in the way of everything: the first that applies. */
export const BLOCKED_CHECKS: readonly Check[] = [
  suspended,
  secretForeign,
  secretClaimedTwice,
  credentialsMissing,
  refusedByAtlas,
];

/** What stands in the way of issuing, once there is a reason to issue. */
export const ISSUE_BLOCKED_CHECKS: readonly IssueCheck[] = [
  backoffRunning,
  clockWrong,
  secretContended,
  issuanceBudgetSpent,
  tooManyUnexpired,
];

/** Overwritten twice and mended twice in a day: the third time the fight is somebody else's to end. */
const MAX_DAMAGE_PER_DAY = 2;

/** Repairs of labels and annotations in an hour after which the operator gives way. */
const MAX_REPAIRS_PER_HOUR = 5;
const HOUR_MS = 3_600_000;

function suspended({ resource }: Observed): Trouble | undefined {
  if (!resource.spec.suspend) return undefined;
  return {
    reason: "Suspended",
    message: "Nothing is issued, repaired or verified while spec.suspend is true.",
    needsPerson: false,
    retry: { kind: "onChange" },
  };
}

function secretForeign({ secret, resource }: Observed): Trouble | undefined {
  if (secret.kind !== "foreign") return undefined;
  return {
    reason: "SecretForeign",
    message:
      `Secret ${resource.spec.secretName} exists and is not the operator's, so it is left alone. ` +
      "Choose another spec.secretName, or delete that Secret if nothing needs it.",
    needsPerson: true,
    retry: { kind: "onChange" },
  };
}

function secretClaimedTwice({ secretHolder, resource }: Observed): Trouble | undefined {
  if (secretHolder === undefined) return undefined;
  return {
    reason: "SecretClaimedTwice",
    message:
      `Secret ${resource.spec.secretName} belongs to AtlasUserCertificate ${secretHolder}. ` +
      "Choose another spec.secretName, or delete one of the two resources.",
    needsPerson: true,
    retry: { kind: "onChange" },
  };
}

function credentialsMissing({ credentials, resource }: Observed): Trouble | undefined {
  if (credentials.kind === "usable") return undefined;
  return {
    reason: "CredentialsMissing",
    message:
      credentials.kind === "unnamed"
        ? "spec.credentialsRef is not set, and this operator has no default credentials. Set spec.credentialsRef.name " +
          "to a Secret of this namespace with clientId and clientSecret, or publicApiKey and privateApiKey."
        : capitalized(`${credentialsPlace(resource.spec)} can't serve as Atlas credentials: ${credentials.problem}`),
    needsPerson: true,
    retry: { kind: "onChange" },
  };
}

function refusedByAtlas({ atlas }: Observed): Trouble | undefined {
  return atlas.kind === "refused" ? atlas.trouble : undefined;
}

/** An earlier attempt failed and its backoff still runs: its cause stands until it is over, or something changes. */
export function backoffRunning(observed: Observed, nowMs: number): Trouble | undefined {
  const atMs = backoffEndMs(observed, nowMs);
  if (atMs === undefined) return undefined;
  const { status } = observed.resource;
  const issuing = findCondition(status, "Issuing");
  const stalled = findCondition(status, "Stalled");
  return {
    reason: BLOCKED_REASONS.find((reason) => reason === issuing?.reason) ?? "AtlasUnavailable",
    message: issuing?.message ?? "The last attempt failed.",
    needsPerson: stalled?.status === "True",
    retry: { kind: "running", atMs },
  };
}

/**
 * A clock that is far ahead makes every certificate due, each new one too. Atlas lists only what has not expired: what it
 * lists has not, whatever this clock says.
 */
function clockWrong(observed: Observed, nowMs: number, reason: IssueReason): Trouble | undefined {
  const held = heldCertificate(observed);
  const isOfTime = reason === "NearingExpiry" || reason === "SecretReverted";
  if (!isOfTime || held === undefined) return undefined;
  const dueMs = dueByWrongClockMs(observed, nowMs);
  if (dueMs !== undefined) {
    return dueMs <= nowMs ? undefined : clockAhead("it was due for renewal when Atlas had just issued it", held, dueMs);
  }
  const hasExpired = held.notAfter.getTime() <= nowMs - CLOCK_SKEW_MS;
  if (!hasExpired || listedByAtlas(observed, held.serialNumber) !== true) return undefined;
  return clockAhead("it has expired, but Atlas lists it as unexpired", held, nowMs + observed.policy.recheckIntervalMs);
}

function clockAhead(what: string, { serialNumber, notAfter }: CertificateFacts, atMs: number): Trouble {
  return {
    reason: "ClockWrong",
    message:
      `Certificate ${serialNumber} is valid until ${timestamp(notAfter.getTime())}: by this operator's clock ${what}. ` +
      "Correct the clock of the node that the operator runs on; until then the certificate is not renewed, unless the " +
      `annotation ${RENEW_REQUEST_ANNOTATION} is set to a new value.`,
    needsPerson: true,
    retry: { kind: "at", atMs },
  };
}

function secretContended(observed: Observed, nowMs: number, reason: IssueReason): Trouble | undefined {
  if (!DAMAGE_REASONS.has(reason) || renewRequested(observed)) return undefined;
  const recent = observed.resource.status.recentIssuances ?? [];
  const damaged = recent.filter(
    (issuance) => DAMAGE_REASONS.has(issuance.reason) && happenedWithin(DAY_MS, Date.parse(issuance.time), nowMs),
  );
  const oldest = damaged[0];
  if (oldest === undefined || damaged.length < MAX_DAMAGE_PER_DAY) return undefined;
  return contended(
    observed,
    `Its data was damaged ${damaged.length + 1} times in a day`,
    Date.parse(oldest.time) + DAY_MS,
  );
}

/** The same for labels and annotations: there a repair costs no certificate, only peace. */
export function repairContended(observed: Observed, nowMs: number): Trouble | undefined {
  const recent = observed.recentRepairs.filter((time) => happenedWithin(HOUR_MS, time, nowMs));
  const oldest = recent[0];
  if (oldest === undefined || recent.length < MAX_REPAIRS_PER_HOUR) return undefined;
  return contended(observed, `It was repaired ${recent.length} times in an hour`, oldest + HOUR_MS);
}

function contended({ secret, resource }: Observed, what: string, atMs: number): Trouble {
  const others = secret.kind === "managed" ? secret.metadata.otherWriters : [];
  const who = others.length > 0 ? ` by ${others.join(", ")}` : "";
  return {
    reason: "SecretContended",
    message:
      `Secret ${resource.spec.secretName} is overwritten again and again${who}. ${what}, so the operator stops. ` +
      `End the other writer, then set the annotation ${RENEW_REQUEST_ANNOTATION} to a new value.`,
    needsPerson: true,
    retry: { kind: "at", atMs },
  };
}

function issuanceBudgetSpent(observed: Observed, nowMs: number): Trouble | undefined {
  const { policy } = observed;
  const times = spentIssuances(observed)
    .map((issuance) => Date.parse(issuance.time))
    .filter((time) => happenedWithin(DAY_MS, time, nowMs));
  if (times.length < policy.maxIssuesPerDay) return undefined;
  const atMs = Math.min(...times) + DAY_MS;
  return {
    reason: "IssuanceBudgetSpent",
    message:
      `${times.length} certificates were issued for this resource in 24 hours, and ${policy.maxIssuesPerDay} is the ` +
      `limit: Atlas can't revoke them. The next may be issued at ${timestamp(atMs)}. ` +
      "Find out what uses them up: the Events of this resource say why each was issued.",
    needsPerson: true,
    retry: { kind: "at", atMs },
  };
}

function tooManyUnexpired({ atlas, policy, resource }: Observed, nowMs: number): Trouble | undefined {
  if (atlas.kind !== "listed" || atlas.certificates.length < policy.maxUnexpiredPerUser) return undefined;
  // By this clock one may have expired that Atlas, by its own, still lists: it must not be waited for.
  const toCome = atlas.certificates.map(({ notAfter }) => notAfter.getTime()).filter((time) => time > nowMs);
  const nextExpiryMs = toCome.length === 0 ? nowMs + policy.recheckIntervalMs : Math.min(...toCome);
  return {
    reason: "TooManyUnexpired",
    message:
      `Atlas lists ${atlas.certificates.length} unexpired certificates of user ${resource.spec.username}, and ` +
      `${policy.maxUnexpiredPerUser} is the limit. The next of them expires at ${timestamp(nextExpiryMs)}. ` +
      "Use another database user, or raise the operator's --max-unexpired-per-user.",
    needsPerson: true,
    retry: { kind: "at", atMs: nextExpiryMs },
  };
}

function capitalized(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

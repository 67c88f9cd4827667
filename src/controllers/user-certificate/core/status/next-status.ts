import { timestamp } from "../../../../api/timestamp.ts";
import type {
  Issuance,
  LastAttempt,
  LeftBehind,
  UserCertificateStatus,
} from "../../../../api/user-certificate-status.ts";
import { isInList } from "../decide/held.ts";
import { ADOPTED } from "../decide/limits.ts";
import { isStored } from "../decide/open-attempt.ts";
import type { Situation } from "../model/situation.ts";
import type { Assessment } from "./assessment.ts";
import { nextConditions } from "./next-conditions.ts";

/** Secrets left behind beyond this are not named: a status must stay small. */
const MAX_LEFT_BEHIND = 5;

/**
 * The status that a reconciliation leaves. Pure: what is written is the difference to the status before.
 *
 * @param before the status as it is on the API server
 */
export function nextStatus(assessment: Assessment, before: UserCertificateStatus): UserCertificateStatus {
  const { situation } = assessment;
  const { resource } = situation;
  const previous = previousCertificate(assessment);
  return withoutUndefined({
    conditions: nextConditions(assessment, before.conditions ?? []),
    observedGeneration: resource.generation,
    ...certificateFields(assessment),
    previous,
    consumers: consumers(assessment, previous, before),
    unlisted: unlistedField(assessment),
    revision: revision(assessment),
    issuance: issuanceAfter(assessment),
    recentIssuances: recentIssuances(assessment),
    renewRequest: answeredRequest(assessment),
    lastAttempt: lastAttempt(assessment),
    unexpiredCertificates: unexpired(assessment),
    unaccounted: orNothing(assessment.unaccounted),
    pendingRestarts: orNothing(assessment.restarts.map(({ pending }) => pending)),
    leftBehind: orNothing(leftBehind(assessment)),
  });
}

/** The certificate that Atlas proved last. One in the Secret that is not proven changes nothing here. */
function certificateFields({ held, provenMs, renewalDueMs, situation }: Assessment) {
  const { spec, status } = situation.resource;
  if (held === undefined || provenMs === undefined || renewalDueMs === undefined) {
    const { secretName, serialNumber, fingerprint, notBefore, notAfter, renewalTime, lastVerifiedTime } = status;
    return { secretName, serialNumber, fingerprint, notBefore, notAfter, renewalTime, lastVerifiedTime };
  }
  return {
    secretName: spec.secretName,
    serialNumber: held.serialNumber,
    fingerprint: held.fingerprint,
    notBefore: timestamp(held.notBefore.getTime()),
    notAfter: timestamp(held.notAfter.getTime()),
    renewalTime: timestamp(renewalDueMs),
    lastVerifiedTime: timestamp(provenMs),
  };
}

/** The certificate that this one followed, for as long as an app that has not read the Secret since can log in with it. */
export function previousCertificate({
  held,
  nowMs,
  provenMs,
  situation,
}: Assessment): UserCertificateStatus["previous"] {
  const { fingerprint, notAfter, previous: before, serialNumber } = situation.resource.status;
  const isReplaced = held !== undefined && provenMs !== undefined && held.fingerprint !== fingerprint;
  const replaced =
    serialNumber === undefined || notAfter === undefined
      ? undefined
      : { serialNumber, notAfter, replacedAt: timestamp(nowMs) };
  const last = isReplaced ? replaced : before;
  return last !== undefined && Date.parse(last.notAfter) > nowMs ? last : undefined;
}

/** Counted apart from reconciles, for one renewal: they do not outlive it. */
function consumers(
  { situation }: Assessment,
  previous: UserCertificateStatus["previous"],
  before: UserCertificateStatus,
): UserCertificateStatus["consumers"] {
  const isSameRenewal = previous !== undefined && previous.serialNumber === before.previous?.serialNumber;
  return situation.policy.countsConsumers && isSameRenewal ? before.consumers : undefined;
}

function unlistedField({ doubt, held, outcome, situation }: Assessment) {
  const { unlisted } = situation.resource.status;
  // Until a list holds the replacement, it is not known whether it was the lists that were wrong.
  if (outcome.kind === "issued") {
    const { reason, startedAt } = outcome.attempt;
    return reason === "NotListedByAtlas" || unlisted?.replaced === true
      ? { serialNumber: outcome.facts.serialNumber, since: startedAt, latest: startedAt, lists: 0, replaced: true }
      : undefined;
  }
  if (held === undefined || situation.atlas.kind !== "listed" || situation.identityChange !== undefined)
    return unlisted;
  if (doubt === undefined) return undefined;
  const { sinceMs, latestMs, lists } = doubt;
  // A certificate may have been issued for it, even if its response was lost.
  const mayBeIssued = outcome.kind === "parked" || (outcome.kind === "failed" && outcome.staysOpen);
  const attempt = mayBeIssued ? outcome.attempt : undefined;
  const replaced = doubt.replaced || attempt?.reason === "NotListedByAtlas";
  const times = { since: timestamp(sinceMs), latest: timestamp(latestMs) };
  return { serialNumber: held.serialNumber, ...times, lists, ...(replaced && { replaced }) };
}

function revision({ held, outcome, provenMs, situation }: Assessment): number | undefined {
  const { revision: before, fingerprint } = situation.resource.status;
  // The report that closes the record takes another revision for that of another process, and is dropped.
  if (outcome.kind === "recorded") return before;
  const isNew = held !== undefined && provenMs !== undefined && held.fingerprint !== fingerprint;
  return isNew ? (before ?? 0) + 1 : before;
}

function issuanceAfter({ outcome, situation }: Assessment): Issuance | undefined {
  switch (outcome.kind) {
    case "recorded":
      return outcome.attempt;
    case "issued":
      return undefined;
    case "parked": {
      const { attempt, facts, pod } = outcome;
      const { serialNumber, notAfter } = facts;
      return { ...attempt, parked: { pod, serialNumber, notAfter: timestamp(notAfter.getTime()) } };
    }
    case "failed":
      return outcome.staysOpen ? outcome.attempt : unsettledAttempt(situation);
    case "nothing":
    case "discarded":
    case "repaired":
    case "overtaken":
      return unsettledAttempt(situation);
    default:
      return outcome satisfies never;
  }
}

/** The attempt that was on record before, unless a list has shown its outcome. */
function unsettledAttempt({ resource, settled }: Situation): Issuance | undefined {
  return settled === undefined ? resource.status.issuance : undefined;
}

function recentIssuances({ held, history, nowMs, provenMs }: Assessment) {
  const isExplained = held === undefined || history.some(({ serialNumber }) => serialNumber === held.serialNumber);
  if (isExplained || provenMs === undefined || held.notAfter.getTime() <= nowMs) return orNothing(history);
  // A certificate that was there before its resource: once another one replaces it, nothing else accounts for it.
  const { serialNumber, notBefore, notAfter } = held;
  const time = timestamp(notBefore.getTime());
  return [{ time, reason: ADOPTED, serialNumber, notAfter: timestamp(notAfter.getTime()) }, ...history];
}

function answeredRequest({ held, outcome, situation }: Assessment): string | undefined {
  const { status, renewRequest } = situation.resource;
  if (outcome.kind === "issued") return outcome.attempt.renewRequest ?? status.renewRequest;
  const answered = (isStored(situation) ? status.issuance?.renewRequest : undefined) ?? status.renewRequest;
  const isFirst = status.revision === undefined && held !== undefined;
  return answered ?? (isFirst ? renewRequest : undefined);
}

function lastAttempt({ blocker, nowMs, outcome, retryMs, situation }: Assessment): LastAttempt | undefined {
  const applicable = situation.lastAttempt;
  if (blocker === undefined) return outcome.kind === "recorded" ? applicable : undefined;
  if (outcome.kind === "recorded" || blocker.retry.kind === "running") return applicable;
  if (blocker.retry.kind !== "backoff" || retryMs === undefined) return undefined;
  const { notRechecked, needsPerson, problem, reason, remedy } = blocker;
  const { generation, renewRequest } = situation.resource;
  return withoutUndefined({
    // A problem that could not be rechecked is as old as it was.
    time: notRechecked !== undefined && applicable !== undefined ? applicable.time : timestamp(nowMs),
    reason,
    message: problem,
    remedy,
    needsPerson,
    failures: (applicable?.failures ?? 0) + 1,
    nextAttemptTime: timestamp(retryMs),
    notRechecked,
    generation,
    credentialsVersion: situation.credentials.version,
    renewRequest,
  });
}

function unexpired({ outcome, situation }: Assessment): number | undefined {
  const { atlas, resource } = situation;
  if (atlas.kind !== "listed") return resource.status.unexpiredCertificates;
  return atlas.certificates.length + (outcome.kind === "issued" && !isInList(situation, outcome.facts) ? 1 : 0);
}

/** The Secrets that spec.secretName named before, until their certificates expire. */
function leftBehind({ nowMs, situation }: Assessment): readonly LeftBehind[] {
  const { spec, status } = situation.resource;
  const { secretName, serialNumber, notAfter, leftBehind: before = [] } = status;
  const isMoved = secretName !== undefined && secretName !== spec.secretName && notAfter !== undefined;
  const others = before.filter((one) => one.secretName !== secretName);
  const all = isMoved ? [...others, withoutUndefined({ secretName, serialNumber, notAfter })] : before;
  return all
    .filter((one) => one.secretName !== spec.secretName && Date.parse(one.notAfter) > nowMs)
    .slice(-MAX_LEFT_BEHIND);
}

function orNothing<T>(items: readonly T[]): T[] | undefined {
  return items.length === 0 ? undefined : [...items];
}

type WithoutUndefined<T> = { readonly [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  readonly [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** The API server takes a field that is absent, not one that is undefined. */
function withoutUndefined<T extends object>(object: T): WithoutUndefined<T> {
  // Only keys without a value are left out: the type says which may be.
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as WithoutUndefined<T>;
}

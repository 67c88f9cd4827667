import type { RecentIssuance, UserCertificateStatus } from "../../api/user-certificate.ts";
import type { CertificateFacts } from "../../certificate/certificate-facts.ts";
import { renewalTime } from "../../certificate/renewal-time.ts";
import {
  backoffEndMs,
  heldCertificate,
  isRemembered,
  lastVerifiedMs,
  listedByAtlas,
  renewalRule,
  spentIssuances,
  unaccounted,
  unlistedSinceMs,
  userIsGone,
} from "./facts.ts";
import { nextConditions } from "./next-conditions.ts";
import type { Observed } from "./observed.ts";
import type { Outcome } from "./outcome.ts";
import { heldAfter, type Round, troubleOf } from "./round.ts";
import { timestamp } from "./timestamp.ts";
import type { Trouble } from "./trouble.ts";

/** First wait after a failure, in milliseconds; it doubles with each further one. */
const FIRST_BACKOFF_MS = 5000;
const HOUR_MS = 3_600_000;

/** History beyond this is of no use to anybody, and a status must stay small. */
const MAX_RECENT_ISSUANCES = 40;

/** Unaccounted certificates beyond this are counted and not named: a status must stay small. */
const MAX_NAMED = 100;

/** The status that a round leaves. Pure: what is written is the difference to the status before. */
export function nextStatus(round: Round): UserCertificateStatus {
  const { observed, outcome } = round;
  const { resource } = observed;
  const { status } = resource;
  const held = heldAfter(round);
  return {
    conditions: nextConditions(round, held),
    observedGeneration: resource.generation,
    secretName: resource.spec.secretName,
    ...(held !== undefined && certificateFields(observed, held)),
    ...optional("lastVerifiedTime", lastVerifiedTime(round)),
    ...optional("unlistedSince", unlistedSince(round)),
    ...optional("revision", revision(round, held)),
    ...optional("issuance", issuanceAfter(round)),
    ...optional("recentIssuances", recentIssuances(round, held)),
    ...optional("renewRequest", answeredRequest(round, held)),
    ...backoffFields(round),
    ...counts(observed, status, outcome),
  };
}

function certificateFields({ resource }: Observed, held: CertificateFacts) {
  return {
    serialNumber: held.serialNumber,
    fingerprint: held.fingerprint,
    notBefore: timestamp(held.notBefore.getTime()),
    notAfter: timestamp(held.notAfter.getTime()),
    renewalTime: timestamp(renewalTime(held, renewalRule(resource.spec)).getTime()),
  };
}

function lastVerifiedTime({ observed, decision, outcome, nowMs }: Round): string | undefined {
  // Atlas has just handed it out: the list is asked when its turn comes. What is finished was only found in the Secret.
  if (outcome.kind === "issued" && decision.kind !== "finish") return timestamp(nowMs);
  const held = heldCertificate(observed);
  if (held === undefined || userIsGone(observed)) return undefined;
  switch (listedByAtlas(observed, held.serialNumber)) {
    case true:
      return timestamp(nowMs);
    case false:
      return undefined;
    case undefined: {
      const last = lastVerifiedMs(observed);
      return last === undefined ? undefined : timestamp(last);
    }
  }
}

function unlistedSince({ observed, outcome, nowMs }: Round): string | undefined {
  const held = heldCertificate(observed);
  if (outcome.kind === "issued" || held === undefined) return undefined;
  const sinceMs = unlistedSinceMs(observed, nowMs);
  switch (listedByAtlas(observed, held.serialNumber)) {
    case true:
      return undefined;
    case false:
      return timestamp(sinceMs ?? nowMs);
    case undefined:
      return sinceMs === undefined ? undefined : timestamp(sinceMs);
  }
}

function revision({ observed, outcome }: Round, held: CertificateFacts | undefined): number | undefined {
  const { revision: before } = observed.resource.status;
  if (outcome.kind === "issued") return (before ?? 0) + 1;
  // A good Secret that was there before its resource was counts as the first.
  return before ?? (held === undefined ? undefined : 1);
}

function issuanceAfter({ observed, outcome }: Round) {
  switch (outcome.kind) {
    case "issued":
      return undefined;
    case "failed":
      if (outcome.staysOpen) return outcome.issuance;
      // Refused, or stopped before there was a record of it: an older one closes as it always does.
      return compared(observed);
    case "nothing":
    case "repaired":
    case "overtaken":
      return compared(observed);
    default:
      return outcome satisfies never;
  }
}

/** The open record, until it has been compared with the list: nothing else tells what became of it. */
function compared({ atlas, resource }: Observed) {
  return atlas.kind === "listed" ? undefined : resource.status.issuance;
}

function recentIssuances(
  { observed, decision, outcome, nowMs }: Round,
  held: CertificateFacts | undefined,
): RecentIssuance[] | undefined {
  const kept = spentIssuances(observed).filter((issuance) => isRemembered(issuance, nowMs));
  const added: RecentIssuance[] = [];
  if (outcome.kind === "issued") {
    const { facts, issuance } = outcome;
    added.push({
      // The end of another process' attempt may be seen long after it.
      time: decision.kind === "finish" ? issuance.startedAt : timestamp(nowMs),
      reason: issuance.reason,
      serialNumber: facts.serialNumber,
      notAfter: timestamp(facts.notAfter.getTime()),
    });
  } else if (outcome.kind === "failed" && outcome.spent) {
    added.push({ time: timestamp(nowMs), reason: outcome.trouble.reason });
  }
  const all = [...kept, ...added];
  if (held !== undefined && held.notAfter.getTime() > nowMs && !all.some(holdsSerial(held.serialNumber))) {
    all.unshift(takenOver(held));
  }
  all.splice(0, all.length - MAX_RECENT_ISSUANCES);
  return all.length === 0 ? undefined : all;
}

function holdsSerial(serialNumber: string) {
  return (issuance: RecentIssuance) => issuance.serialNumber === serialNumber;
}

/** A certificate that was there before its resource. Once another one replaces it, nothing else accounts for it. */
function takenOver(held: CertificateFacts): RecentIssuance {
  return {
    time: timestamp(held.notBefore.getTime()),
    reason: "TakenOver",
    serialNumber: held.serialNumber,
    notAfter: timestamp(held.notAfter.getTime()),
  };
}

function answeredRequest({ observed, outcome }: Round, held: CertificateFacts | undefined): string | undefined {
  const { status, renewRequest } = observed.resource;
  if (outcome.kind === "issued") return outcome.issuance.renewRequest ?? status.renewRequest;
  const isFirstLook = status.revision === undefined && held !== undefined;
  return isFirstLook ? renewRequest : status.renewRequest;
}

function backoffFields(round: Round) {
  const { observed, outcome, nowMs } = round;
  const { failedAttempts, nextAttemptTime, lastAttempt } = observed.resource.status;
  const trouble = troubleOf(round);
  if (trouble?.retry.kind === "backoff") {
    const { generation, renewRequest } = observed.resource;
    const { version } = observed.credentials;
    const made = {
      generation,
      ...optional("credentialsVersion", version),
      ...optional("renewRequest", renewRequest),
    };
    const isSame =
      lastAttempt?.generation === made.generation &&
      lastAttempt.credentialsVersion === version &&
      lastAttempt.renewRequest === renewRequest;
    const failures = isSame ? (failedAttempts ?? 0) + 1 : 1;
    return {
      failedAttempts: failures,
      // Up to the next whole second: the API server keeps no fractions, and an early look finds the backoff running.
      nextAttemptTime: timestamp(nowMs + backoffMs(round, trouble, failures) + 999),
      lastAttempt: made,
    };
  }
  // Nothing stands in the way; but an attempt that is only on record yet has not ended a row of failures.
  const isOver = trouble === undefined && !(round.decision.kind === "issue" && outcome.kind === "nothing");
  const isMoot = trouble !== undefined && trouble.retry.kind !== "running";
  if (isOver || isMoot || (nextAttemptTime !== undefined && changedSince(observed, nowMs))) return {};
  return {
    ...optional("failedAttempts", failedAttempts),
    ...optional("nextAttemptTime", nextAttemptTime),
    ...optional("lastAttempt", lastAttempt),
  };
}

/** Whether a change has ended the backoff before its time. */
function changedSince(observed: Observed, nowMs: number): boolean {
  const { nextAttemptTime } = observed.resource.status;
  return (
    nextAttemptTime !== undefined && Date.parse(nextAttemptTime) > nowMs && backoffEndMs(observed, nowMs) === undefined
  );
}

/** Whether the next attempt would probably cost a certificate and give none, as this one did. */
function spentForNothing({ reason }: Trouble): boolean {
  return reason === "AnswerUnusable";
}

/**
 * Doubling from 5 s to the longest wait; sooner when expiry is near; never sooner than Atlas asks for, nor sooner than an
 * hour where a certificate was spent for nothing (or a day of a simulator's month).
 */
function backoffMs({ observed, nowMs, random }: Round, trouble: Trouble, failures: number): number {
  const { maxBackoffMs, recheckIntervalMs, monthMs } = observed.policy;
  const longestMs = trouble.needsPerson ? Math.min(recheckIntervalMs, maxBackoffMs) : maxBackoffMs;
  const doubledMs = Math.min(FIRST_BACKOFF_MS * 2 ** Math.min(failures - 1, 30), longestMs);
  const held = heldCertificate(observed);
  const leftMs = held === undefined ? Number.POSITIVE_INFINITY : held.notAfter.getTime() - nowMs;
  const urgentMs = leftMs > 0 ? Math.max(FIRST_BACKOFF_MS, leftMs / 10) : longestMs;
  const waitMs = Math.min(doubledMs, urgentMs) * (0.75 + random / 4);
  // All that one answer of Atlas has turned away would come back in the same second.
  const atLeastMs = (trouble.retry.kind === "backoff" ? (trouble.retry.atLeastMs ?? 0) : 0) * (1 + random / 4);
  return Math.max(waitMs, atLeastMs, spentForNothing(trouble) ? Math.min(HOUR_MS, monthMs / 30) : 0);
}

function counts(observed: Observed, status: UserCertificateStatus, outcome: Outcome) {
  const { unexpiredCertificates, unaccountedCertificates, unaccountedSerials, countedUser } = status;
  if (observed.atlas.kind !== "listed") {
    return {
      ...optional("unexpiredCertificates", unexpiredCertificates),
      ...optional("unaccountedCertificates", unaccountedCertificates),
      ...optional("unaccountedSerials", unaccountedSerials),
      ...optional("countedUser", countedUser),
    };
  }
  const issued = outcome.kind === "issued" ? 1 : 0;
  const isFound = outcome.kind === "issued" && listedByAtlas(observed, outcome.facts.serialNumber) === true;
  const serials = unaccounted(observed).map(({ serialNumber }) => serialNumber);
  const { projectId, username } = observed.resource.spec;
  return {
    unexpiredCertificates: observed.atlas.certificates.length + (isFound ? 0 : issued),
    unaccountedCertificates: serials.length,
    // Atlas' order may change from list to list: that is no news to write.
    ...optional("unaccountedSerials", isWorthNaming(serials) ? serials.toSorted(byNumber) : undefined),
    countedUser: { projectId, username },
  };
}

function isWorthNaming({ length }: readonly string[]): boolean {
  return length > 0 && length <= MAX_NAMED;
}

/** Numbers in decimal, too long for a JavaScript number. */
function byNumber(left: string, right: string): number {
  return left.length - right.length || (left < right ? -1 : 1);
}

function optional<K extends string, V>(key: K, value: V | undefined): { readonly [key in K]?: V } {
  // A computed key widens to a string's index; the type says which one it is.
  return (value === undefined ? {} : { [key]: value }) as { readonly [key in K]?: V };
}

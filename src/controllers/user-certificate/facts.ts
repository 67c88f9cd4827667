import { parseDurationMs } from "../../api/duration.ts";
import { SECRET_ANNOTATIONS } from "../../api/names.ts";
import type { Issuance, RecentIssuance, UserCertificateSpec } from "../../api/user-certificate.ts";
import type { CertificateFacts } from "../../certificate/certificate-facts.ts";
import { subjectIsUser } from "../../certificate/distinguished-name.ts";
import { type RenewalRule, renewalTime } from "../../certificate/renewal-time.ts";
import type { ListedCertificate, Observed } from "./observed.ts";
import { timestamp } from "./timestamp.ts";

/** Questions about an observation that several checks ask. All pure. */

export const DAY_MS = 86_400_000;

/** How far two clocks that count as right may lie apart: what is further in the future was written by a wrong one. */
export const CLOCK_SKEW_MS = 5 * 60_000;

/** The certificate in the Secret, if the Secret is the operator's and this resource's, and holds a pair that matches. */
export function heldCertificate({ secret, secretHolder }: Observed): CertificateFacts | undefined {
  if (secret.kind !== "managed" || secretHolder !== undefined) return undefined;
  return secret.content.kind === "pair" ? secret.content.facts : undefined;
}

/** When a certificate, the held one unless another is given, is due for renewal. */
export function renewalDueMs(observed: Observed, held = heldCertificate(observed)): number | undefined {
  return held && renewalTime(held, renewalRule(observed.resource.spec)).getTime();
}

export function renewalRule(spec: UserCertificateSpec): RenewalRule | undefined {
  if (spec.renewBeforePercentage !== undefined) return { kind: "percentage", percentage: spec.renewBeforePercentage };
  const beforeMs = spec.renewBefore === undefined ? undefined : parseDurationMs(spec.renewBefore);
  return beforeMs === undefined ? undefined : { kind: "before", beforeMs };
}

/** What the Secret was issued for, where that is not what the resource asks for; undefined where it is. */
export function identityChange(observed: Observed): string | undefined {
  const { secret, resource } = observed;
  if (secret.kind !== "managed") return undefined;
  const { projectId, username } = resource.spec;
  const held = heldCertificate(observed);
  const isOfSubject = held !== undefined && subjectIsUser(held.subject, username);
  // Atlas' list of the user that the spec names is the better witness: an annotation can be changed by anybody.
  if (isOfSubject && listedByAtlas(observed, held.serialNumber)) return undefined;
  const forProject = secret.metadata.annotations[SECRET_ANNOTATIONS.projectId];
  if (forProject !== undefined && forProject !== projectId) return `project ${forProject}`;
  const forUser = secret.metadata.annotations[SECRET_ANNOTATIONS.username];
  if (forUser !== undefined && forUser !== username) return `user ${forUser}`;
  // Without the annotation the certificate itself tells whose it is.
  return forUser === undefined && held !== undefined && !isOfSubject ? "another user" : undefined;
}

/** The certificate of this resource that had replaced the held one: somebody has put the older one back. */
export function replacement(observed: Observed, nowMs: number): string | undefined {
  const held = heldCertificate(observed);
  const { recentIssuances = [] } = observed.resource.status;
  const newest = recentIssuances.findLast((issuance) => issuance.serialNumber && isRemembered(issuance, nowMs));
  if (held === undefined || newest === undefined || newest.serialNumber === held.serialNumber) return undefined;
  // One that somebody put there by hand is no older one: it lasts longer.
  return Date.parse(newest.notAfter ?? "") > held.notAfter.getTime() ? newest.serialNumber : undefined;
}

/** Whether Atlas' list of this round holds the certificate; undefined where Atlas was not asked. */
export function listedByAtlas({ atlas }: Observed, serialNumber: string): boolean | undefined {
  if (atlas.kind !== "listed") return undefined;
  return atlas.certificates.some((certificate) => certificate.serialNumber === serialNumber);
}

/** Whether Atlas said in this round that there is no such user: nobody logs in as one, whatever the Secret holds. */
export function userIsGone({ atlas }: Observed): boolean {
  return atlas.kind === "refused" && atlas.trouble.reason === "UserNotFound";
}

/** When Atlas last listed the certificate, in milliseconds; undefined where it never did or no longer does. */
export function lastVerifiedMs(observed: Observed, held = heldCertificate(observed)): number | undefined {
  const { serialNumber, lastVerifiedTime } = observed.resource.status;
  if (lastVerifiedTime === undefined || serialNumber !== held?.serialNumber) return undefined;
  return Date.parse(lastVerifiedTime);
}

/**
 * When Atlas' list is due. Spread by UID over a fifth of the interval, so that resources made together part. At once
 * where a clock that was ahead dated the last one: it would be waited for as long as that clock was ahead.
 */
export function verificationDueMs(observed: Observed, nowMs: number, held = heldCertificate(observed)): number {
  const last = lastVerifiedMs(observed, held);
  if (last === undefined) return secondListDueMs(observed, nowMs, held) ?? 0;
  if (isOfWrongClock(last, nowMs)) return 0;
  return last + observed.policy.verifyIntervalMs * (1 - 0.2 * fractionOf(observed.resource.uid));
}

/** How long after a list without the certificate a second one is asked for: long enough for a glitch to pass. */
const SECOND_LIST_MS = 60_000;

/** Since when, in milliseconds, Atlas' lists have lacked the certificate; undefined where none has, or one held it since. */
export function unlistedSinceMs(
  observed: Observed,
  nowMs: number,
  held = heldCertificate(observed),
): number | undefined {
  const { serialNumber, unlistedSince } = observed.resource.status;
  if (unlistedSince === undefined || serialNumber !== held?.serialNumber) return undefined;
  const sinceMs = Date.parse(unlistedSince);
  return isOfWrongClock(sinceMs, nowMs) ? undefined : sinceMs;
}

/** When a second list may confirm that Atlas no longer has the certificate; undefined where no first one said so. */
export function secondListDueMs(
  observed: Observed,
  nowMs: number,
  held = heldCertificate(observed),
): number | undefined {
  const sinceMs = unlistedSinceMs(observed, nowMs, held);
  return sinceMs && sinceMs + secondListWaitMs(observed);
}

export function secondListWaitMs({ policy }: Observed): number {
  return Math.min(SECOND_LIST_MS, policy.verifyIntervalMs);
}

function isOfWrongClock(timeMs: number, nowMs: number): boolean {
  return timeMs > nowMs + CLOCK_SKEW_MS;
}

/** Whether something happened in the last so many milliseconds. What a clock that was ahead has dated did not. */
export function happenedWithin(spanMs: number, timeMs: number, nowMs: number): boolean {
  return timeMs > nowMs - spanMs && !isOfWrongClock(timeMs, nowMs);
}

/** A number from 0 to 1 that depends on nothing but the text (FNV-1a). */
function fractionOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return (hash >>> 0) / 2 ** 32;
}

/** Whether the renew annotation asks for something that was not answered yet. */
export function renewRequested({ resource }: Observed): boolean {
  // Without a revision this is the first look at a Secret that was there before (a restored backup, a moved resource):
  // its request was answered in another life.
  if (resource.status.revision === undefined || resource.renewRequest === undefined) return false;
  return resource.renewRequest !== resource.status.renewRequest;
}

/** The end of the backoff that is running, in milliseconds; undefined where none is, or where a change ended it. */
export function backoffEndMs(observed: Observed, nowMs: number): number | undefined {
  const { status, generation, renewRequest } = observed.resource;
  const { nextAttemptTime, lastAttempt } = status;
  if (nextAttemptTime === undefined || lastAttempt === undefined) return undefined;
  const endMs = Date.parse(nextAttemptTime);
  if (!(endMs > nowMs) || endMs > latestBackoffEndMs(observed, nowMs)) return undefined;
  const changed =
    lastAttempt.generation !== generation ||
    lastAttempt.renewRequest !== renewRequest ||
    lastAttempt.credentialsVersion !== observed.credentials.version;
  return changed ? undefined : endMs;
}

/**
 * No backoff that begins now ends later: a day is far more than Atlas can ask for (see src/atlas/retry-after.ts). One that
 * does was written by a clock that was ahead, and could outlast the certificate.
 */
function latestBackoffEndMs({ policy }: Observed, nowMs: number): number {
  return nowMs + Math.max(DAY_MS, policy.maxBackoffMs) + CLOCK_SKEW_MS;
}

/**
 * The time, by this clock, at which the held certificate is really due although it counted as due when it was issued: the
 * two times that the issue has, by this clock and by Atlas', tell how far the clock is ahead. Undefined where it is not.
 */
export function dueByWrongClockMs(observed: Observed, nowMs: number): number | undefined {
  const held = heldCertificate(observed);
  const dueMs = renewalDueMs(observed);
  const { recentIssuances = [] } = observed.resource.status;
  const issued = recentIssuances.findLast(({ serialNumber }) => serialNumber === held?.serialNumber);
  if (held === undefined || dueMs === undefined || issued === undefined || !isRemembered(issued, nowMs))
    return undefined;
  const issuedMs = Date.parse(issued.time);
  const aheadMs = issuedMs - held.notBefore.getTime();
  // Less than that may be a Secret that could not be written for long.
  return issuedMs < dueMs || aheadMs < DAY_MS ? undefined : dueMs + aheadMs;
}

/** Whether an issuance is still of use: for the budget, or to account for a certificate that Atlas may list. */
export function isRemembered({ time, notAfter }: RecentIssuance, nowMs: number): boolean {
  // A clock that is ahead of Atlas' must not make a stranger of a certificate that Atlas still lists.
  return Date.parse(time) > nowMs - DAY_MS || (notAfter !== undefined && Date.parse(notAfter) > nowMs - DAY_MS);
}

/** Serial numbers that this resource accounts for: the held one, and those it was issued. */
export function ownSerials(observed: Observed): ReadonlySet<string> {
  const { serialNumber, recentIssuances = [] } = observed.resource.status;
  const serials = [
    heldCertificate(observed)?.serialNumber,
    serialNumber,
    ...recentIssuances.map((issuance) => issuance.serialNumber),
  ];
  return new Set(serials.filter((serial) => serial !== undefined));
}

/**
 * Unexpired certificates of the user that no resource accounts for. One that another resource's attempt is making in this
 * moment, perhaps, is not among them: it is looked at again when that attempt has ended.
 */
export function unaccounted(observed: Observed): readonly ListedCertificate[] {
  const { unaccountedSerials } = observed.resource.status;
  return unexplained(observed).filter(
    ({ serialNumber }) =>
      unaccountedSerials?.includes(serialNumber) ||
      observed.attemptsOfOthers.every(({ knownSerials }) => knownSerials.includes(serialNumber)),
  );
}

/** Unexpired certificates of the user that no Secret and no history of a resource explains. */
function unexplained(observed: Observed): readonly ListedCertificate[] {
  if (observed.atlas.kind !== "listed") return [];
  const own = ownSerials(observed);
  return observed.atlas.certificates.filter(
    ({ serialNumber }) => !own.has(serialNumber) && !observed.serialsOfOthers.has(serialNumber),
  );
}

/**
 * Certificates that exist because of the open issuance and that nobody holds: its answer got lost. Undefined where
 * Atlas was not asked, or was asked about another user since.
 */
export function orphans(observed: Observed): readonly ListedCertificate[] | undefined {
  return sinceRecord(observed, unaccounted(observed));
}

function sinceRecord(observed: Observed, certificates: readonly ListedCertificate[]) {
  const { issuance } = observed.resource.status;
  if (issuance === undefined) return [];
  if (observed.atlas.kind !== "listed" || !isSameUser(observed.resource.spec, issuance)) return undefined;
  return certificates.filter(({ serialNumber }) => !issuance.knownSerials.includes(serialNumber));
}

/**
 * Unaccounted certificates that were not there at the last list and that no open issuance explains: issued elsewhere, or
 * by an attempt that Atlas carried out after its record was closed. None at the first list of a user: what was there
 * before the resource is no news.
 */
export function latecomers(observed: Observed): readonly ListedCertificate[] {
  const { countedUser, unaccountedCertificates, unaccountedSerials = [] } = observed.resource.status;
  const isNamed = unaccountedCertificates === unaccountedSerials.length;
  if (!isNamed || countedUser === undefined || !isSameUser(observed.resource.spec, countedUser)) return [];
  const lost = new Set(orphans(observed)?.map(({ serialNumber }) => serialNumber));
  return unaccounted(observed).filter(
    ({ serialNumber }) => !unaccountedSerials.includes(serialNumber) && !lost.has(serialNumber),
  );
}

/**
 * An open issuance of which nobody will learn what became: the resource names another user by now, and the list is that
 * one's.
 */
export function abandonedIssuance(observed: Observed): Issuance | undefined {
  const { issuance } = observed.resource.status;
  if (issuance === undefined || observed.atlas.kind !== "listed" || issuanceSucceeded(observed)) return undefined;
  return isSameUser(observed.resource.spec, issuance) ? undefined : issuance;
}

/**
 * The open issuance reached its Secret: the pair in it has a serial number that was not there before the attempt. Its
 * process died, or lost the API server, before it could say so.
 */
export function issuanceSucceeded(observed: Observed): boolean {
  const { issuance } = observed.resource.status;
  const held = heldCertificate(observed);
  if (issuance === undefined || held === undefined) return false;
  return !issuance.knownSerials.includes(held.serialNumber);
}

/** A database user: what a resource names, what an attempt is for, whose certificates were counted. */
type User = Pick<UserCertificateSpec, "projectId" | "username">;

export function isSameUser(left: User, right: User): boolean {
  return left.projectId === right.projectId && left.username === right.username;
}

/**
 * What this resource's budget was spent on: the issuances that were noted, and the open one where its process died
 * before it could note the certificate that came of it. Where the list can't tell, it counts.
 */
export function spentIssuances(observed: Observed): readonly RecentIssuance[] {
  const { issuance, recentIssuances = [] } = observed.resource.status;
  if (issuance === undefined || observed.atlas.kind !== "listed") return recentIssuances;
  const isNoted = recentIssuances.some(
    ({ serialNumber, time }) => serialNumber === undefined && Date.parse(time) >= Date.parse(issuance.startedAt),
  );
  const lost = sinceRecord(observed, unexplained(observed));
  if (isNoted || lost?.length === 0) return recentIssuances;
  const notAfter = lost?.[0]?.notAfter.getTime();
  const expiry = notAfter === undefined ? {} : { notAfter: timestamp(notAfter) };
  return [...recentIssuances, { time: issuance.startedAt, reason: "AnswerLost", ...expiry }];
}

import { parseDurationMs } from "../../../../api/duration.ts";
import { SECRET_ANNOTATIONS } from "../../../../api/names.ts";
import type { UserCertificate } from "../../../../api/parse-user-certificate.ts";
import type { UserCertificateSpec } from "../../../../api/user-certificate.ts";
import type { UserCertificateStatus } from "../../../../api/user-certificate-status.ts";
import type { CertificateFacts } from "../../../../certificate/certificate-facts.ts";
import { parseDistinguishedName, subjectIsUser } from "../../../../certificate/distinguished-name.ts";
import { type RenewalRule, renewalTime } from "../../../../certificate/renewal-time.ts";
import { MINUTE_MS } from "../../../../clock.ts";
import type { HeldState, Situation, Unlisted } from "../model/situation.ts";
import type { ListedCertificate, Policy, Snapshot } from "../model/snapshot.ts";

/** The certificate in the Secret, with what the status and the list of this reconcile say about it. */
export function heldState(snapshot: Snapshot): HeldState {
  const held = heldCertificate(snapshot);
  if (held === undefined) {
    const nothing = { identityChange: undefined, doubt: undefined, renewalDueMs: undefined };
    return { held, isListed: undefined, provenMs: undefined, ...nothing };
  }
  const { nowMs, resource } = snapshot;
  const isListed = isInList(snapshot, held);
  const provenMs = isListed ? nowMs : provenBeforeMs(snapshot, held);
  const change = identityChange(snapshot, held, isListed);
  // The lists of the spec's user tell nothing of another user's certificate.
  const doubt = change === undefined ? unlisted(snapshot, held, { isListed, provenMs }) : undefined;
  return { held, isListed, provenMs, identityChange: change, doubt, renewalDueMs: renewalDueMs(resource, held) };
}

function heldCertificate({ secret, secretHolder }: Snapshot): CertificateFacts | undefined {
  if (secret.kind !== "managed" || secretHolder !== undefined) return undefined;
  return secret.content.kind === "pair" ? secret.content.facts : undefined;
}

export function renewalRule(spec: UserCertificateSpec): RenewalRule | undefined {
  if (spec.renewBeforePercentage !== undefined) return { kind: "percentage", percentage: spec.renewBeforePercentage };
  const beforeMs = spec.renewBefore === undefined ? undefined : parseDurationMs(spec.renewBefore);
  return beforeMs === undefined ? undefined : { kind: "before", beforeMs };
}

/** When a certificate is due for renewal, in milliseconds since the epoch. */
export function renewalDueMs({ spec }: UserCertificate, held: CertificateFacts): number {
  return renewalTime(held, renewalRule(spec)).getTime();
}

/**
 * Whether something happened less than `spanMs` ago. It is symmetric: a time further in the future than that was written
 * by a wrong clock and binds no one.
 */
export function isWithin(spanMs: number, timeMs: number, nowMs: number): boolean {
  return Math.abs(nowMs - timeMs) < spanMs;
}

/** Whom the Secret was issued for, if that is not the user of the spec. */
function identityChange(
  { secret, resource }: Snapshot,
  held: CertificateFacts,
  isListed: boolean | undefined,
): string | undefined {
  if (secret.kind !== "managed") return undefined;
  const { projectId, username } = resource.spec;
  if (!subjectIsUser(held.subject, username)) {
    const forUser = secret.metadata.annotations[SECRET_ANNOTATIONS.username];
    return forUser === undefined || forUser === username ? "another user" : `user ${forUser}`;
  }
  // Atlas' list of the user proves the project, whatever the annotation says: anyone can edit that.
  const forProject = secret.metadata.annotations[SECRET_ANNOTATIONS.projectId];
  if (forProject === undefined || projectId === undefined || forProject === projectId || isListed) return undefined;
  return `project ${forProject}`;
}

/** Whether the list of this reconcile holds a certificate; undefined if Atlas was not asked. */
export function isInList(
  { atlas, resource }: Pick<Snapshot, "atlas" | "resource">,
  held: CertificateFacts,
): boolean | undefined {
  if (atlas.kind !== "listed") return undefined;
  return !isForged(resource.status, held) && atlas.certificates.some((entry) => isSameCertificate(entry, held));
}

/** Whether the certificate carries the serial number of the proven one without being it: no list can prove it. */
export function isForged({ fingerprint, serialNumber }: UserCertificateStatus, held: CertificateFacts): boolean {
  return fingerprint !== undefined && serialNumber === held.serialNumber && fingerprint !== held.fingerprint;
}

/** A serial number alone proves nothing: anyone can make a certificate that carries it. */
function isSameCertificate({ serialNumber, notAfter, subject }: ListedCertificate, held: CertificateFacts): boolean {
  const isSameTime = Math.floor(notAfter.getTime() / 1000) === Math.floor(held.notAfter.getTime() / 1000);
  if (serialNumber !== held.serialNumber || !isSameTime) return false;
  const attributes = subject === undefined ? undefined : parseDistinguishedName(subject);
  return (attributes ?? []).every(({ type, value }) =>
    held.subject.some((attribute) => attribute.type === type && attribute.value === value),
  );
}

/** Atlas returned the certificate to the operator before, or listed it, if its fingerprint is on record. */
function provenBeforeMs({ resource }: Snapshot, held: CertificateFacts): number | undefined {
  const { fingerprint, lastVerifiedTime } = resource.status;
  return lastVerifiedTime === undefined || fingerprint !== held.fingerprint ? undefined : Date.parse(lastVerifiedTime);
}

/** How long lists have to lack a certificate before it counts as gone, and how many of them. */
const UNLISTED_SPAN_MS = 15 * MINUTE_MS;
const UNLISTED_LISTS = 3;

/** Evidence against the certificate from all lists so far, this reconcile's included; undefined if the last one held it. */
function unlisted(
  snapshot: Snapshot,
  held: CertificateFacts,
  { isListed, provenMs }: Pick<HeldState, "isListed" | "provenMs">,
): Unlisted | undefined {
  const { nowMs, policy, resource } = snapshot;
  const before = resource.status.unlisted;
  const known = before?.serialNumber === held.serialNumber ? before : undefined;
  const sinceMs = known === undefined || known.lists === 0 ? nowMs : Date.parse(known.since);
  const replaced = isReplaced(snapshot, held, provenMs);
  switch (isListed) {
    case true:
      return undefined;
    case false:
      // Lists in quick succession are one witness.
      if (
        known !== undefined &&
        known.lists > 0 &&
        isWithin(unlistedWaitMs(policy) / 2, Date.parse(known.latest), nowMs)
      ) {
        return { sinceMs, latestMs: Date.parse(known.latest), lists: known.lists, replaced };
      }
      return { sinceMs, latestMs: nowMs, lists: (known?.lists ?? 0) + 1, replaced };
    case undefined:
      return known && { sinceMs, latestMs: Date.parse(known.latest), lists: known.lists, replaced };
  }
}

/**
 * Whether one was issued already because the lists lacked a certificate; its response may have been lost. A list that holds
 * a certificate newer than the one it lacks is up to date, and is believed.
 */
function isReplaced(
  { atlas, others, resource }: Snapshot,
  held: CertificateFacts,
  provenMs: number | undefined,
): boolean {
  const { issuance, recentIssuances = [], unlisted } = resource.status;
  // The process that issued and stored it may have died before it could say so.
  const isOfAttempt = issuance?.reason === "NotListedByAtlas" && !issuance.knownSerials.includes(held.serialNumber);
  // A resource that was deleted and applied again has no memory of its own until a list holds the certificate.
  const isUnconfirmed = others.unconfirmed.includes(held.serialNumber) && provenMs === undefined;
  if (unlisted?.replaced !== true && !isOfAttempt && !isUnconfirmed) return false;
  const replacements = recentIssuances.filter(({ reason }) => reason === "NotListedByAtlas");
  const isNewer = ({ createdAt, serialNumber }: ListedCertificate) =>
    createdAt === undefined
      ? replacements.some((entry) => entry.serialNumber === serialNumber)
      : createdAt.getTime() > held.notBefore.getTime();
  return atlas.kind !== "listed" || !atlas.certificates.some(isNewer);
}

/** Whether Atlas has dropped the certificate: one list may be wrong, three over a quarter of an hour are believed. */
export function isDisproved({ nowMs, policy }: Snapshot, doubt: Unlisted | undefined): boolean {
  if (doubt === undefined || doubt.lists < UNLISTED_LISTS) return false;
  return Math.abs(nowMs - doubt.sinceMs) >= unlistedSpanMs(policy);
}

/** Wait between two lists of a certificate in doubt. */
function unlistedWaitMs(policy: Policy): number {
  return unlistedSpanMs(policy) / (UNLISTED_LISTS - 1);
}

function unlistedSpanMs({ verifyIntervalMs }: Policy): number {
  return Math.min(UNLISTED_SPAN_MS, verifyIntervalMs);
}

/**
 * When Atlas' list is due, in milliseconds since the epoch. Spread by UID over a fifth of the interval, so that resources
 * made together part. A missing certificate is searched for as often as an existing one is verified.
 *
 * @param lastMs when Atlas last proved the certificate
 */
export function listDueMs(situation: Situation, lastMs: number | undefined, doubt: Unlisted | undefined): number {
  const { identityChange, listedMs, nowMs, policy, resource } = situation;
  const intervalMs = policy.verifyIntervalMs * (1 - 0.2 * fractionOf(resource.uid));
  const isOpenQuestion = doubt !== undefined && !isDisproved(situation, doubt);
  // While the lists themselves are in doubt, someone fixes them.
  const goneMs = doubt?.replaced === true ? policy.recheckIntervalMs : intervalMs;
  const waitMs = isOpenQuestion ? unlistedWaitMs(policy) : goneMs;
  // No list of the spec's user ever proves another user's certificate.
  const sinceMs = doubt?.latestMs ?? (identityChange === undefined ? lastMs : listedMs);
  return sinceMs !== undefined && isWithin(waitMs, sinceMs, nowMs) ? sinceMs + waitMs : 0;
}

/** A number from 0 to 1 that depends only on the text (FNV-1a). */
function fractionOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return (hash >>> 0) / 2 ** 32;
}

/** The newer certificate of this resource that the held one had been replaced by: someone restored an older Secret. */
export function replacement({ held, history }: Situation): string | undefined {
  const newest = history.findLast(({ serialNumber, lost }) => serialNumber !== undefined && lost === undefined);
  if (held === undefined || newest === undefined || newest.serialNumber === held.serialNumber) return undefined;
  // One that someone put there by hand is no older one: it lasts longer.
  return Date.parse(newest.notAfter ?? "") > held.notAfter.getTime() ? newest.serialNumber : undefined;
}

import { timestamp } from "../../../../api/timestamp.ts";
import type { RecentIssuance } from "../../../../api/user-certificate-status.ts";
import { DAY_MS, HOUR_MS } from "../../../../clock.ts";
import type { AttemptState, Situation, WithHeld } from "../model/situation.ts";
import type { ListedCertificate, Snapshot } from "../model/snapshot.ts";
import { isSameUser, type User } from "../model/user.ts";
import { isWithin } from "./held.ts";
import { isStored } from "./open-attempt.ts";

/** How far Atlas' time stamp of a create may lie before the attempt's: whole seconds, rounded. */
const STAMP_TOLERANCE_MS = 2000;

/** How late Atlas may carry out a create; one that is later still counts as another's. */
const LATEST_MS = HOUR_MS;

/** No decision needs a longer history, and a status must stay small. */
const MAX_ENTRIES = 40;

/**
 * Certificates that were issued, or may have been, for this resource: its recorded history, and the open attempt as soon
 * as a list shows its outcome. An attempt counts from the moment it is recorded, and only a plain refusal takes it back:
 * a list that does not show its certificate may lag behind.
 */
export function history(snapshot: WithHeld & AttemptState): readonly RecentIssuance[] {
  const { isClockMeasured, nowMs, resource, settled } = snapshot;
  const { recentIssuances = [] } = resource.status;
  // By a clock that is days ahead, certificates of today would be forgotten and issued again.
  const recorded = isClockMeasured ? recentIssuances.filter((entry) => isRemembered(entry, nowMs)) : recentIssuances;
  const entries = settled === undefined ? recorded : [...recorded, settled];
  return identified(entries, snapshot).slice(-MAX_ENTRIES);
}

/** Whether an entry still counts, or still explains a certificate that Atlas may list. */
function isRemembered({ time, notAfter }: RecentIssuance, nowMs: number): boolean {
  return isWithin(DAY_MS, Date.parse(time), nowMs) || (notAfter !== undefined && Date.parse(notAfter) > nowMs - DAY_MS);
}

/**
 * Whether a certificate may still turn up: Atlas may carry out an attempt late, after the list that was read to find out
 * its outcome.
 */
export function isAwaited({ history, nowMs, others }: Pick<Situation, "history" | "nowMs" | "others">): boolean {
  const lost = [...history, ...others.issuances].filter((entry) => entry.lost === "AnswerLost");
  const unidentified = lost.filter(({ serialNumber }) => serialNumber === undefined).map(({ time }) => time);
  const times = [...unidentified, ...others.attempts.map(({ startedAt }) => startedAt)];
  return times.some((time) => isWithin(DAY_MS, Date.parse(time), nowMs));
}

/** Whether the renew annotation asks for something that was not answered yet. */
export function renewRequested(snapshot: Snapshot & AttemptState): boolean {
  const { renewRequest, status } = snapshot.resource;
  // Without a revision this is the first reconcile of a Secret that was there before (a restored backup, a moved
  // resource): its request was answered before.
  if (status.revision === undefined || renewRequest === undefined) return false;
  return renewRequest !== ((isStored(snapshot) ? status.issuance?.renewRequest : undefined) ?? status.renewRequest);
}

/** Gives entries without a serial number the certificate that fits them, once a list shows one. */
function identified(entries: readonly RecentIssuance[], snapshot: WithHeld): readonly RecentIssuance[] {
  const { attempted, resource } = snapshot;
  const listedUser: User = (attempted.kind === "listed" ? resource.status.issuance : undefined) ?? resource.spec;
  const unexplained = [...newcomers(snapshot, entries)];
  // The latest attempt first: one that began before it may never have reached Atlas.
  const latestFirst = entries.toReversed().map((entry) => {
    if (entry.serialNumber !== undefined || !isOfUser(entry, listedUser)) return entry;
    const index = unexplained.findIndex((certificate) => fits(certificate, entry, snapshot));
    const [certificate] = index === -1 ? [] : unexplained.splice(index, 1);
    if (certificate === undefined) return entry;
    const { serialNumber, notAfter } = certificate;
    return { ...entry, serialNumber, notAfter: timestamp(notAfter.getTime()) };
  });
  return latestFirst.toReversed();
}

/** Whether an entry is of this user; one that names none is of whichever user the resource names. */
export function isOfUser({ projectId, username }: RecentIssuance, user: User): boolean {
  return isSameUser({ projectId, username: username ?? user.username }, user);
}

/** Certificates of the attempt's user that no other attempt, of whichever resource, explains or may explain soon. */
function newcomers(snapshot: WithHeld, entries: readonly RecentIssuance[]): readonly ListedCertificate[] {
  const { attempted, atlas, held, others, resource } = snapshot;
  const list = attempted.kind === "listed" ? attempted : atlas;
  if (list.kind !== "listed") return [];
  const explained = new Set<string | undefined>(others.explained);
  for (const { serialNumber } of [...entries, ...others.issuances]) explained.add(serialNumber);
  explained.add(held?.serialNumber);
  explained.add(resource.status.serialNumber);
  return list.certificates.filter(
    (certificate) => !explained.has(certificate.serialNumber) && !mayBeAnAttempts(certificate, snapshot),
  );
}

/** Whether another resource's open attempt may have made it: it is judged when that attempt has ended. */
export function mayBeAnAttempts({ serialNumber }: ListedCertificate, { nowMs, others }: Snapshot): boolean {
  return others.attempts.some(
    ({ knownSerials, startedAt }) =>
      !knownSerials.includes(serialNumber) && isWithin(LATEST_MS, Date.parse(startedAt), nowMs),
  );
}

/** Whether an attempt may have led to a certificate that Atlas created at some time; in milliseconds since the epoch. */
export function isCreatedBy(createdMs: number, startedMs: number): boolean {
  return createdMs >= startedMs - STAMP_TOLERANCE_MS && createdMs < startedMs + LATEST_MS;
}

/** Whether a certificate may be the one of an attempt whose answer was lost. */
function fits(
  { serialNumber, createdAt }: ListedCertificate,
  { time }: RecentIssuance,
  { resource, nowMs }: Snapshot,
): boolean {
  const { issuance, unaccounted = [] } = resource.status;
  const startedMs = Date.parse(time);
  if (createdAt !== undefined) return isCreatedBy(createdAt.getTime(), startedMs);
  // Atlas need not say when it issued a certificate: then one that was not there before is the one.
  if (issuance !== undefined && issuance.startedAt === time) return !issuance.knownSerials.includes(serialNumber);
  return isWithin(DAY_MS, startedMs, nowMs) && !unaccounted.some((known) => known.serialNumber === serialNumber);
}

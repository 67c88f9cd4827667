import { timestamp } from "../../../../api/timestamp.ts";
import type { RecentIssuance, UnaccountedCertificate } from "../../../../api/user-certificate-status.ts";
import type { Situation } from "../model/situation.ts";
import type { ListedCertificate, Snapshot } from "../model/snapshot.ts";
import { isSameUser } from "../model/user.ts";
import { mayBeAnAttempts } from "./history.ts";

/** The status names no more than this: it must stay small. */
const MAX_NAMED = 100;

/** A certificate at Atlas whose private key no Secret of this cluster may hold. */
export interface Finding {
  readonly certificate: UnaccountedCertificate;
  /** The attempt whose response was lost, if the certificate is its: then the certificate is orphaned. */
  readonly attempt: RecentIssuance | undefined;
}

/**
 * Unexpired certificates of the user that no resource explains, oldest expiry first. What the status named before stays
 * until it expires, even if a list lacks it: a list that is empty once must not make old certificates news again. Once the
 * resource names another user, the list of that user replaces them.
 */
export function unaccounted(
  situation: Situation,
  entries: readonly RecentIssuance[],
): readonly UnaccountedCertificate[] {
  const { nowMs, resource } = situation;
  const explained = explainedSerials(situation, entries);
  const found = new Map<string, UnaccountedCertificate>();
  const isReplaced = situation.atlas.kind === "listed" && isOfFormerUser(situation);
  const before = isReplaced ? [] : (resource.status.unaccounted ?? []);
  for (const known of before) found.set(known.serialNumber, known);
  for (const certificate of listedOfUser(situation)) {
    if (!mayBeAnAttempts(certificate, situation)) found.set(certificate.serialNumber, named(certificate));
  }
  return [...found.values()]
    .filter(({ serialNumber, notAfter }) => !explained.has(serialNumber) && Date.parse(notAfter) > nowMs)
    .toSorted(
      (left, right) =>
        Date.parse(left.notAfter) - Date.parse(right.notAfter) || (left.serialNumber < right.serialNumber ? -1 : 1),
    )
    .slice(-MAX_NAMED);
}

/** Whether the latest certificate of the resource was issued for another user than the spec names by now. */
export function isOfFormerUser({ held, identityChange, resource }: Situation): boolean {
  const { spec, status } = resource;
  if (held !== undefined) return identityChange !== undefined;
  const { projectId, username } = status.recentIssuances?.at(-1) ?? {};
  return projectId !== undefined && username !== undefined && !isSameUser({ projectId, username }, spec);
}

/**
 * Those that the status did not name before, among its lost attempts either, and that are newer than the resource or belong
 * to one of its attempts.
 */
export function findings(
  snapshot: Snapshot,
  all: readonly UnaccountedCertificate[],
  entries: readonly RecentIssuance[],
): readonly Finding[] {
  const { resource } = snapshot;
  const { recentIssuances = [], unaccounted: toldOf = [] } = resource.status;
  const known = new Set([...toldOf, ...recentIssuances].map(({ serialNumber }) => serialNumber));
  return all
    .filter(({ serialNumber }) => !known.has(serialNumber))
    .map((certificate) => ({
      certificate,
      attempt: entries.find(({ serialNumber }) => serialNumber === certificate.serialNumber),
    }))
    .filter(({ certificate: { createdAt }, attempt }) => {
      if (attempt !== undefined) return true;
      // Certificates from before the resource are not news.
      const since = resource.creationTimestamp;
      return createdAt !== undefined && Date.parse(createdAt) >= Date.parse(since);
    });
}

/** Serial numbers that this resource or another one accounts for. A lost certificate is accounted for by no one. */
function explainedSerials(
  { held, isParkedHere, others, parked, resource }: Situation,
  entries: readonly RecentIssuance[],
): ReadonlySet<string> {
  const serials: (string | undefined)[] = entries
    .filter(({ lost }) => lost === undefined)
    .map(({ serialNumber }) => serialNumber);
  serials.push(held?.serialNumber, resource.status.serialNumber);
  if (isParkedHere) serials.push(parked?.facts.serialNumber);
  return new Set([...serials.filter((serial) => serial !== undefined), ...others.explained]);
}

/** Of another user, whose list is read for the open attempt alone, only what is newer than the attempt. */
function listedOfUser({ atlas, attempted, resource }: Snapshot): readonly ListedCertificate[] {
  const listed = atlas.kind === "listed" ? atlas.certificates : [];
  if (attempted === atlas || attempted.kind !== "listed") return listed;
  const known = new Set(resource.status.issuance?.knownSerials);
  return [...listed, ...attempted.certificates.filter(({ serialNumber }) => !known.has(serialNumber))];
}

function named({ serialNumber, createdAt, notAfter }: ListedCertificate): UnaccountedCertificate {
  return {
    serialNumber,
    ...(createdAt !== undefined && { createdAt: timestamp(createdAt.getTime()) }),
    notAfter: timestamp(notAfter.getTime()),
  };
}

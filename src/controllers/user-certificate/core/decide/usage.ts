import type { IssueReason } from "../../../../api/reasons.ts";
import type { RecentIssuance } from "../../../../api/user-certificate.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { DAY_MS, heldCertificate, isListed, isWithin } from "./held.ts";
import { history, isSettled } from "./history.ts";

/** How much of the limits of a user is used up. The limits are the user's: they survive every resource and its status. */
export interface Usage {
  /** When each certificate of the last 24 hours was issued, or may have been, in milliseconds since the epoch. */
  readonly issuedMs: readonly number[];
  readonly maxPerDay: number;
  readonly unexpired: number;
}

/**
 * Counts what Atlas lists, what the operator remembers to have been issued (a list may lag behind), and attempts that may
 * have been carried out; each certificate once.
 */
export function usage(snapshot: Snapshot): Usage {
  const { atlas, others, policy, nowMs, resource } = snapshot;
  const listed = atlas.kind === "listed" ? atlas.certificates : [];
  const isRecent = (timeMs: number) => isWithin(DAY_MS, timeMs, nowMs);
  const bySerial = new Map<string, number>();
  const unidentified: number[] = [];
  for (const { serialNumber, time, reason } of [...history(snapshot), ...others.issuances]) {
    const timeMs = Date.parse(time);
    if (!isRecent(timeMs) || reason === ADOPTED) continue;
    if (serialNumber === undefined) unidentified.push(timeMs);
    else bySerial.set(serialNumber, timeMs);
  }
  const { issuance } = resource.status;
  const open = issuance === undefined || isSettled(snapshot) ? others.attempts : [issuance, ...others.attempts];
  unidentified.push(...open.map(({ startedAt }) => Date.parse(startedAt)).filter(isRecent));
  for (const { serialNumber, createdAt } of listed) {
    if (createdAt !== undefined && isRecent(createdAt.getTime())) bySerial.set(serialNumber, createdAt.getTime());
  }
  const unexpired = new Set([...listed.map(({ serialNumber }) => serialNumber), ...bySerial.keys()]);
  return {
    issuedMs: [...bySerial.values(), ...unidentified],
    maxPerDay: policy.maxIssuesPerDay + others.count,
    unexpired: unexpired.size + unidentified.length,
  };
}

/** The reason in the history of a certificate that was in the Secret before its resource existed. */
export const ADOPTED = "Adopted";

/**
 * Whether an issue does not count against the limits: the renewal, due by time, of a certificate that Atlas lists. So no
 * one can use up another's renewal. One attempt a day for each certificate; further ones count.
 */
export function isExempt(snapshot: Snapshot, reason: IssueReason, entries: readonly RecentIssuance[]): boolean {
  const held = heldCertificate(snapshot);
  // Before Atlas is asked it may be exempt: the list decides before anything is issued.
  if (reason !== "NearingExpiry" || held === undefined || isListed(snapshot, held) === false) return false;
  return !entries.some(
    (entry) =>
      entry.replaces === held.serialNumber && isWithin(DAY_MS, Date.parse(entry.time), snapshot.nowMs),
  );
}

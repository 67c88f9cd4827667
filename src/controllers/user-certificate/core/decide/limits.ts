import type { IssueReason } from "../../../../api/reasons.ts";
import { DAY_MS } from "../../../../clock.ts";
import type { Situation, Usage } from "../model/situation.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { isWithin } from "./held.ts";
import { isCreatedBy, isOfUser } from "./history.ts";
import { entryOf } from "./open-attempt.ts";

/**
 * Counts what Atlas lists, what the operator remembers to have been issued (a list may lag behind), and attempts that may
 * have been carried out; each certificate once.
 */
export function usage(snapshot: Snapshot & Pick<Situation, "history" | "settled">): Usage {
  const { atlas, history, others, policy, nowMs, resource, settled } = snapshot;
  const listed = atlas.kind === "listed" ? atlas.certificates : [];
  const { issuance } = resource.status;
  const open = issuance === undefined || settled !== undefined ? others.attempts : [issuance, ...others.attempts];
  const isRecent = (timeMs: number) => isWithin(DAY_MS, timeMs, nowMs);
  const bySerial = new Map<string, number>();
  const unexpired = new Set(listed.map(({ serialNumber }) => serialNumber));
  const unidentified: number[] = [];
  for (const entry of [
    ...history,
    ...others.issuances,
    ...open.map((attempt) => ({ ...entryOf(attempt), ...attempt.parked })),
  ]) {
    const { serialNumber, time, notAfter, reason } = entry;
    const timeMs = Date.parse(time);
    if (!isRecent(timeMs) || reason === ADOPTED || !isOfUser(entry, resource.spec)) continue;
    if (serialNumber === undefined) {
      unidentified.push(timeMs);
      continue;
    }
    bySerial.set(serialNumber, timeMs);
    if (notAfter === undefined || Date.parse(notAfter) > nowMs) unexpired.add(serialNumber);
  }
  const unexplained: number[] = [];
  for (const { serialNumber, createdAt } of listed) {
    if (createdAt === undefined || !isRecent(createdAt.getTime())) continue;
    if (bySerial.has(serialNumber)) continue;
    unexplained.push(createdAt.getTime());
    bySerial.set(serialNumber, createdAt.getTime());
  }
  // An attempt whose certificate the list shows counts once.
  const unseen = unidentified.filter((startedMs) => {
    const index = unexplained.findIndex((createdMs) => isCreatedBy(createdMs, startedMs));
    if (index !== -1) unexplained.splice(index, 1);
    return index === -1;
  });
  return {
    issuedMs: [...bySerial.values(), ...unseen],
    maxPerDay: policy.maxIssuesPerDay + others.count,
    unexpired: unexpired.size + unseen.length,
  };
}

/** The reason in the history of a certificate that was in the Secret before its resource existed. */
export const ADOPTED = "Adopted";

/** A renewal that someone asked for may be due by time as well. */
const RENEWALS: ReadonlySet<string> = new Set<IssueReason>(["NearingExpiry", "RenewRequested"]);

/**
 * Whether an issue does not count against the limits: the renewal, due by time, of a certificate that Atlas lists. So no
 * one can use up another's renewal. One attempt a day for each certificate; further ones count.
 */
export function isExempt(situation: Situation, reason: IssueReason): boolean {
  const fromMs = exemptFromMs(situation, reason);
  return fromMs !== undefined && fromMs <= situation.nowMs;
}

/** From when an issue is exempt, in milliseconds since the epoch; undefined if it never is. */
export function exemptFromMs(
  { held, history, isListed, nowMs, others, renewalDueMs }: Situation,
  reason: IssueReason,
): number | undefined {
  // Before Atlas is asked it may be exempt: the list decides before anything is issued.
  if (held === undefined || !RENEWALS.has(reason) || isListed === false) return undefined;
  const { attempts, issuances } = others;
  // Those of a resource that was deleted and applied again count as well.
  const earlier = [...history, ...issuances, ...attempts.map(entryOf)]
    .filter((entry) => RENEWALS.has(entry.reason) && entry.replaces === held.serialNumber)
    .map(({ time }) => Date.parse(time))
    .filter((timeMs) => isWithin(DAY_MS, timeMs, nowMs));
  return Math.max(renewalDueMs, ...earlier.map((timeMs) => timeMs + DAY_MS));
}

import { timestamp } from "../../../../api/timestamp.ts";
import type { Issuance, RecentIssuance } from "../../../../api/user-certificate-status.ts";
import { HOUR_MS } from "../../../../clock.ts";
import type { AttemptState, WithHeld } from "../model/situation.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { isInList, isWithin } from "./held.ts";

/** The attempt on record, as far as this process and Atlas' list tell what came of it. */
export function attemptState(snapshot: WithHeld): AttemptState {
  const { parked, resource } = snapshot;
  const { issuance } = resource.status;
  if (issuance === undefined) return { isParkedHere: false, isParkedElsewhere: false, settled: undefined };
  const isParkedHere = parked?.attempt.id === issuance.id;
  const isParkedElsewhere = !isParkedHere && isParkedByOther(snapshot, issuance);
  const isOpen = isParkedHere || isParkedElsewhere || !isSettled(snapshot);
  return { isParkedHere, isParkedElsewhere, settled: isOpen ? undefined : settledAttempt(snapshot, issuance) };
}

/** Whether a list shows the outcome of the attempt, or it was for another user, whose list these credentials cannot read. */
function isSettled({ atlas, attempted }: Snapshot): boolean {
  return (
    attempted.kind === "listed" ||
    (attempted.kind === "refused" && attempted !== atlas && attempted.blocker.needsPerson)
  );
}

/** Whether another process said that it tries to store the certificate, for a time that is not over. */
function isParkedByOther({ held, nowMs }: WithHeld, { parked }: Issuance): boolean {
  if (parked?.until === undefined) return false;
  const untilMs = Date.parse(parked.until);
  const isStored = held?.serialNumber === parked.serialNumber;
  return !isStored && untilMs > nowMs && isWithin(HOUR_MS, untilMs, nowMs);
}

/** The attempt as an entry of the history, with the certificate that the Secret holds of it. */
function settledAttempt({ attempted: atlas, held, resource }: WithHeld, issuance: Issuance): RecentIssuance {
  const entry = entryOf(issuance);
  const { knownSerials, parked } = issuance;
  if (held !== undefined && !knownSerials.includes(held.serialNumber)) {
    const isItsOwn = held.serialNumber === parked?.serialNumber || isInList({ atlas, resource }, held);
    if (isItsOwn) return { ...entry, serialNumber: held.serialNumber, notAfter: timestamp(held.notAfter.getTime()) };
  }
  if (parked === undefined) return { ...entry, lost: "AnswerLost" };
  return { ...entry, serialNumber: parked.serialNumber, notAfter: parked.notAfter, lost: "NotStored" };
}

/** Whether the certificate of the open attempt turns out to be in its Secret: its process died before it could say so. */
export function isStored({ settled }: AttemptState): boolean {
  return settled !== undefined && settled.lost === undefined;
}

/** An attempt as an entry of the history. */
export function entryOf({ startedAt, reason, projectId, username, replaces }: Issuance): RecentIssuance {
  return { time: startedAt, reason, projectId, username, ...(replaces !== undefined && { replaces }) };
}

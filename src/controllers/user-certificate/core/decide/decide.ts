import type { CertificateFacts } from "../../../../certificate/certificate-facts.ts";
import { subjectIsUser } from "../../../../certificate/distinguished-name.ts";
import type { Decision } from "../model/decision.ts";
import type { ParkedView, Snapshot } from "../model/snapshot.ts";
import { isSameUser } from "../model/user.ts";
import { BLOCKERS } from "./blockers.ts";
import { repairContended } from "./contention.ts";
import { backoffEndMs, heldCertificate, listDueMs, provenMs, unlisted } from "./held.ts";
import { history, isAwaited, isParkedElsewhere, isParkedHere } from "./history.ts";
import { ISSUE_BLOCKERS } from "./issue-blockers.ts";
import { ISSUE_TRIGGERS } from "./issue-triggers.ts";
import { dataDifferences, metadataDifferences } from "./secret-differences.ts";

/**
 * Decides what to do from a snapshot. Pure: the same snapshot gives the same decision, and the lists of checks, read in
 * their order, are the operator's specification.
 */
export function decide(snapshot: Snapshot): Decision {
  const parked = decideParked(snapshot);
  if (parked !== undefined) return parked;
  for (const check of BLOCKERS) {
    const blocker = check(snapshot);
    if (blocker !== undefined) return { kind: "blocked", blocker };
  }
  for (const [reason, trigger] of ISSUE_TRIGGERS) {
    const message = trigger(snapshot);
    if (message === undefined) continue;
    for (const check of ISSUE_BLOCKERS) {
      const blocker = check(snapshot, reason);
      if (blocker !== undefined) return { kind: "blocked", blocker };
    }
    return { kind: "issue", reason, message };
  }
  const data = dataDifferences(snapshot);
  const differences = [...metadataDifferences(snapshot), ...data];
  const held = heldCertificate(snapshot);
  if (differences.length === 0 || held === undefined || snapshot.secret.kind !== "managed") return { kind: "keep" };
  const blocker = repairContended(snapshot);
  return blocker === undefined
    ? { kind: "repair", secret: snapshot.secret, held, differences, rewritesData: data.length > 0 }
    : { kind: "blocked", blocker };
}

/** A certificate that waits for its Secret is stored before anything else, whatever else rules out new ones. */
function decideParked(snapshot: Snapshot): Decision | undefined {
  const { nowMs, parked, resource, secret } = snapshot;
  if (parked === undefined) return undefined;
  const discard = (problem: string): Decision => ({ kind: "discard", parked, problem });
  if (!isParkedHere(snapshot)) return discard("another attempt replaced it");
  // By a clock that was just set, no key is thrown away.
  const isExpired = snapshot.isClockMeasured && parked.facts.notAfter.getTime() <= nowMs;
  if (isExpired) return discard("it expired before its Secret could be written");
  if (!isSameUser(parked.attempt, resource.spec)) return discard("the spec now names another user");
  const held = heldCertificate(snapshot);
  if (held !== undefined && isSuperseded(parked, held)) return discard("the Secret already holds a newer certificate");
  if (secret.kind === "foreign" || snapshot.secretHolder !== undefined) return undefined;
  return secret.kind === "managed" && secret.metadata.deleting ? undefined : { kind: "store", parked };
}

/** Whether a certificate in the Secret is newer than the one that waits for the Secret, and came there since its attempt. */
export function isSuperseded({ attempt, facts }: ParkedView, held: CertificateFacts): boolean {
  const { notBefore, serialNumber, subject } = held;
  if (!subjectIsUser(subject, attempt.username)) return false;
  if (serialNumber === facts.serialNumber || attempt.knownSerials.includes(serialNumber)) return false;
  return notBefore >= facts.notBefore;
}

/**
 * Whether a decision made from the caches needs fresh reads and Atlas' list before it counts. Nothing is issued on the
 * word of a cache, and only a list shows the outcome of an open attempt, whatever else blocks.
 */
export function needsAtlas(snapshot: Snapshot, decision: Decision): boolean {
  const { credentials, nowMs, resource } = snapshot;
  if (decision.kind === "discard" || (decision.kind === "store" && snapshot.isClockMeasured)) return false;
  if (decision.kind === "issue") return true;
  if (credentials.kind !== "usable" || backoffEndMs(snapshot) !== undefined) return false;
  if (resource.status.issuance !== undefined && !isParkedHere(snapshot) && !isParkedElsewhere(snapshot)) return true;
  const held = heldCertificate(snapshot);
  const isAwaiting = isAwaited(snapshot, history(snapshot));
  if (resource.spec.suspend && !isAwaiting) return false;
  // By a clock that is hours behind nothing is due yet.
  if (!snapshot.isClockMeasured && !isParkedElsewhere(snapshot)) return true;
  if (held !== undefined) return nowMs >= listDueMs(snapshot, provenMs(snapshot, held), unlisted(snapshot, held));
  return isAwaiting && nowMs >= listDueMs(snapshot, snapshot.listedMs, undefined);
}

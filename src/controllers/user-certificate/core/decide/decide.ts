import type { CertificateFacts } from "../../../../certificate/certificate-facts.ts";
import { subjectIsUser } from "../../../../certificate/distinguished-name.ts";
import type { Decision } from "../model/decision.ts";
import type { Situation } from "../model/situation.ts";
import type { ParkedView } from "../model/snapshot.ts";
import { isSameUser } from "../model/user.ts";
import { BLOCKERS } from "./blockers.ts";
import { repairContended } from "./contention.ts";
import { listDueMs } from "./held.ts";
import { isAwaited } from "./history.ts";
import { ISSUE_BLOCKERS } from "./issue-blockers.ts";
import { ISSUE_TRIGGERS } from "./issue-triggers.ts";
import { dataDifferences, metadataDifferences } from "./secret-differences.ts";

/**
 * Decides what to do. Pure: the same situation gives the same decision, and the lists of checks, read in
 * their order, are the operator's specification.
 */
export function decide(situation: Situation): Decision {
  const parked = decideParked(situation);
  if (parked !== undefined) return parked;
  for (const check of BLOCKERS) {
    const blocker = check(situation);
    if (blocker !== undefined) return { kind: "blocked", blocker };
  }
  for (const [reason, trigger] of ISSUE_TRIGGERS) {
    const message = trigger(situation);
    if (message === undefined) continue;
    for (const check of ISSUE_BLOCKERS) {
      const blocker = check(situation, reason);
      if (blocker !== undefined) return { kind: "blocked", blocker };
    }
    return { kind: "issue", reason, message };
  }
  const data = dataDifferences(situation);
  const differences = [...metadataDifferences(situation), ...data];
  const { held, secret } = situation;
  if (differences.length === 0 || held === undefined || secret.kind !== "managed") return { kind: "keep" };
  const blocker = repairContended(situation);
  return blocker === undefined
    ? { kind: "repair", secret, held, differences, rewritesData: data.length > 0 }
    : { kind: "blocked", blocker };
}

/** A certificate that waits for its Secret is stored before anything else, whatever else rules out new ones. */
function decideParked(situation: Situation): Decision | undefined {
  const { held, isClockMeasured, isParkedHere, nowMs, parked, resource, secret, secretHolder } = situation;
  if (parked === undefined) return undefined;
  const discard = (problem: string): Decision => ({ kind: "discard", parked, problem });
  if (!isParkedHere) return discard("another attempt replaced it");
  // By a clock that was just set, no key is thrown away.
  const isExpired = isClockMeasured && parked.facts.notAfter.getTime() <= nowMs;
  if (isExpired) return discard("it expired before its Secret could be written");
  if (!isSameUser(parked.attempt, resource.spec)) return discard("the spec now names another user");
  if (held !== undefined && isSuperseded(parked, held)) return discard("the Secret already holds a newer certificate");
  if (secret.kind === "foreign" || secretHolder !== undefined) return undefined;
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
 *
 * @param isTimeAsked whether enough other resources ask Atlas for its time already
 */
export function needsAtlas(situation: Situation, decision: Decision, isTimeAsked: boolean): boolean {
  const { backoffEndMs, credentials, doubt, held, isClockMeasured, listedMs, nowMs, provenMs, resource } = situation;
  if (decision.kind === "discard" || (decision.kind === "store" && isClockMeasured)) return false;
  if (decision.kind === "issue") return true;
  if (credentials.kind !== "usable" || backoffEndMs !== undefined) return false;
  const { isParkedElsewhere, isParkedHere } = situation;
  if (resource.status.issuance !== undefined && !isParkedHere && !isParkedElsewhere) return true;
  const isAwaiting = isAwaited(situation);
  if (resource.spec.suspend && !isAwaiting) return false;
  // By a clock that is hours behind, nothing seems due, and a parked certificate that has expired seems valid.
  if (!isClockMeasured && !isParkedElsewhere && (!isTimeAsked || decision.kind === "store")) return true;
  if (held !== undefined) return nowMs >= listDueMs(situation, provenMs, doubt);
  return isAwaiting && nowMs >= listDueMs(situation, listedMs, undefined);
}

import { listDueMs } from "../decide/held.ts";
import { isAwaited } from "../decide/history.ts";
import { wantsKeystore } from "../model/desired-data.ts";
import type { Assessment } from "./assessment.ts";
import { previousCertificate } from "./next-status.ts";

/** A minimum delay, so that a lagging cache is not polled in a tight loop. */
const SOON_MS = 1000;

/**
 * When to reconcile next, by Atlas' clock in milliseconds since the epoch, if nothing changes until then: when a wait is
 * over, when Atlas' list or the renewal is due, when the certificate expires, for then Ready must turn False, and when the
 * one before it does, for then its consumers can't log in any more.
 * Undefined if only a change matters.
 *
 * Anything that became due while this reconcile ran was not seen by it, so past due times are scheduled too.
 */
export function nextReconcileMs(assessment: Assessment): number | undefined {
  const { held, nowMs, outcome, situation } = assessment;
  const soonMs = nowMs + SOON_MS;
  if (outcome.kind === "overtaken" || outcome.kind === "repaired" || outcome.kind === "discarded") return soonMs;
  // The keystore may have been left out of the write, for it must not keep the certificate from its Secret.
  if (outcome.kind === "issued" && wantsKeystore(situation.resource.spec)) return soonMs;
  const restarts = assessment.restarts.flatMap(({ nextMs }) => (nextMs === undefined ? [] : [nextMs]));
  const due = [...waitTimes(assessment), ...listTimes(assessment), ...restarts];
  const times = due.map((time) => Math.max(time, soonMs));
  const expiryMs = held?.notAfter.getTime();
  if (expiryMs !== undefined && expiryMs > nowMs) times.push(expiryMs);
  const previous = previousCertificate(assessment);
  if (previous !== undefined) times.push(Date.parse(previous.notAfter));
  return times.length === 0 ? undefined : Math.min(...times);
}

/** The end of a wait, and the renewal. */
function waitTimes(assessment: Assessment): readonly number[] {
  const { blocker, nowMs, outcome, renewalDueMs, retryMs } = assessment;
  if (outcome.kind === "parked") return [outcome.nextTryMs];
  // A problem that needs a person becomes urgent when the renewal is due: Stalled turns True.
  const isAhead = renewalDueMs !== undefined && (blocker === undefined || renewalDueMs > nowMs);
  const renewal = isAhead ? [renewalDueMs] : [];
  if (blocker === undefined) return renewal;
  switch (blocker.retry.kind) {
    case "onChange":
      return renewal;
    case "at":
      return [...renewal, blocker.retry.atMs];
    case "running":
    case "backoff":
      return retryMs === undefined ? renewal : [...renewal, retryMs];
    default:
      return blocker.retry satisfies never;
  }
}

/** Atlas' list is still read under every blocker, except during the backoff of a failed attempt. */
function listTimes({
  blocker,
  doubt,
  held,
  history,
  nowMs,
  outcome,
  provenMs,
  situation,
}: Assessment): readonly number[] {
  const isWaiting = blocker?.retry.kind === "backoff" || blocker?.retry.kind === "running";
  if (isWaiting || situation.credentials.kind !== "usable" || outcome.kind === "parked") return [];
  // Behind another blocker no backoff is on record that would keep the next list away.
  const isRefused = situation.atlas.kind === "refused" || situation.attempted.kind === "refused";
  const soonestMs = isRefused ? nowMs + situation.policy.recheckIntervalMs : nowMs;
  const isOpen = situation.resource.status.issuance !== undefined && outcome.kind !== "issued";
  const isToBeCompared = situation.settled === undefined && !situation.isParkedHere && !situation.isParkedElsewhere;
  if (isOpen && isToBeCompared) return [soonestMs];
  const isVerified = held !== undefined && !situation.resource.spec.suspend;
  if (!isVerified && !isAwaited({ history, nowMs: situation.nowMs, others: situation.others })) return [];
  const listedMs = situation.atlas.kind === "listed" ? situation.nowMs : situation.listedMs;
  return [Math.max(soonestMs, listDueMs(situation, held === undefined ? listedMs : provenMs, doubt))];
}

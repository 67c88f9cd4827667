import { MINUTE_MS } from "../../../clock.ts";
import { CONFIRMATION_MS } from "./decide.ts";
import { type Assessment, failureOf, recordOf } from "./outcome.ts";

/** First wait for what Atlas has been asked for, and wait for a blocker that may pass. */
const SHORT_MS = 2000;
const BLOCKED_MS = 10_000;

/**
 * Time of the next reconcile of a request, in milliseconds since the epoch; undefined when it is over.
 *
 * @param recheckMs longest wait while a person has to act
 */
export function nextTimeMs(assessment: Assessment, recheckMs: number): number | undefined {
  const { decision, outcome, snapshot } = assessment;
  const { nowMs, removal } = snapshot;
  if (outcome.kind === "overtaken" || decision.kind === "ask") return nowMs + SHORT_MS;
  if (decision.kind === "rest" || decision.kind === "complete" || failureOf(assessment) !== undefined) return undefined;
  const { requestedAt } = recordOf(assessment);
  const endMs =
    requestedAt === undefined ? Date.parse(removal.spec.notAfter) : Date.parse(requestedAt) + CONFIRMATION_MS;
  if (decision.kind === "blocked") {
    const { atLeastMs = 0, needsPerson } = decision.blocker;
    const waitMs = Math.max(atLeastMs, needsPerson ? recheckMs : Math.min(BLOCKED_MS, recheckMs));
    return Math.min(nowMs + waitMs, endMs);
  }
  const elapsedMs = nowMs - Date.parse(requestedAt ?? "");
  return Math.min(nowMs + Math.min(Math.max(SHORT_MS, elapsedMs / 4), MINUTE_MS), endMs);
}

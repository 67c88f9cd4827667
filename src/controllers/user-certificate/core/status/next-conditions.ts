import { type ConditionState, conditionsOf } from "../../../../api/condition-states.ts";
import { CONDITION_TYPES, type Condition, RESTART_CONDITION } from "../../../../api/conditions.ts";
import { timestamp } from "../../../../api/timestamp.ts";
import type { CertificateFacts } from "../../../../certificate/certificate-facts.ts";
import { type RenewalAdjustment, renewalAdjustment } from "../../../../certificate/renewal-time.ts";
import { renewalRule } from "../decide/held.ts";
import { type Blocker, blockerMessage } from "../model/blocker.ts";
import type { Assessment } from "./assessment.ts";
import { restartPending } from "./pending-restarts.ts";

/**
 * The conditions after a reconciliation, in one list: they change together.
 *
 * Ready says whether apps can log in with what the Secret holds. It stays True during a renewal and through every problem
 * that the certificate outlives; its reason and message name the problem nevertheless. Stalled says that a person has to
 * act before an app is affected any further. Issuing says that a create is on record.
 *
 * @param before the conditions as they are on the API server
 */
export function nextConditions(assessment: Assessment, before: readonly Condition[]): Condition[] {
  const stalledState = stalled(assessment);
  const states = {
    // Tools that know kstatus show Stalled alone, so it has the remedy when it is True, and Ready does not repeat it.
    Ready: ready(assessment, stalledState.status === "True" ? undefined : assessment.blocker?.remedy),
    Issuing: issuing(assessment),
    Stalled: stalledState,
  };
  const { nowMs, restarts, situation } = assessment;
  const context = { before, generation: situation.resource.generation, nowMs };
  const restart = restartPending(situation, restarts);
  return [
    ...conditionsOf(CONDITION_TYPES, states, context),
    ...(restart === undefined ? [] : conditionsOf([RESTART_CONDITION], { [RESTART_CONDITION]: restart }, context)),
  ];
}

/** Says what is wrong; what still works and until when; what happens next or what the reader must do. */
function ready(
  { blocker, held, nowMs, renewalDueMs, retryMs, situation, unusable }: Assessment,
  remedy: string | undefined,
): ConditionState {
  const { secretName, username } = situation.resource.spec;
  const explained = (problem: string) =>
    blockerMessage({ problem, remedy, notRechecked: blocker?.notRechecked }) +
    (retryMs === undefined ? "" : ` The operator retries at ${timestamp(retryMs)}.`);
  if (unusable !== undefined || held === undefined) {
    const { reason, problem } = unusable ?? { reason: "SecretMissing", problem: "" };
    if (blocker === undefined) return { status: "False", reason, message: problem };
    // An expiry is worth saying before its cause: apps are already down.
    const first = reason === "Expired" ? `${problem} ` : "";
    return { status: "False", reason: blocker.reason, message: first + explained(blocker.problem) };
  }
  const until = timestamp(held.notAfter.getTime());
  if (blocker !== undefined) {
    const works = `${blocker.problem} The certificate in Secret ${secretName} is valid until ${until}.`;
    return { status: "True", reason: blocker.reason, message: explained(works) };
  }
  const isAhead = renewalDueMs !== undefined && renewalDueMs > nowMs;
  const renewal = isAhead ? `; it will be renewed at ${timestamp(renewalDueMs)}` : "";
  const adjustment = renewalAdjustment(held, renewalRule(situation.resource.spec));
  return {
    status: "True",
    reason: "Issued",
    message:
      `Secret ${secretName} holds certificate ${held.serialNumber} of user ${username}, valid until ${until}${renewal}.` +
      (adjustment === undefined ? "" : ` ${ADJUSTMENTS[adjustment]}`),
  };
}

/** Replacements for renewal times that the spec asks for and the operator can't use. */
const ADJUSTMENTS: Readonly<Record<RenewalAdjustment, string>> = {
  raisedTo24h: "spec.renewBefore is below the minimum of 24h, so 24h is used.",
  reducedToTwoThirds:
    "The renewal time that the spec asks for is too early; the renewal is due after one third of the lifetime.",
  replacedByOneThird:
    "spec.renewBefore exceeds the lifetime, so the renewal is due when one third of the lifetime remains.",
};

function issuing({ blocker, decision, outcome, parked, situation, unusable }: Assessment): ConditionState {
  if (outcome.kind === "recorded") {
    const message = `A certificate for user ${situation.resource.spec.username} is being issued.`;
    // Otherwise Ready names the cause.
    const cause = decision.kind === "issue" && unusable === undefined ? `${decision.message} ` : "";
    return { status: "True", reason: outcome.attempt.reason, message: cause + message };
  }
  if (parked !== undefined && blocker !== undefined) {
    return { status: "True", reason: blocker.reason, message: notStoredYet(parked) };
  }
  return { status: "False", reason: blocker?.reason ?? "Issued", message: "No certificate is being issued." };
}

/** The problem, and what is at stake while a certificate waits for its Secret. */
export function problemOf({ problem }: Blocker, parked: CertificateFacts | undefined): string {
  if (parked === undefined) return problem;
  return `${problem} ${notStoredYet(parked)} It exists only in the operator's memory and is lost if the pod is killed.`;
}

function notStoredYet({ serialNumber }: CertificateFacts): string {
  return `Certificate ${serialNumber} has been issued but not stored yet.`;
}

/** kstatus reports Ready and Stalled together as a failure: an app that works must not fail a rollout. */
function stalled({ blocker, held, nowMs, parked, renewalDueMs, unusable }: Assessment): ConditionState {
  const reason = blocker?.reason ?? "Issued";
  if (parked !== undefined && blocker !== undefined) {
    const problem = problemOf(blocker, parked);
    return { status: "True", reason, message: blockerMessage({ ...blocker, problem }) };
  }
  if (blocker?.needsPerson !== true) return { status: "False", reason, message: "No action is required." };
  const isOverdue = renewalDueMs !== undefined && renewalDueMs <= nowMs;
  if (unusable !== undefined || held === undefined || isOverdue) {
    return { status: "True", reason, message: blockerMessage(blocker) };
  }
  const by = renewalDueMs === undefined ? "" : ` before ${timestamp(renewalDueMs)}`;
  return { status: "False", reason, message: `Action is required${by}, when the renewal is due; see Ready.` };
}

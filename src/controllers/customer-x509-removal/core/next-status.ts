import { type ConditionState, conditionsOf } from "../../../api/condition-states.ts";
import type { Condition } from "../../../api/conditions.ts";
import { type CustomerX509RemovalStatus, REMOVAL_CONDITION_TYPES } from "../../../api/customer-x509-removal.ts";
import { timestamp } from "../../../api/timestamp.ts";
import { MINUTE_MS } from "../../../clock.ts";
import type { ProjectBlocker } from "../../access/project-directory.ts";
import { CONFIRMATION_MS, type FailureReason } from "./decide.ts";
import { type Assessment, failureOf, recordOf } from "./outcome.ts";
import { completion, recordedRequest, restartOf } from "./sentences.ts";

/** A word that a condition of an AtlasCustomerX509Removal can carry as its reason. */
export type RemovalReason = FailureReason | "Requested" | "AnswerLost" | "Removed" | "AlreadyOff";

/** The state of a request in words. */
interface Story {
  readonly reason: RemovalReason;
  /** Cause, or deed, and the next step of the operator. */
  readonly message: string;
  /** The next step of the reader; undefined if there is none. */
  readonly remedy?: string | undefined;
  readonly isComplete?: boolean;
  readonly isFailed?: boolean;
  /** Whether the operator continues without a person. */
  readonly isUnderWay?: boolean;
}

/**
 * The status that a reconcile leaves; undefined if it leaves the one that is there. kstatus knows neither Complete nor
 * Failed: it reads Reconciling and Stalled, of which at most one is True.
 */
export function nextStatus(
  assessment: Assessment,
  before: readonly Condition[],
): CustomerX509RemovalStatus | undefined {
  const { decision, snapshot } = assessment;
  const { nowMs, removal } = snapshot;
  // Reading tells nothing new while Atlas has not acted.
  const isLost = before.some(({ type, reason }) => type === "Reconciling" && reason === "AnswerLost");
  if (decision.kind === "wait" && isLost) return undefined;
  const story = storyOf(assessment);
  if (story === undefined) return undefined;
  const { reason, message, remedy, isComplete = false, isFailed = false, isUnderWay = false } = story;
  const state = (isTrue: boolean, yes: string, no: string): ConditionState => ({
    status: isTrue ? "True" : "False",
    reason,
    message: isTrue ? yes : no,
  });
  const advised = remedy === undefined ? message : `${message} ${remedy}`.trim();
  const states = {
    Complete: state(isComplete, message, "This request is not complete."),
    Failed: state(isFailed, message, "This request has not failed."),
    Reconciling: state(
      isUnderWay,
      message,
      isComplete || isFailed ? "The operator has finished with this request." : "The operator waits; see Stalled.",
    ),
    Stalled: state(remedy !== undefined, advised, "No action is required."),
  };
  return {
    conditions: conditionsOf(REMOVAL_CONDITION_TYPES, states, { before, generation: removal.generation, nowMs }),
    observedGeneration: removal.generation,
    ...recordOf(assessment),
    ...(decision.kind === "complete" && { completedAt: timestamp(nowMs) }),
    message: advised,
  };
}

function storyOf(assessment: Assessment): Story | undefined {
  const { decision, outcome, snapshot } = assessment;
  const failure = failureOf(assessment);
  if (failure !== undefined) {
    return { reason: failure.reason, message: failure.problem, remedy: failure.remedy, isFailed: true };
  }
  const { projectId = "", requestedAt = "" } = recordOf(assessment);
  switch (decision.kind) {
    case "rest":
    case "ask":
    case "fail":
      return undefined;
    case "blocked":
      return blocked(decision.blocker, snapshot.removal.spec.notAfter, requestedAt);
    case "request":
    case "wait": {
      if (outcome.kind === "overtaken") return undefined;
      const until = timestamp(Date.parse(requestedAt) + CONFIRMATION_MS);
      const lost = outcome.kind === "answerLost" ? ` ${outcome.problem}` : "";
      const message =
        `${recordedRequest(projectId, requestedAt)}.${lost} ` +
        `${restartOf(projectId)} The operator sends the request only once; until ${until} it checks whether Atlas has carried it out.`;
      const reason = outcome.kind === "answerLost" ? "AnswerLost" : "Requested";
      return { reason, message, isUnderWay: true };
    }
    case "complete": {
      const { reason } = decision;
      const effect = reason === "Removed" ? ` ${restartOf(projectId)}` : "";
      return { reason, message: completion(reason, projectId, requestedAt) + effect, isComplete: true };
    }
    default:
      return decision satisfies never;
  }
}

function blocked(
  { reason, problem, remedy, needsPerson }: ProjectBlocker,
  notAfter: string,
  requestedAt: string,
): Story {
  const next =
    requestedAt === ""
      ? `Nothing has been changed; the operator retries until ${notAfter}.`
      : `The operator cannot tell whether Atlas has carried out the request of ${requestedAt}; it keeps checking.`;
  return {
    reason,
    message: [problem, ...(needsPerson ? [] : [remedy]), next].filter((part) => part !== undefined).join(" "),
    // Without a condition that is True, kstatus would take the request for done.
    remedy: needsPerson ? (remedy ?? "") : undefined,
    isUnderWay: !needsPerson,
  };
}

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

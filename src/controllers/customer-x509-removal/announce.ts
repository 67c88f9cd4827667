import { CUSTOMER_X509_REMOVAL } from "../../api/customer-x509-removal.ts";
import { type Audience, tell } from "../tell.ts";
import { type Assessment, failureOf, recordOf } from "./core/outcome.ts";
import { completion, restartOf } from "./core/sentences.ts";

/** Tells people what a reconcile came to, once its status is written. */
export function announce(audience: Audience, assessment: Assessment): void {
  const happening = happeningOf(assessment);
  if (happening === undefined) return;
  tell(audience, CUSTOMER_X509_REMOVAL, assessment.snapshot.removal, { ...happening, action: "Remove" });
}

function happeningOf(assessment: Assessment): Omit<Parameters<typeof tell>[3], "action"> | undefined {
  const { decision, outcome, snapshot } = assessment;
  const failure = failureOf(assessment);
  if (failure !== undefined) {
    return { type: "Warning", reason: failure.reason, note: `${failure.problem} ${failure.remedy}` };
  }
  const { projectId = "", requestedAt = "" } = recordOf(assessment);
  if (outcome.kind === "recorded") {
    const note = `The operator is about to ask Atlas to switch off customer-managed X.509 in project ${projectId}. ${restartOf(projectId)}`;
    return { type: "Warning", reason: "Requested", note };
  }
  if (outcome.kind === "answerLost") {
    const note = `${outcome.problem} The operator does not repeat the request; it checks whether Atlas has carried it out.`;
    return { type: "Warning", reason: "AnswerLost", note };
  }
  if (decision.kind === "complete") {
    const note = completion(decision.reason, projectId, requestedAt);
    return { type: "Normal", reason: decision.reason, note };
  }
  if (decision.kind !== "blocked") return undefined;
  const { reason, problem, remedy } = decision.blocker;
  // It was announced when it began.
  if ((snapshot.removal.status.conditions ?? []).some((condition) => condition.reason === reason)) return undefined;
  return { type: "Warning", reason, note: `${problem} ${remedy ?? "The operator retries."}` };
}

import type { CustomerX509RemovalStatus } from "../../../api/customer-x509-removal.ts";
import type { Decision, Failure } from "./decide.ts";
import type { Snapshot } from "./snapshot.ts";

/** Result of a decision. */
export type Outcome =
  | { readonly kind: "nothing" }
  /** The call is on record, and has not been made yet. */
  | { readonly kind: "recorded"; readonly projectId: string; readonly requestedAt: string }
  /** Atlas has accepted the call. */
  | { readonly kind: "accepted"; readonly projectId: string; readonly requestedAt: string }
  /** The call was sent, and its answer was lost. */
  | {
      readonly kind: "answerLost";
      readonly projectId: string;
      readonly requestedAt: string;
      /** One sentence. */
      readonly problem: string;
    }
  /** Nothing was changed, and nothing will be. */
  | { readonly kind: "refused"; readonly projectId: string; readonly requestedAt: string; readonly failure: Failure }
  /** Someone else changed the object in the meantime: reconcile again. */
  | { readonly kind: "overtaken" };

/** One reconcile: everything that is reported of it. */
export interface Assessment {
  readonly snapshot: Snapshot;
  readonly decision: Decision;
  readonly outcome: Outcome;
}

/** The record of the call: that of this reconcile, or an earlier one's. */
export function recordOf({
  outcome,
  snapshot,
}: Assessment): Pick<CustomerX509RemovalStatus, "projectId" | "requestedAt"> {
  const { projectId, requestedAt } = "requestedAt" in outcome ? outcome : snapshot.removal.status;
  return { ...(projectId !== undefined && { projectId }), ...(requestedAt !== undefined && { requestedAt }) };
}

/** Why the request is over without success, if it is. */
export function failureOf({ decision, outcome }: Assessment): Failure | undefined {
  if (outcome.kind === "refused") return outcome.failure;
  return decision.kind === "fail" ? decision.failure : undefined;
}

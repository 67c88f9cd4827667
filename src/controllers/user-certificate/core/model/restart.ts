import type { RestartReason } from "../../../../api/reasons.ts";
import type { PendingRestart } from "../../../../api/rollout-restart.ts";

/** A workload of spec.rolloutRestart as the API server has it. Times in milliseconds since the epoch. */
export type ObservedWorkload =
  | { readonly kind: "absent" }
  | {
      readonly kind: "present";
      /** A restart is done only to the workload that was read, so that two processes cause one. */
      readonly uid: string;
      readonly resourceVersion: string;
      /** Its rollouts stand still, or do not reach all pods. */
      readonly halt: Halt | undefined;
      /** When the newest certificate was written that its pods have by a restart of the operator's. */
      readonly coveredMs: number | undefined;
      /** When the operator last restarted it. */
      readonly restartedMs: number | undefined;
    };
export type PresentWorkload = Extract<ObservedWorkload, { kind: "present" }>;

export interface Halt {
  readonly reason: Extract<RestartReason, "WorkloadPaused" | "WorkloadOnDelete">;
  /** The cause, in the words that follow the workload's name. */
  readonly problem: string;
  readonly remedy: string;
}

/** Why a workload is not restarted, for a person. */
export interface RestartBlocker {
  readonly reason: RestartReason;
  readonly message: string;
  /** Wait before the next try, in milliseconds. */
  readonly retryMs: number;
}

/** The next step for one workload. */
export type RestartDecision =
  /** Its pods have the certificate, or a newer one. */
  | { readonly kind: "covered" }
  | { readonly kind: "wait"; readonly untilMs: number }
  | { readonly kind: "restart"; readonly workload: PresentWorkload }
  | { readonly kind: "blocked"; readonly blocker: RestartBlocker };

/** The state of one pending restart after a reconcile. */
export type RestartResult = { readonly pending: PendingRestart } & (
  | { readonly kind: "restarted" | "covered" }
  | { readonly kind: "waiting"; readonly untilMs: number }
  | { readonly kind: "blocked"; readonly blocker: RestartBlocker; readonly untilMs: number }
);

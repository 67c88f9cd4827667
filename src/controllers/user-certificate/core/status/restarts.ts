import type { ConditionState } from "../../../../api/condition-states.ts";
import type { PendingRestart } from "../../../../api/rollout-restart.ts";
import { timestamp } from "../../../../api/timestamp.ts";
import { isStored } from "../decide/history.ts";
import { isToRestart, restartDueMs, titleOf } from "../decide/restarts.ts";
import type { Outcome } from "../model/decision.ts";
import type { RestartResult } from "../model/restart.ts";
import type { Snapshot } from "../model/snapshot.ts";

/** A restart that is still pending after a reconcile. */
export interface StandingRestart {
  readonly pending: PendingRestart;
  /** When its workload is looked at next, in milliseconds since the epoch; undefined if only a change matters. */
  readonly nextMs: number | undefined;
}

/**
 * The restarts that are pending after a reconcile: all of the spec's, if an attempt comes off the record whose
 * certificate replaced another one; else those of before, less what is done. Pods wait for a Secret that is new, and a
 * certificate that was adopted may be the one that they have.
 */
export function standingRestarts(
  snapshot: Snapshot,
  outcome: Outcome,
  results: readonly RestartResult[],
  nowMs: number,
): readonly StandingRestart[] {
  const { policy, resource } = snapshot;
  const { spec, status } = resource;
  if (!policy.restartsWorkloads) return [];
  if (closedAttempt(snapshot, outcome)?.replaces !== undefined) {
    const writtenAt = timestamp(nowMs);
    const all = (spec.rolloutRestart ?? []).map(({ kind, name }) => ({ kind, name, writtenAt }));
    return all.map((pending) => ({ pending, nextMs: restartDueMs(pending) }));
  }
  return (status.pendingRestarts ?? [])
    .filter((one) => isToRestart(spec, one))
    .flatMap((before) => {
      const result = results.find(({ pending }) => titleOf(pending) === titleOf(before));
      return result === undefined ? [{ pending: before, nextMs: undefined }] : standing(result);
    });
}

/** The attempt whose certificate is in the Secret, and which this reconcile takes off the record. */
function closedAttempt(snapshot: Snapshot, outcome: Outcome) {
  if (outcome.kind === "issued") return outcome.attempt;
  return isStored(snapshot) ? snapshot.resource.status.issuance : undefined;
}

function standing(result: RestartResult): readonly StandingRestart[] {
  const { kind, name, writtenAt } = result.pending;
  const pending = { kind, name, writtenAt };
  switch (result.kind) {
    case "restarted":
    case "covered":
      return [];
    case "waiting":
      return [{ pending, nextMs: result.untilMs }];
    case "blocked": {
      const { message, reason } = result.blocker;
      return [{ pending: { ...pending, reason, message }, nextMs: result.untilMs }];
    }
    default:
      return result satisfies never;
  }
}

/**
 * Whether pods may still use the certificate before: a condition of its own, since a workload that can't be restarted
 * takes nothing from an app that works. Undefined where the spec asks for no restarts.
 */
export function restartPending(
  { policy, resource }: Snapshot,
  restarts: readonly StandingRestart[],
): ConditionState | undefined {
  const { rolloutRestart = [], suspend } = resource.spec;
  if (rolloutRestart.length === 0) return undefined;
  if (!policy.restartsWorkloads) return { status: "False", reason: "RestartsDisabled", message: DISABLED };
  if (restarts.length === 0) return { status: "False", reason: "Restarted", message: "No restart is pending." };
  if (suspend) {
    const names = restarts.map(({ pending }) => titleOf(pending)).join(", ");
    return { status: "True", reason: "Suspended", message: `${names}: not restarted while spec.suspend is true.` };
  }
  const blocked = restarts.find(({ pending }) => pending.reason !== undefined);
  const sentences = restarts.map(sentenceOf);
  if (blocked === undefined) return { status: "True", reason: "RestartDue", message: sentences.join(" ") };
  const until = resource.status.previous?.notAfter;
  if (until !== undefined) sentences.push(`Pods that still use the previous certificate can log in until ${until}.`);
  sentences.push("The operator retries within 10 minutes.");
  return { status: "True", reason: blocked.pending.reason ?? "", message: sentences.join(" ") };
}

function sentenceOf({ nextMs, pending }: StandingRestart): string {
  if (pending.message !== undefined) return pending.message;
  return `${titleOf(pending)} will be restarted${nextMs === undefined ? "" : ` at ${timestamp(nextMs)}`}.`;
}

const DISABLED =
  "spec.rolloutRestart has no effect, because this installation does not allow restarts. Set the chart value " +
  "rolloutRestart.enabled, or restart the workloads yourself after each renewal.";

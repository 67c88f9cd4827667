import type { ConditionState } from "../../../../api/condition-states.ts";
import type { PendingRestart } from "../../../../api/rollout-restart.ts";
import { timestamp } from "../../../../api/timestamp.ts";
import type { CertificateFacts } from "../../../../certificate/certificate-facts.ts";
import { isStored } from "../decide/open-attempt.ts";
import { isToRestart, restartDueMs, titleOf } from "../decide/restarts.ts";
import type { Outcome } from "../model/decision.ts";
import type { RestartResult } from "../model/restart.ts";
import type { Situation } from "../model/situation.ts";
import type { Snapshot } from "../model/snapshot.ts";

/** A restart that is still pending after a reconcile. */
export interface StandingRestart {
  readonly pending: PendingRestart;
  /** When its workload is looked at next, in milliseconds since the epoch; undefined if only a change matters. */
  readonly nextMs: number | undefined;
}

/** The part of a reconciliation that restarts depend on. */
interface Reconciled {
  readonly situation: Situation;
  readonly outcome: Outcome;
  readonly restartResults?: readonly RestartResult[] | undefined;
  readonly nowMs: number;
}

/**
 * The restarts that are pending after a reconcile: all of the spec's, if it found that a certificate was replaced;
 * otherwise those still pending, minus the completed ones.
 *
 * @param proven the certificate in the Secret, if Atlas has proven it
 */
export function standingRestarts(
  { nowMs, outcome, restartResults: results = [], situation }: Reconciled,
  proven: CertificateFacts | undefined,
): readonly StandingRestart[] {
  const { policy, resource } = situation;
  const { spec, status } = resource;
  if (!policy.restartsWorkloads) return [];
  if (proven !== undefined && isReplacement(situation, outcome, proven)) {
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

/**
 * Whether a certificate took the place of another one in the Secret. Pods wait for a Secret that is new; a certificate
 * that was adopted, or an older one that was put back, may be the one that they have.
 */
function isReplacement(situation: Situation, outcome: Outcome, { fingerprint, notBefore }: CertificateFacts): boolean {
  const { spec, status } = situation.resource;
  const closed = isStored(situation) ? status.issuance : undefined;
  const attempt = outcome.kind === "issued" ? outcome.attempt : closed;
  // Damaged data no longer shows which certificate it was, and pods may still use that one.
  if (attempt !== undefined) return attempt.replaces !== undefined || attempt.reason !== "SecretMissing";
  // The list that closed the attempt of a process that died may not have shown the certificate yet.
  if (status.fingerprint === undefined || status.notBefore === undefined) return false;
  const isNewer = status.fingerprint !== fingerprint && notBefore.getTime() >= Date.parse(status.notBefore);
  return isNewer && status.secretName === spec.secretName;
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
 * Whether pods may still use the previous certificate: a condition of its own, since a workload that can't be restarted
 * does no harm to a working app. Undefined where the spec asks for no restarts.
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
  const [reason] = restarts.flatMap(({ pending }) => pending.reason ?? []);
  const sentences = restarts.map(sentenceOf);
  if (reason === undefined) return { status: "True", reason: "RestartDue", message: sentences.join(" ") };
  const until = resource.status.previous?.notAfter;
  if (until !== undefined) sentences.push(`Pods that still use the previous certificate can log in until ${until}.`);
  sentences.push("The operator retries within 10 minutes.");
  return { status: "True", reason, message: sentences.join(" ") };
}

function sentenceOf({ nextMs, pending }: StandingRestart): string {
  if (pending.message !== undefined) return pending.message;
  return `${titleOf(pending)} will be restarted${nextMs === undefined ? "" : ` at ${timestamp(nextMs)}`}.`;
}

const DISABLED =
  "spec.rolloutRestart has no effect, because this installation does not allow restarts. Set the chart value " +
  "rolloutRestart.enabled, or restart the workloads yourself after each renewal.";

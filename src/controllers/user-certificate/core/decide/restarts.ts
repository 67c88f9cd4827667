import type { PendingRestart, Workload } from "../../../../api/rollout-restart.ts";
import type { UserCertificateSpec } from "../../../../api/user-certificate.ts";
import { MINUTE_MS } from "../../../../clock.ts";
import type { ObservedWorkload, RestartDecision } from "../model/restart.ts";
import { isWithin } from "./held.ts";

/** Wait after a write, in milliseconds: renewals of several resources that fall together are to cause one restart. */
const GATHERING_MS = 30_000;

/** Shortest interval between two restarts of one workload, in milliseconds. */
const INTERVAL_MS = 10 * MINUTE_MS;

/** Wait while a person has to act, in milliseconds. Workloads are not watched. */
export const RESTART_RETRY_MS = 10 * MINUTE_MS;

/** From when on a workload is looked at, in milliseconds since the epoch. */
export function restartDueMs({ writtenAt }: PendingRestart): number {
  return Date.parse(writtenAt) + GATHERING_MS;
}

/**
 * Decides about a workload whose Secret was written. A restart is due only while the annotation is older than that: so a
 * process that died after it had restarted the workload has a successor that does not do so again.
 */
export function decideRestart(pending: PendingRestart, workload: ObservedWorkload, nowMs: number): RestartDecision {
  const blocked = (reason: "WorkloadMissing" | "WorkloadPaused" | "WorkloadOnDelete", message: string) =>
    ({ kind: "blocked", blocker: { reason, message, retryMs: RESTART_RETRY_MS } }) as const;
  if (workload.kind === "absent") {
    const message = `${titleOf(pending)} does not exist. Create it, or remove it from spec.rolloutRestart.`;
    return blocked("WorkloadMissing", message);
  }
  const { coveredMs, halt, restartedMs } = workload;
  if (coveredMs !== undefined && coveredMs >= Date.parse(pending.writtenAt)) return { kind: "covered" };
  if (halt !== undefined) return blocked(halt.reason, `${titleOf(pending)} ${halt.problem}. ${halt.remedy}`);
  if (restartedMs !== undefined && isWithin(INTERVAL_MS, restartedMs, nowMs)) {
    return { kind: "wait", untilMs: restartedMs + INTERVAL_MS };
  }
  return { kind: "restart", workload };
}

/** Whether the spec asks for a restart of this workload. */
export function isToRestart({ rolloutRestart = [] }: UserCertificateSpec, { kind, name }: Workload): boolean {
  return rolloutRestart.some((one) => one.kind === kind && one.name === name);
}

/** A workload for messages. */
export function titleOf({ kind, name }: Workload): string {
  return `${kind} ${name}`;
}

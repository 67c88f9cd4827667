import { actionReason, knownReason } from "../api/action-reason.ts";
import { findCondition } from "../api/conditions.ts";
import type { CustomerX509Removal } from "../api/customer-x509-removal.ts";
import type { ProjectX509 } from "../api/project-x509.ts";
import { millisecondsOf } from "../api/timestamp.ts";
import type { UserCertificateStatus } from "../api/user-certificate-status.ts";
import type { CachedResource } from "../controllers/user-certificate/cluster/resource-cache.ts";
import { loginsUntilMs } from "../controllers/user-certificate/core/decide/grant-blockers.ts";
import type { Assessment } from "../controllers/user-certificate/core/status/assessment.ts";
import type { ResourceFigures } from "../telemetry/certificate-metrics.ts";
import type { ProjectFigures, RemovalFigures } from "../telemetry/cluster-metrics.ts";
import type { ReconcileFigures } from "../telemetry/metrics.ts";
import type { IssuesLeft } from "./issues-left.ts";

/** The figures of one reconcile. */
export function reconcileFigures(assessment: Assessment): ReconcileFigures {
  const { decision, outcome } = assessment;
  const isIssued = outcome.kind === "issued";
  return {
    decision: decision.kind,
    outcome: outcome.kind,
    reason: knownReason(reasonOf(assessment), "None"),
    issuedFor: isIssued ? knownReason(outcome.attempt.reason, "Other") : undefined,
  };
}

/**
 * The figures of one resource, from its status in the cache.
 *
 * @param nowMs by Atlas' clock
 */
export function resourceFigures(certificate: CachedResource, nowMs: number, issuesLeft: IssuesLeft): ResourceFigures {
  const { namespace, name } = certificate;
  if (!certificate.valid) {
    const nothing = {
      info: undefined,
      notBeforeMs: undefined,
      notAfterMs: undefined,
      renewalMs: undefined,
      verifiedMs: undefined,
      stalled: undefined,
      actionReason: "Unreadable",
      suspended: false,
      unaccounted: 0,
      orphaned: 0,
      budgetLeft: undefined,
      pendingRestarts: [],
      withdrawnUntilMs: undefined,
      outdatedPods: undefined,
      outdatedUntilMs: undefined,
    };
    return { namespace, name, ready: "Unknown", reason: "Unreadable", ...nothing };
  }
  const { spec, status } = certificate;
  const ready = findCondition(status, "Ready");
  const stalled = findCondition(status, "Stalled");
  const isStalled = stalled?.status === "True";
  return {
    namespace,
    name,
    ready: ready?.status ?? "Unknown",
    reason: knownReason(ready?.reason, ready === undefined ? "None" : "Other"),
    info: {
      secretName: spec.secretName,
      username: spec.username,
      project: spec.projectRef?.name ?? "",
      projectId: projectIdOf(status),
    },
    notBeforeMs: millisecondsOf(status.notBefore),
    notAfterMs: millisecondsOf(status.notAfter),
    renewalMs: millisecondsOf(status.renewalTime),
    verifiedMs: millisecondsOf(status.lastVerifiedTime),
    stalled: isStalled ? knownReason(stalled.reason, "Other") : undefined,
    actionReason: actionReason(status),
    suspended: spec.suspend,
    unaccounted: status.unaccounted?.length ?? 0,
    orphaned: orphaned(status, nowMs),
    budgetLeft: issuesLeft.of(certificate, nowMs),
    pendingRestarts: (status.pendingRestarts ?? []).map(({ reason }) =>
      knownReason(reason, reason ? "Other" : "RestartDue"),
    ),
    withdrawnUntilMs: ready?.reason === "NotGranted" ? loginsUntilMs(status) : undefined,
    outdatedPods: status.consumers?.outdated,
    outdatedUntilMs: millisecondsOf(status.consumers?.outdatedValidUntil),
  };
}

/** The figures of one project. */
export function projectFigures({ name, status }: ProjectX509): ProjectFigures {
  return {
    name,
    isReady: findCondition(status, "Ready")?.status === "True",
    resources: status.resources ?? 0,
    isCustomerManaged: status.customerManagedX509?.enabled === true,
  };
}

/** The figures of one request to remove customer-managed X.509. */
export function removalFigures({ name, status }: CustomerX509Removal): RemovalFigures {
  const isTrue = (type: "Complete" | "Failed") =>
    (status.conditions ?? []).some((condition) => condition.type === type && condition.status === "True");
  return { name, isComplete: isTrue("Complete"), isFailed: isTrue("Failed") };
}

function reasonOf({ blocker, decision }: Assessment): string | undefined {
  return blocker?.reason ?? (decision.kind === "issue" ? decision.reason : undefined);
}

/** The project of a certificate that Atlas issued: one that a spec merely names may not exist, and anyone can name any. */
function projectIdOf({ recentIssuances = [], serialNumber }: UserCertificateStatus): string {
  const entry = recentIssuances.findLast((one) => one.serialNumber !== undefined && one.serialNumber === serialNumber);
  return entry?.projectId ?? "";
}

function orphaned({ recentIssuances = [] }: UserCertificateStatus, nowMs: number): number {
  return recentIssuances.filter(
    ({ lost, notAfter, serialNumber }) =>
      lost !== undefined && serialNumber !== undefined && (millisecondsOf(notAfter) ?? nowMs) > nowMs,
  ).length;
}

import type { UserCertificate } from "../../../api/parse-user-certificate.ts";
import { KubeError } from "../../../kube/kube-error.ts";
import type { Blocker } from "../core/model/blocker.ts";
import type { Policy } from "../core/model/snapshot.ts";
import type { ReadFailure } from "../core/status/expired-unread.ts";

const PASSING: ReadonlySet<string> = new Set(["Network", "Timeout", "Unavailable", "TooManyRequests"]);

/** The Secret could not be written before anything was issued. */
export function notWritable({ namespace, spec }: UserCertificate, error: KubeError): Blocker {
  return {
    reason: "SecretNotWritable",
    problem: `Secret ${spec.secretName} cannot be written, so nothing is issued: ${error.message}.`,
    remedy: PASSING.has(error.reason) ? undefined : whatToFix(namespace),
    needsPerson: !PASSING.has(error.reason),
    retry: { kind: "backoff", ...(error.retryAfterMs !== undefined && { atLeastMs: error.retryAfterMs }) },
  };
}

/** The Secret cannot be written although its certificate has been issued. */
export function notStored({ namespace, spec }: UserCertificate, serialNumber: string, error: unknown): Blocker {
  const why = error instanceof KubeError ? error.message : "because of a bug in the operator; see its log";
  return {
    reason: "SecretNotWritable",
    problem:
      `Certificate ${serialNumber} has been issued but not stored yet: Secret ${spec.secretName} cannot be written (${why}). ` +
      "It exists only in the operator's memory and is lost if the pod is killed.",
    remedy: whatToFix(namespace),
    needsPerson: true,
    retry: { kind: "onChange" },
  };
}

/** Something other than the API server keeps an issued certificate out of its Secret. */
export function notStoredBecause(blocker: Blocker, serialNumber: string): Blocker {
  const problem =
    `Certificate ${serialNumber} has been issued but not stored yet: ${blocker.problem} ` +
    "It exists only in the operator's memory and is lost if the pod is killed.";
  return { ...blocker, problem, needsPerson: true };
}

/** The status does not keep the whole record of an attempt. */
export function crdOutdated({ recheckIntervalMs }: Policy): Blocker {
  return {
    reason: "CrdOutdated",
    problem:
      "The API server did not keep the whole record of the attempt, so nothing is issued: the installed CRD belongs to a different operator version.",
    remedy: "Apply the CRDs of this operator's version.",
    needsPerson: true,
    // The API server may not keep the backoff either, so it does not grow.
    retry: { kind: "backoff", atLeastMs: recheckIntervalMs },
  };
}

/** Why a resource's Secret cannot be read. Only of the API server's errors is it known that their words hold nothing secret. */
export function readFailure(error: unknown): ReadFailure {
  return {
    problem: KubeError.is(error) ? error.message : "see the operator's log",
    remedy: KubeError.is(error, "Forbidden") ? "Grant the operator the RBAC rights of its chart." : undefined,
  };
}

function whatToFix(namespace: string): string {
  return `Fix what the API server reports (RBAC, quota or admission policy in namespace ${namespace}).`;
}

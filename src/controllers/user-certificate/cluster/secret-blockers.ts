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
    problem: `Secret ${spec.secretName} cannot be written (${error.message}), so no certificate is issued.`,
    remedy: PASSING.has(error.reason) ? undefined : whatToFix(namespace),
    needsPerson: !PASSING.has(error.reason),
    retry: { kind: "backoff", ...(error.retryAfterMs !== undefined && { atLeastMs: error.retryAfterMs }) },
  };
}

/** The Secret cannot be written although its certificate has been issued. */
export function notStored({ namespace, spec }: UserCertificate, error: unknown): Blocker {
  const isBug = !(error instanceof KubeError);
  return {
    reason: "SecretNotWritable",
    problem: `Secret ${spec.secretName} cannot be written ${isBug ? "because of a bug in the operator" : `(${error.message})`}.`,
    remedy: isBug ? "See the operator's log." : whatToFix(namespace),
    needsPerson: true,
    retry: { kind: "onChange" },
  };
}

/** The status does not keep the whole record of an attempt. */
export function crdOutdated({ recheckIntervalMs }: Policy): Blocker {
  return {
    reason: "CrdOutdated",
    problem:
      "The installed CRD belongs to a different operator version: the API server dropped part of status.issuance, so no certificate is issued.",
    remedy: "Apply the CRDs of this operator version.",
    needsPerson: true,
    // The API server may not keep the backoff either, so it does not grow.
    retry: { kind: "backoff", atLeastMs: recheckIntervalMs },
  };
}

/** Why a resource's Secret cannot be read. */
export function readFailure(error: unknown): ReadFailure {
  return {
    problem: KubeError.is(error) ? error.message : "see the operator's log",
    remedy: KubeError.is(error, "Forbidden") ? "Grant the operator the RBAC permissions of its chart." : undefined,
  };
}

function whatToFix(namespace: string): string {
  return `Fix what the API server reports (RBAC, quota or admission policy in namespace ${namespace}).`;
}

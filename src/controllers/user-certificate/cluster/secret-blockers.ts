import type { UserCertificate } from "../../../api/parse-user-certificate.ts";
import { KubeError } from "../../../kube/kube-error.ts";
import type { Blocker } from "../core/model/blocker.ts";

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

function whatToFix(namespace: string): string {
  return `Fix what the API server reports (RBAC, quota or admission policy in namespace ${namespace}).`;
}

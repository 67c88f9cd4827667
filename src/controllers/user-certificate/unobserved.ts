import { findCondition } from "../../api/conditions.ts";
import type { UserCertificate } from "../../api/parse-user-certificate.ts";
import type { CertificateFacts } from "../../certificate/certificate-facts.ts";
import { KubeError } from "../../kube/kube-error.ts";
import type { Observed, Policy, SecretMetadata } from "./observed.ts";
import type { Round } from "./round.ts";
import { NOTHING_MORE } from "./secret-metadata.ts";
import type { Trouble } from "./trouble.ts";

/**
 * What is to be reported although a look failed: that the certificate has expired, where the status still says Ready.
 * Everything else that the last look left stays as it is, for nothing is known that speaks against it.
 *
 * @returns undefined where there is nothing to report
 */
export function expiredUnseen(
  resource: UserCertificate,
  obstacle: unknown,
  { policy, nowMs }: { readonly policy: Policy; readonly nowMs: number },
): Round | undefined {
  const facts = lastSeen(resource);
  const isReady = findCondition(resource.status, "Ready")?.status === "True";
  if (!isReady || facts === undefined || facts.notAfter.getTime() > nowMs) return undefined;
  return {
    observed: asLastSeen(resource, facts, policy),
    decision: { kind: "blocked", trouble: expired(resource, obstacle) },
    outcome: { kind: "nothing" },
    nowMs,
    random: 0,
  };
}

/** The certificate that the Secret held at the last look, as far as the status tells. */
function lastSeen({ status }: UserCertificate): CertificateFacts | undefined {
  const { serialNumber, fingerprint, notBefore, notAfter } = status;
  if (serialNumber === undefined || fingerprint === undefined) return undefined;
  if (notBefore === undefined || notAfter === undefined) return undefined;
  return {
    serialNumber,
    fingerprint,
    notBefore: new Date(notBefore),
    notAfter: new Date(notAfter),
    subject: [],
  };
}

function asLastSeen(resource: UserCertificate, facts: CertificateFacts, policy: Policy): Observed {
  const metadata: SecretMetadata = {
    namespace: resource.namespace,
    name: resource.spec.secretName,
    uid: "",
    resourceVersion: "",
    deleting: false,
    ...NOTHING_MORE,
  };
  return {
    resource,
    secret: { kind: "managed", metadata, content: { kind: "pair", facts, formatsCurrent: true } },
    secretHolder: undefined,
    credentials: { kind: "unnamed", version: undefined },
    atlas: { kind: "notAsked" },
    serialsOfOthers: new Set(),
    attemptsOfOthers: [],
    recentRepairs: [],
    policy,
  };
}

/** The expiry itself is told by the conditions; this is what keeps the operator from doing anything about it. */
function expired({ spec }: UserCertificate, obstacle: unknown): Trouble {
  // Only of the API server's errors is it known that their words hold nothing secret.
  const cause = KubeError.is(obstacle) ? obstacle.message : "the operator's log says why";
  const needsPerson = KubeError.is(obstacle, "Forbidden");
  return {
    reason: "Expired",
    message:
      `Whether Secret ${spec.secretName} holds another one by now, and what is to be done, can't be looked at (${cause}). ` +
      (needsPerson
        ? "Give the operator the rights of its chart; it is tried again by itself."
        : "It is tried again by itself."),
    needsPerson,
    // The queue tries again; no backoff may stand in the way once the look succeeds.
    retry: { kind: "onChange" },
  };
}

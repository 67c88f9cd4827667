import type { UserCertificate } from "../../api/parse-user-certificate.ts";
import { KubeError } from "../../kube/kube-error.ts";
import type { Trouble } from "./trouble.ts";

/** What keeps a certificate that was issued out of its Secret, with the next step. */
export type WriteObstacle = Pick<Trouble, "reason" | "message">;

/** The Secret could not be written before anything was issued. */
export function notWritable(resource: UserCertificate, error: KubeError): Trouble {
  const passing = ["Network", "Timeout", "Unavailable", "TooManyRequests"];
  return {
    reason: "SecretNotWritable",
    message:
      `Secret ${resource.spec.secretName} can't be written, so nothing is issued: ${error.message}. ` +
      whatToMend(resource),
    needsPerson: !passing.includes(error.reason),
    retry: { kind: "backoff", ...(error.retryAfterMs !== undefined && { atLeastMs: error.retryAfterMs }) },
  };
}

/** The Secret can't be written though its certificate is there. */
export function writeRefused(resource: UserCertificate, error: unknown): WriteObstacle {
  const { secretName } = resource.spec;
  return {
    reason: "SecretNotWritable",
    message:
      error instanceof KubeError
        ? `Secret ${secretName} can't be written: ${error.message}. ${whatToMend(resource)}`
        : `Secret ${secretName} can't be written for a defect of the operator, which its log describes.`,
  };
}

export function takenByForeign({ spec }: UserCertificate): WriteObstacle {
  return {
    reason: "SecretForeign",
    message:
      `Secret ${spec.secretName} exists and is not the operator's, so it is left alone. ` +
      "Choose another spec.secretName, or delete that Secret if nothing needs it.",
  };
}

export function takenByOther({ spec }: UserCertificate, holder: string): WriteObstacle {
  return {
    reason: "SecretClaimedTwice",
    message: `Secret ${spec.secretName} belongs to AtlasUserCertificate ${holder}. Choose another spec.secretName.`,
  };
}

function whatToMend({ namespace }: UserCertificate): string {
  return `Mend what the API server names there: access rights, quota or policy of namespace ${namespace}.`;
}

import type { BlockedReason } from "../../api/reasons.ts";
import type { UserCertificateSpec } from "../../api/user-certificate.ts";
import { AtlasError, type AtlasErrorKind } from "../../atlas/atlas-error.ts";
import { credentialsPlace } from "./credentials-secret.ts";
import type { Trouble } from "./trouble.ts";

interface Explanation {
  readonly reason: BlockedReason;
  readonly needsPerson: boolean;
  /** What to do about it, after the sentence that says what Atlas said. */
  readonly nextStep: (spec: UserCertificateSpec) => string;
}

/** Every way in which Atlas can refuse, with the word for programs and the next step for people. */
const EXPLANATIONS: Readonly<Record<Exclude<AtlasErrorKind, "aborted">, Explanation>> = {
  credentials: {
    reason: "CredentialsRejected",
    needsPerson: true,
    nextStep: (spec) => `Put valid ones into ${credentialsPlace(spec)}; it is read again at once.`,
  },
  role: {
    reason: "RoleMissing",
    needsPerson: true,
    nextStep: (spec) =>
      `Give the credentials in ${credentialsPlace(spec)} the role Project Owner in project ${spec.projectId}.`,
  },
  accessList: {
    reason: "IpNotOnAccessList",
    needsPerson: true,
    nextStep: (spec) =>
      `Add the address from which this cluster reaches Atlas to the API access list of the credentials in ${credentialsPlace(spec)}.`,
  },
  userNotFound: {
    reason: "UserNotFound",
    needsPerson: true,
    nextStep: ({ username, projectId }) =>
      `Create database user ${username} in project ${projectId}, with X.509 managed by Atlas, or correct spec.username.`,
  },
  projectNotFound: {
    reason: "ProjectNotFound",
    needsPerson: true,
    nextStep: ({ projectId }) =>
      `Correct spec.projectId (${projectId}), or give the credentials access to that project.`,
  },
  customerManagedOn: {
    reason: "CustomerManagedX509On",
    needsPerson: true,
    nextStep: ({ projectId }) =>
      `Project ${projectId} uses customer-managed X.509, and Atlas issues no certificates beside it. Switch it off in the project's security settings (the database restarts), or use another project.`,
  },
  certificateLimit: {
    reason: "TooManyUnexpired",
    needsPerson: true,
    nextStep: ({ username }) => `Wait until certificates of ${username} expire, or use another database user.`,
  },
  rateLimited: {
    reason: "RateLimited",
    needsPerson: false,
    nextStep: () => "It is tried again by itself.",
  },
  badRequest: {
    reason: "RequestRejected",
    needsPerson: true,
    nextStep: () => "Correct the spec.",
  },
  unavailable: {
    reason: "AtlasUnavailable",
    needsPerson: false,
    nextStep: () => "It is tried again by itself.",
  },
  badAnswer: {
    reason: "AtlasUnavailable",
    needsPerson: false,
    nextStep: () => "It is tried again by itself; a proxy on the way to Atlas may be what answers.",
  },
  ambiguous: {
    reason: "AnswerLost",
    needsPerson: false,
    nextStep: () =>
      "Whether Atlas issued a certificate is not known; its list tells before the next attempt, which comes by itself.",
  },
};

/** An error of the Atlas client as trouble. Anything else is a defect of ours and goes on as it is. */
export function atlasTrouble(error: unknown, spec: UserCertificateSpec): Trouble {
  if (!(error instanceof AtlasError) || error.kind === "aborted") throw error;
  const { reason, needsPerson, nextStep } = EXPLANATIONS[error.kind];
  return {
    reason,
    message: `${withFullStop(error.message)} ${nextStep(spec)}`,
    needsPerson,
    retry: { kind: "backoff", ...(error.retryAfterMs !== undefined && { atLeastMs: error.retryAfterMs }) },
  };
}

function withFullStop(sentence: string): string {
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`;
}

import type { BlockedReason } from "../../../api/reasons.ts";
import type { UserCertificateSpec } from "../../../api/user-certificate.ts";
import { AtlasError, type AtlasErrorKind } from "../../../atlas/errors/atlas-error.ts";
import type { Blocker } from "../core/model/blocker.ts";
import { credentialsPlace } from "../core/model/credentials-secret.ts";
import type { Calendar } from "./calendar.ts";

interface Explanation {
  readonly reason: BlockedReason;
  readonly needsPerson: boolean;
  /** Undefined if the operator only has to retry. */
  readonly remedy?: (spec: UserCertificateSpec) => string;
}

/** Every way in which Atlas can refuse, with the word for programs and the remedy for people. */
const EXPLANATIONS: Readonly<Record<Exclude<AtlasErrorKind, "aborted">, Explanation>> = {
  credentials: {
    reason: "CredentialsRejected",
    needsPerson: true,
    remedy: (spec) => `Put valid credentials into ${credentialsPlace(spec)}; the operator picks them up at once.`,
  },
  role: {
    reason: "RoleMissing",
    needsPerson: true,
    remedy: (spec) =>
      `Grant the credentials in ${credentialsPlace(spec)} the role Project Owner in project ${spec.projectId}.`,
  },
  accessList: {
    reason: "IpNotOnAccessList",
    needsPerson: true,
    remedy: (spec) =>
      `Add the address from which this cluster reaches Atlas to the API access list of the credentials in ${credentialsPlace(spec)}.`,
  },
  userNotFound: {
    reason: "UserNotFound",
    needsPerson: true,
    remedy: ({ username, projectId }) =>
      `Create it with "atlas dbusers create --username ${username} --x509Type MANAGED --projectId ${projectId} --role …", or correct spec.username.`,
  },
  projectNotFound: {
    reason: "ProjectNotFound",
    needsPerson: true,
    remedy: ({ projectId }) => `Correct spec.projectId (${projectId}), or give the credentials access to that project.`,
  },
  customerManagedOn: {
    reason: "CustomerManagedX509On",
    needsPerson: true,
    remedy: () =>
      "Switch it off in the project's security settings, which restarts the database, or use another project.",
  },
  certificateLimit: {
    reason: "TooManyUnexpired",
    needsPerson: true,
    remedy: ({ username }) => `Wait until certificates of ${username} expire, or use another database user.`,
  },
  rateLimited: { reason: "RateLimited", needsPerson: false },
  badRequest: { reason: "RequestRejected", needsPerson: true, remedy: () => "Correct the spec." },
  unavailable: { reason: "AtlasUnavailable", needsPerson: false },
  badAnswer: { reason: "AtlasUnavailable", needsPerson: false },
  ambiguous: {
    reason: "AnswerLost",
    needsPerson: false,
    remedy: () => "Atlas may or may not have issued a certificate; the operator checks Atlas' list before it retries.",
  },
};

/** An error of the Atlas client as a blocker. Anything else is a bug of ours and is thrown again. */
export function atlasBlocker(error: unknown, spec: UserCertificateSpec): Blocker {
  if (!(error instanceof AtlasError) || error.kind === "aborted") throw error;
  const { reason, needsPerson, remedy } = EXPLANATIONS[error.kind];
  return {
    reason,
    problem: withFullStop(error.problem),
    remedy: remedy?.(spec),
    needsPerson,
    retry: { kind: "backoff", ...(error.retryAfterMs !== undefined && { atLeastMs: error.retryAfterMs }) },
  };
}

/** Atlas' answer to a create holds no certificate that can be used. */
export function answerUnusable(problem: string, { wasteWaitMs }: Calendar): Blocker {
  return {
    reason: "AnswerUnusable",
    problem: `Atlas' answer cannot be used: ${problem}.`,
    remedy: "The operator retries in an hour or later; if it persists, check what answers as Atlas.",
    needsPerson: true,
    retry: { kind: "backoff", atLeastMs: wasteWaitMs },
  };
}

function withFullStop(sentence: string): string {
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`;
}

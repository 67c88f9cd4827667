import type { BlockedReason } from "../../api/reasons.ts";
import { AtlasError, type AtlasErrorKind, type AtlasOperation } from "../../atlas/errors/atlas-error.ts";
import { TransportFailure, type TransportFailureReason } from "../../atlas/transport/transport-failure.ts";

type RefusalKind = Exclude<AtlasErrorKind, "aborted">;

/** A call that Atlas did not carry out, or whose answer was lost. */
export interface Refusal {
  readonly kind: RefusalKind;
  readonly operation: AtlasOperation;
  readonly reason: RefusalReason;
  /** One sentence that says what is wrong. */
  readonly problem: string;
  /** Waiting does not help. */
  readonly needsPerson: boolean;
  readonly retryAfterMs: number | undefined;
  /** The way to Atlas may be configured wrongly, although the failure may also be temporary. */
  readonly isSuspect: boolean;
}

const REASONS = {
  credentials: ["CredentialsRejected", true],
  role: ["RoleMissing", true],
  accessList: ["IpNotOnAccessList", true],
  userNotFound: ["UserNotFound", true],
  projectNotFound: ["ProjectNotFound", true],
  customerManagedOn: ["CustomerManagedX509On", true],
  certificateLimit: ["TooManyUnexpired", true],
  rateLimited: ["RateLimited", false],
  badRequest: ["RequestRejected", true],
  unavailable: ["AtlasUnavailable", false],
  badAnswer: ["AtlasUnavailable", false],
  ambiguous: ["AnswerLost", false],
} as const satisfies Readonly<Record<RefusalKind, readonly [reason: BlockedReason, needsPerson: boolean]>>;

export type RefusalReason = (typeof REASONS)[RefusalKind][0];

/** The remedy where a response did not come from Atlas. */
export const CHECK_BASE_URL =
  "If this persists, check --atlas-base-url and whether a proxy responds in place of Atlas.";

const SUSPECT: ReadonlySet<TransportFailureReason> = new Set(["untrusted", "proxyCredentials"]);

/** An error of the Atlas client in the words of a status. Anything else is a bug of ours and is thrown again. */
export function refusalOf(error: unknown): Refusal {
  if (!(error instanceof AtlasError) || error.kind === "aborted") throw error;
  const { cause, kind, operation, problem, retryAfterMs } = error;
  const [reason, needsPerson] = REASONS[kind];
  const isSuspect = cause instanceof TransportFailure && SUSPECT.has(cause.reason);
  return { kind, operation, reason, problem: withFullStop(problem), needsPerson, retryAfterMs, isSuspect };
}

/**
 * The reader's next step, for refusals that concern the credentials or the whole project.
 *
 * @param place the Secret with the credentials, in the middle of a sentence
 */
export function remedyAtAtlas(
  { kind, isSuspect }: Pick<Refusal, "kind" | "isSuspect">,
  place: string,
  projectId: string,
): string | undefined {
  switch (kind) {
    case "credentials":
      return `Put valid credentials into ${place}; the operator picks them up at once.`;
    case "role":
      return `Grant the credentials in ${place} the role Project Owner in project ${projectId}.`;
    case "accessList":
      return `Add the address from which this cluster reaches Atlas to the API access list of the credentials in ${place}.`;
    case "badRequest":
      return `Correct spec.projectId (${projectId}).`;
    case "projectNotFound":
      return `Correct spec.projectId (${projectId}), or give the credentials access to that project.`;
    case "badAnswer":
      return CHECK_BASE_URL;
    default:
      return isSuspect ? "If this persists, check the operator's --atlas-ca-file and HTTPS_PROXY." : undefined;
  }
}

function withFullStop(sentence: string): string {
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`;
}

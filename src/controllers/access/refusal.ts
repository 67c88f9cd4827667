import type { BlockedReason } from "../../api/reasons.ts";
import { AtlasError, type AtlasErrorKind } from "../../atlas/errors/atlas-error.ts";

type RefusalKind = Exclude<AtlasErrorKind, "aborted">;

/** A call that Atlas did not carry out, or whose answer was lost. */
export interface Refusal {
  readonly kind: RefusalKind;
  readonly reason: BlockedReason;
  /** One sentence that says what is wrong. */
  readonly problem: string;
  /** Waiting does not help. */
  readonly needsPerson: boolean;
  readonly retryAfterMs: number | undefined;
}

const REASONS: Readonly<Record<RefusalKind, readonly [reason: BlockedReason, needsPerson: boolean]>> = {
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
};

/** An error of the Atlas client in the words of a status. Anything else is a bug of ours and is thrown again. */
export function refusalOf(error: unknown): Refusal {
  if (!(error instanceof AtlasError) || error.kind === "aborted") throw error;
  const { kind, problem, retryAfterMs } = error;
  const [reason, needsPerson] = REASONS[kind];
  return { kind, reason, problem: withFullStop(problem), needsPerson, retryAfterMs };
}

/**
 * The reader's next step, for refusals that concern the credentials or the whole project.
 *
 * @param place the Secret with the credentials, in the middle of a sentence
 */
export function remedyAtAtlas(kind: RefusalKind, place: string, projectId: string): string | undefined {
  switch (kind) {
    case "credentials":
      return `Put valid credentials into ${place}; the operator picks them up at once.`;
    case "role":
      return `Grant the credentials in ${place} the role Project Owner in project ${projectId}.`;
    case "accessList":
      return `Add the address from which this cluster reaches Atlas to the API access list of the credentials in ${place}.`;
    case "projectNotFound":
      return `Correct spec.projectId (${projectId}), or give the credentials access to that project.`;
    default:
      return undefined;
  }
}

function withFullStop(sentence: string): string {
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`;
}

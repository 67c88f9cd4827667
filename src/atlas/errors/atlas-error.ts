/**
 * The kinds of failure that a caller has to tell apart. A closed union: switch over it.
 *
 * - `credentials`: Atlas does not accept the service account or the API key.
 * - `role`: it does, but the project role is missing; `requiredRole` names it.
 * - `accessList`: the caller's IP address is not on the API access list.
 * - `userNotFound`, `projectNotFound`: Atlas does not know the database user or the project.
 * - `customerManagedOn`: the project uses customer-managed X.509, so Atlas issues no certificates.
 * - `certificateLimit`: the user has as many unexpired certificates as Atlas allows.
 * - `rateLimited`: too many requests; `retryAfterMs` tells when to come back.
 * - `badRequest`: the request is wrong and stays wrong; found here before anything was sent, or by Atlas.
 * - `unavailable`: no answer, a server error, or a refusal that another try may not meet (409, 421, 425), and certainly
 *   nothing was changed.
 * - `ambiguous`: a request that changes something was sent, and it is unknown whether it was carried out.
 * - `badAnswer`: an answer that is none of Atlas' (a login page, a proxy's page, JSON of another shape), and nothing
 *   was changed.
 * - `aborted`: the caller's own AbortSignal, and nothing was changed.
 */
export type AtlasErrorKind =
  | "credentials"
  | "role"
  | "accessList"
  | "userNotFound"
  | "projectNotFound"
  | "customerManagedOn"
  | "certificateLimit"
  | "rateLimited"
  | "badRequest"
  | "unavailable"
  | "ambiguous"
  | "badAnswer"
  | "aborted";

/**
 * The operations by the names of the Atlas Administration API. `authenticate` is what goes before any of them: fetching
 * an access token or an HTTP Digest challenge.
 */
export type AtlasOperation =
  | "createDatabaseUserCertificate"
  | "listDatabaseUserCertificates"
  | "disableCustomerManagedX509"
  | "getDatabaseUser"
  | "getUserSecurity"
  | "listRateLimits"
  | "authenticate";

/** The operations after which the world may be another: they are sent once, and a lost answer is `ambiguous`. */
export function changesSomething(operation: AtlasOperation): boolean {
  return operation === "createDatabaseUserCertificate" || operation === "disableCustomerManagedX509";
}

/** The project roles that the operations need, as Atlas' user interface spells them. */
export type AtlasRole = "Project Owner" | "Project Read Only";

export interface AtlasErrorFields {
  readonly kind: AtlasErrorKind;
  readonly operation: AtlasOperation;
  /** One sentence that says what is wrong, without a remedy. */
  readonly problem: string;
  /** One sentence that says what to do about it. */
  readonly remedy?: string | undefined;
  readonly status?: number | undefined;
  readonly errorCode?: string | undefined;
  readonly detail?: string | undefined;
  readonly requiredRole?: AtlasRole | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly answeredAt?: Date | undefined;
  readonly cause?: unknown;
}

/** Kinds of failure that leave a reader wondering whether the call was carried out after all. */
const DOUBTFUL: ReadonlySet<AtlasErrorKind> = new Set(["unavailable", "aborted"]);

/** Whether a message about this error should say that nothing was changed. */
export function leavesDoubt({ kind, operation }: Pick<AtlasError, "kind" | "operation">): boolean {
  return changesSomething(operation) && DOUBTFUL.has(kind);
}

/**
 * The only error that this client throws. Its message is the problem, "Nothing was changed." where a reader would wonder,
 * and the remedy. Neither the message nor anything reachable from the error holds a secret, a token or the body of a
 * certificate creation.
 */
export class AtlasError extends Error {
  readonly kind: AtlasErrorKind;
  readonly operation: AtlasOperation;
  /** The sentence that says what is wrong, without the remedy: for callers who know a better one. */
  readonly problem: string;
  /** `unknown` if Atlas may have carried out the call (kind `ambiguous`); `nothing` in all other cases. */
  readonly changed: "nothing" | "unknown";
  /** HTTP status of the answer; undefined when there was none. */
  readonly status: number | undefined;
  /** Atlas' own code, such as `USERNAME_NOT_FOUND`; undefined when the answer had none. */
  readonly errorCode: string | undefined;
  /** Atlas' own explanation, shortened and cleaned of anything that looks like key material. */
  readonly detail: string | undefined;
  /** The project role that the operation needs; set when `kind` is `role`. */
  readonly requiredRole: AtlasRole | undefined;
  /** Milliseconds to wait before another try, from `Retry-After` or from this client's own pacing. */
  readonly retryAfterMs: number | undefined;
  /** When Atlas answered, by its own clock (`Date` header); undefined when there was no answer or it had no date. */
  readonly answeredAt: Date | undefined;

  constructor(fields: AtlasErrorFields) {
    const { kind, operation, problem, remedy } = fields;
    super(
      [problem, leavesDoubt(fields) && "Nothing was changed.", remedy].filter(Boolean).join(" "),
      fields.cause === undefined ? undefined : { cause: fields.cause },
    );
    this.name = "AtlasError";
    this.kind = kind;
    this.operation = operation;
    this.problem = problem;
    this.changed = kind === "ambiguous" ? "unknown" : "nothing";
    this.status = fields.status;
    this.errorCode = fields.errorCode;
    this.detail = fields.detail;
    this.requiredRole = fields.requiredRole;
    this.retryAfterMs = fields.retryAfterMs;
    this.answeredAt = fields.answeredAt;
  }
}

import type { Clock } from "../clock.ts";
import { AtlasError } from "./atlas-error.ts";
import { type AnsweredKind, classify } from "./classify.ts";
import { addressIn, type ErrorAnswer, readErrorAnswer } from "./error-answer.ts";
import { changesSomething, describeAction, type ErrorContext, requiredRoleOf } from "./error-context.ts";
import type { AtlasAnswer } from "./exchange-handler.ts";
import { parseRetryAfter } from "./retry-after.ts";
import { TransportFailure } from "./transport-failure.ts";

/** The error for an answer whose status is not the expected one. */
export function errorFromAnswer(answer: AtlasAnswer, context: ErrorContext, clock: Clock): AtlasError {
  const error = readErrorAnswer(answer);
  const kind = classify(answer.status, error, context.operation);
  const retryAfterMs = retryAfterOf(answer, clock);
  return new AtlasError({
    kind,
    operation: context.operation,
    status: answer.status,
    errorCode: error.errorCode,
    detail: error.detail,
    requiredRole: kind === "role" ? requiredRoleOf(context.operation) : undefined,
    retryAfterMs,
    message: sentence(kind, answer, error, context, retryAfterMs),
  });
}

/** The error for an answer with the right status that holds something else than it should. */
export function errorFromContent(
  answer: Pick<AtlasAnswer, "status">,
  problem: string,
  context: ErrorContext,
  cause?: unknown,
): AtlasError {
  const kind = changesSomething(context.operation) ? "ambiguous" : "badAnswer";
  const shape = `it answered ${answer.status} ${problem}`;
  return new AtlasError({
    kind,
    operation: context.operation,
    status: answer.status,
    cause,
    message:
      kind === "ambiguous"
        ? unknownOutcome(context, shape)
        : `Cannot ${describeAction(context)}: ${shape}; check that the base URL is Atlas and that no proxy answers in its place.`,
  });
}

/** The error for an exchange without a whole answer. Anything but a TransportFailure is thrown on as it is. */
export function errorFromFailure(failure: unknown, context: ErrorContext): AtlasError {
  if (!(failure instanceof TransportFailure)) throw failure;
  const fields = { operation: context.operation, status: failure.status, cause: failure };
  const action = describeAction(context);
  if (failure.sent && changesSomething(context.operation)) {
    const why = `the answer was lost after the request had been sent (${failure.message})`;
    return new AtlasError({ ...fields, kind: "ambiguous", message: unknownOutcome(context, why) });
  }
  switch (failure.reason) {
    case "aborted":
    case "closed":
      return abortedError(context, failure);
    case "tooLarge":
    case "protocol": {
      const message = `Cannot ${action}: ${failure.message}; check that the base URL is Atlas and that no proxy answers in its place.`;
      return new AtlasError({ ...fields, kind: "badAnswer", message });
    }
    case "untrusted": {
      const message = `Cannot ${action}: the server's TLS certificate is not trusted (${failure.message}); if a proxy opens TLS connections here, add its CA certificate as extra CA.`;
      return new AtlasError({ ...fields, kind: "unavailable", message });
    }
    case "timeout":
    case "network": {
      const message = `Cannot ${action} now: there is no answer from Atlas (${failure.message}); nothing was changed, and another try may succeed.`;
      return new AtlasError({ ...fields, kind: "unavailable", message });
    }
    default:
      throw new Error(failure.reason satisfies never);
  }
}

/** The error for a call that the caller's own signal ended before anything was changed. */
export function abortedError(context: ErrorContext, cause: unknown): AtlasError {
  const message = `The call to ${describeAction(context)} was stopped by its caller; nothing was changed.`;
  return new AtlasError({ kind: "aborted", operation: context.operation, message, cause });
}

/** The error for a call that would wait longer for its turn in the project than its caller wants to. */
export function pacedOutError(context: ErrorContext, waitMs: number): AtlasError {
  const message = `Cannot ${describeAction(context)} now: Atlas asked for a pause, or the project's rate limit is used up; ${comeBack(waitMs)}.`;
  return new AtlasError({ kind: "rateLimited", operation: context.operation, message, retryAfterMs: waitMs });
}

/** What a rate-limited or unavailable server asks for, in milliseconds. */
export function retryAfterOf(answer: AtlasAnswer, clock: Clock): number | undefined {
  const header = (name: string): string | undefined => answer.headers.get(name)?.[0];
  return parseRetryAfter(header("retry-after"), header("date"), clock.now());
}

function sentence(
  kind: AnsweredKind,
  answer: AtlasAnswer,
  error: ErrorAnswer,
  context: ErrorContext,
  retryAfterMs: number | undefined,
): string {
  const { caller } = context;
  const cannot = `Cannot ${describeAction(context)}`;
  const status = error.errorCode === undefined ? `${answer.status}` : `${answer.status} ${error.errorCode}`;
  switch (kind) {
    case "credentials":
      return `${cannot}: Atlas does not accept ${caller} (${status}); check that it exists, has not expired or been revoked, and that the secret belongs to it.`;
    case "role":
      return `${cannot}: ${caller} lacks the role ${requiredRoleOf(context.operation)} in the project (${status}); grant it in Atlas under the project's Access Manager.`;
    case "accessList":
      return `${cannot}: the IP address ${addressIn(error.detail) ?? "of this machine"} is not on the API access list of ${caller} (${status}); add it there.`;
    case "userNotFound":
      return `${cannot}: Atlas has no such database user in the project (${status}); create it with X.509 authentication of type MANAGED, or correct the name.`;
    case "projectNotFound":
      return `${cannot}: Atlas has no such project, or ${caller} has no access to it (${status}); check the project id and the organization of the credentials.`;
    case "customerManagedOn":
      return `${cannot}: the project uses customer-managed X.509, with which Atlas issues no certificates (${status}); switch it off, which restarts the database, or issue certificates from your own CA.`;
    case "certificateLimit":
      return `${cannot}: the database user has as many unexpired certificates as Atlas allows (${status}); wait until one expires, because none can be deleted.`;
    case "rateLimited":
      return `${cannot} now: Atlas' rate limit is reached (${status}); ${comeBack(retryAfterMs)}.`;
    case "badRequest":
      return `${cannot}: Atlas refuses the request as it is (${status})${explanation(error, context)}; correct it, another try does not help.`;
    case "unavailable":
      return `${cannot} now: Atlas answered ${status}; nothing was changed, ${comeBack(retryAfterMs)}.`;
    case "ambiguous":
      return unknownOutcome(context, `Atlas answered ${status}`);
    case "badAnswer":
      return `${cannot}: the answer ${describeShape(answer)} is not one of Atlas; check that the base URL is Atlas and that no proxy or login page answers in its place.`;
    default:
      throw new Error(kind satisfies never);
  }
}

function unknownOutcome(context: ErrorContext, why: string): string {
  const look =
    context.operation === "createDatabaseUserCertificate"
      ? "list the user's certificates"
      : "read the project's user security settings";
  return `It is unknown whether the request to ${describeAction(context)} was carried out: ${why}; ${look} before another try.`;
}

function comeBack(retryAfterMs: number | undefined): string {
  return retryAfterMs === undefined ? "try again later" : `try again in ${Math.ceil(retryAfterMs / 1000)} s`;
}

/** Atlas' own words, but never those of the answer to a create: they stay in `detail`. */
function explanation(error: ErrorAnswer, context: ErrorContext): string {
  if (error.detail === undefined || context.operation === "createDatabaseUserCertificate") return "";
  return `, saying ${JSON.stringify(error.detail)}`;
}

function describeShape(answer: AtlasAnswer): string {
  const type = answer.headers.get("content-type")?.[0]?.match(/^[a-z0-9!#$&^_.+/-]{1,100}/i)?.[0];
  const redirect = answer.status >= 300 && answer.status < 400 ? ", a redirect" : "";
  return `(${answer.status}${redirect}${type === undefined ? "" : `, ${type}`})`;
}

import type { Clock } from "../../clock.ts";
import type { AtlasAnswer } from "../transport/exchange-handler.ts";
import { hasUnknownIssuer, TransportFailure } from "../transport/transport-failure.ts";
import { answeredAt, retryAfterOf } from "./answer-times.ts";
import { AtlasError, type AtlasErrorFields, changesSomething } from "./atlas-error.ts";
import { type AnsweredKind, classify } from "./classify.ts";
import { addressIn, type ErrorAnswer, readErrorAnswer } from "./error-answer.ts";
import { describeAction, describeProject, describeTarget, type ErrorContext, requiredRoleOf } from "./error-context.ts";

/** The message for a person: what is wrong, and what to do about it. */
type Words = Pick<AtlasErrorFields, "problem" | "remedy">;

/** The error for an answer whose status is not the expected one. */
export function errorFromAnswer(answer: AtlasAnswer, context: ErrorContext, clock: Clock): AtlasError {
  const error = readErrorAnswer(answer, context.conceal);
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
    answeredAt: answeredAt(answer),
    ...wordsFor(kind, answer, error, context, retryAfterMs),
  });
}

/**
 * The error for an answer with the right status that holds something other than it should.
 *
 * @param shape - what it holds, as the end of the sentence "the server answered 200 …"
 */
export function errorFromContent(
  answer: Pick<AtlasAnswer, "status" | "headers">,
  shape: string,
  context: ErrorContext,
  options: { readonly cause?: unknown; readonly remedy?: string | undefined } = { remedy: CHECK_BASE_URL },
): AtlasError {
  const kind = changesSomething(context.operation) ? "ambiguous" : "badAnswer";
  const problem = `the server answered ${answer.status} ${shape}`;
  return new AtlasError({
    kind,
    operation: context.operation,
    status: answer.status,
    answeredAt: answeredAt(answer),
    cause: options.cause,
    ...(kind === "ambiguous"
      ? unknownOutcome(context, problem)
      : { problem: `Cannot ${describeAction(context)}: ${problem}.`, remedy: options.remedy }),
  });
}

/** The error for an exchange without a whole answer. Anything but a TransportFailure is thrown on as it is. */
export function errorFromFailure(failure: unknown, context: ErrorContext): AtlasError {
  if (!(failure instanceof TransportFailure)) throw failure;
  const fields = { operation: context.operation, status: failure.status, cause: failure };
  const cannot = `Cannot ${describeAction(context)}`;
  if (failure.sent && changesSomething(context.operation)) {
    const why = `the response was lost after the request had been sent (${failure.message})`;
    return new AtlasError({ ...fields, kind: "ambiguous", ...unknownOutcome(context, why) });
  }
  switch (failure.reason) {
    case "aborted":
    case "closed":
      return abortedError(context, failure);
    case "tooLarge":
    case "protocol":
      return new AtlasError({
        ...fields,
        kind: "badAnswer",
        problem: `${cannot}: ${failure.message}.`,
        remedy: CHECK_BASE_URL,
      });
    case "untrusted":
      return new AtlasError({
        ...fields,
        kind: "unavailable",
        problem: `${cannot}: the server's TLS certificate is not trusted (${failure.message}).`,
        remedy: hasUnknownIssuer(failure)
          ? "If a proxy inspects TLS connections, add its CA certificate as an extra CA."
          : "Check the base URL, HTTPS_PROXY and this machine's clock.",
      });
    case "proxyCredentials":
      return new AtlasError({
        ...fields,
        kind: "unavailable",
        problem: `${cannot}: the proxy in HTTPS_PROXY rejects the credentials in that URL, or the URL has none (407).`,
        remedy: CHECK_PROXY,
      });
    case "timeout":
    case "network":
      return new AtlasError({
        ...fields,
        kind: "unavailable",
        problem: `${cannot}: Atlas did not respond (${failure.message}).`,
        remedy: comeBack(undefined),
      });
    default:
      throw new Error(failure.reason satisfies never);
  }
}

/** The error for a call that the caller's own signal ended before anything was changed. */
export function abortedError(context: ErrorContext, cause: unknown): AtlasError {
  const problem = `The call to ${describeAction(context)} was stopped by its caller.`;
  return new AtlasError({ kind: "aborted", operation: context.operation, problem, cause });
}

/** The error for a call that would wait longer for its turn in the project than its caller wants to. */
export function pacedOutError(context: ErrorContext, waitMs: number): AtlasError {
  return new AtlasError({
    kind: "rateLimited",
    operation: context.operation,
    problem: `The rate limit of ${describeProject(context)} is used up, or Atlas asked the client to wait.`,
    remedy: comeBack(waitMs),
    retryAfterMs: waitMs,
  });
}

const CHECK_PROXY = "Correct the user name and password in HTTPS_PROXY.";
const CHECK_BASE_URL = "Check that the base URL is that of Atlas and that no proxy or login page answers in its place.";

function wordsFor(
  kind: AnsweredKind,
  answer: AtlasAnswer,
  error: ErrorAnswer,
  context: ErrorContext,
  retryAfterMs: number | undefined,
): Words {
  const { caller } = context;
  const project = describeProject(context);
  const cannot = `Cannot ${describeAction(context)}`;
  const status = error.errorCode === undefined ? `${answer.status}` : `${answer.status} ${error.errorCode}`;
  switch (kind) {
    case "credentials":
      return {
        problem: `Atlas rejects ${caller} (${status}).`,
        remedy: "Check that it exists, that it has not expired or been revoked, and that the secret belongs to it.",
      };
    case "role":
      return {
        problem: `${capitalized(caller)} lacks the role ${requiredRoleOf(context.operation)} in ${project} (${status}).`,
        remedy: "Grant the role in Atlas under the project's Access Manager.",
      };
    case "accessList":
      return {
        problem: `The IP address ${addressIn(error.detail) ?? "of this machine"} is not on the API access list of ${caller} (${status}).`,
        remedy: "Add the address to that list.",
      };
    case "userNotFound":
      return {
        problem: `Atlas has no ${describeTarget(context)} (${status}).`,
        remedy: "Create the user with X.509 authentication of type MANAGED, or correct the name.",
      };
    case "projectNotFound":
      return {
        problem: `Atlas has no ${project}, or ${caller} has no access to it (${status}).`,
        remedy: "Check the project id and the organization of the credentials.",
      };
    case "customerManagedOn":
      return {
        problem: `${capitalized(project)} uses customer-managed X.509, so Atlas issues no certificates for it (${status}).`,
        remedy: "Disable it, which restarts the database, or issue certificates from your own CA.",
      };
    case "certificateLimit":
      return {
        problem: `${capitalized(describeTarget(context))} has as many unexpired certificates as Atlas allows (${status}).`,
        remedy: "Wait until one expires; a certificate cannot be deleted.",
      };
    case "rateLimited":
      return {
        problem: `Atlas' rate limit for ${project} is reached (${status}).`,
        remedy: comeBack(retryAfterMs),
      };
    case "badRequest":
      return {
        problem: `Atlas rejects the request to ${describeAction(context)} (${status})${explanation(error, context)}.`,
        remedy: "Correct the request; retrying does not help.",
      };
    case "unavailable":
      return {
        problem: `${cannot}: Atlas answered ${status}.`,
        remedy: comeBack(retryAfterMs),
      };
    case "ambiguous":
      return unknownOutcome(context, `Atlas answered ${status}`);
    case "badAnswer":
      return {
        problem:
          answer.status === 407
            ? `${cannot}: a proxy asks for credentials (407).`
            : `${cannot}: the response ${describeShape(answer, context)} did not come from Atlas.`,
        remedy: answer.status === 407 ? CHECK_PROXY : CHECK_BASE_URL,
      };
    default:
      throw new Error(kind satisfies never);
  }
}

function unknownOutcome(context: ErrorContext, why: string): Words {
  const [deed, remedy] =
    context.operation === "createDatabaseUserCertificate"
      ? ["issued a certificate for", "List the user's certificates before you retry."]
      : ["disabled customer-managed X.509 in", "Read the project's user security settings before you retry."];
  return { problem: `Atlas may or may not have ${deed} ${describeTarget(context)}: ${why}.`, remedy };
}

function comeBack(retryAfterMs: number | undefined): string {
  return retryAfterMs === undefined ? "Try again later." : `Try again in ${Math.ceil(retryAfterMs / 1000)} s.`;
}

/** Atlas' own words, but never those of the answer to a create: they stay in `detail`. */
function explanation(error: ErrorAnswer, context: ErrorContext): string {
  if (error.detail === undefined || context.operation === "createDatabaseUserCertificate") return "";
  return `: ${JSON.stringify(error.detail.replace(/[.]$/, ""))}`;
}

function capitalized(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

function describeShape(answer: AtlasAnswer, { conceal }: ErrorContext): string {
  const type = answer.headers.get("content-type")?.[0]?.match(/^[a-z0-9!#$&^_.+/-]{1,100}/i)?.[0];
  const redirect = answer.status >= 300 && answer.status < 400 ? ", a redirect" : "";
  return conceal(`(${answer.status}${redirect}${type === undefined ? "" : `, ${type}`})`);
}

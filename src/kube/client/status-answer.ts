import { parseRetryAfter } from "../../http-dates.ts";
import { KubeError, type KubeErrorCause, type KubeErrorReason, presentable } from "../kube-error.ts";

/** The API server's `Status` object, in so far as we read it. */
interface Status {
  readonly kind: "Status";
  readonly code?: unknown;
  readonly reason?: unknown;
  readonly message?: unknown;
  readonly details?: unknown;
}

/**
 * The longest that is waited because an answer asks for it. One page of an intermediary, or one clock that is wrong where
 * a date is given, must not stop a watch for a day; the API server itself asks for seconds.
 */
const MAX_RETRY_AFTER_MS = 60_000;

/** Whether a parsed body is a JSON object. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isStatus(value: unknown): value is Status {
  return isRecord(value) && value.kind === "Status";
}

/**
 * The error for an answer that is not a success.
 *
 * @param answer the HTTP status (undefined for an error event in a watch), the parsed body, and the Retry-After header
 * @param now wall-clock milliseconds, for a Retry-After that is a date
 */
export function errorOfAnswer(
  operation: string,
  answer: { readonly status?: number; readonly body: unknown; readonly retryAfter?: string | undefined },
  now: number,
): KubeError {
  const status = isStatus(answer.body) ? answer.body : undefined;
  const details = isRecord(status?.details) ? status.details : {};
  const code = answer.status ?? (typeof status?.code === "number" ? status.code : undefined);
  const seconds = details.retryAfterSeconds;
  return new KubeError({
    operation,
    reason: reasonOf(code, status?.reason, status !== undefined),
    status: code,
    explanation: typeof status?.message === "string" ? status.message : undefined,
    retryAfterMs:
      parseRetryAfter(answer.retryAfter, now, MAX_RETRY_AFTER_MS) ??
      (typeof seconds === "number" && seconds > 0 ? Math.min(seconds * 1000, MAX_RETRY_AFTER_MS) : undefined),
    causes: causesOf(details.causes),
  });
}

function reasonOf(code: number | undefined, reason: unknown, isFromApiServer: boolean): KubeErrorReason {
  switch (code) {
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      // A 404 that is no Status comes from a proxy or a wrong path prefix: it does not say that the object is gone.
      return isFromApiServer ? "NotFound" : "BadAnswer";
    case 409:
      return reason === "AlreadyExists" ? "AlreadyExists" : "Conflict";
    case 410:
      return "Expired";
    case 422:
      return "Invalid";
    case 429:
      return "TooManyRequests";
    case 408:
    case 504:
      return "Timeout";
    case 500:
      if (reason === "Expired") return "Expired";
      return reason === "InternalError" ? "InternalError" : "Unavailable";
    default:
      if (code === undefined) return reason === "Expired" || reason === "Gone" ? "Expired" : "Unavailable";
      if (code >= 500) return "Unavailable";
      return code >= 400 ? "BadRequest" : "BadAnswer";
  }
}

function causesOf(causes: unknown): readonly KubeErrorCause[] {
  if (!Array.isArray(causes)) return [];
  return causes.filter(isRecord).map((cause) => ({
    ...(typeof cause.field === "string" && { field: cause.field }),
    ...(typeof cause.reason === "string" && { reason: cause.reason }),
    ...(typeof cause.message === "string" && { message: presentable(cause.message) }),
  }));
}

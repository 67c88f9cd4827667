/**
 * Why a call to the API server failed.
 *
 * - `Expired`: 410, the resourceVersion or the page token is too old
 * - `Timeout`: our own deadline, or the API server's (408, 504)
 * - `Unavailable`: 502, 503 and every other 5xx without a reason of its own
 * - `InternalError`: 500, often an admission webhook that can't be reached
 * - `Network`: no whole answer arrived
 * - `BadAnswer`: an answer that is none of the API server's, such as a proxy's HTML page
 */
export type KubeErrorReason =
  | "NotFound"
  | "AlreadyExists"
  | "Conflict"
  | "Forbidden"
  | "Invalid"
  | "BadRequest"
  | "Expired"
  | "TooManyRequests"
  | "Unauthorized"
  | "Timeout"
  | "Unavailable"
  | "InternalError"
  | "Network"
  | "BadAnswer";

/** One field that the API server objects to. */
export interface KubeErrorCause {
  readonly field?: string;
  readonly reason?: string;
  readonly message?: string;
}

export interface KubeErrorOptions {
  readonly reason: KubeErrorReason;
  /** The attempted operation, such as `patch secrets shop/orders`. */
  readonly operation: string;
  /** HTTP status, or the code of a watch's error event. */
  readonly status?: number | undefined;
  /** The explanation of the API server or the network, shortened, without anything that looks like key material. */
  readonly explanation?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly causes?: readonly KubeErrorCause[] | undefined;
  readonly cause?: unknown;
}

/**
 * The one error of every call to the API server. Its message holds what was tried, the reason, the status and the API
 * server's own sentence; never a request body and never headers. Users see the messages of no other error: it might contain
 * key material.
 */
export class KubeError extends Error {
  override readonly name = "KubeError";
  readonly reason: KubeErrorReason;
  readonly operation: string;
  readonly status: number | undefined;
  /** How long the API server asks to wait, in milliseconds, but no more than a minute. */
  readonly retryAfterMs: number | undefined;
  /** The fields that an `Invalid` answer objects to. */
  readonly details: readonly KubeErrorCause[];

  constructor(options: KubeErrorOptions) {
    const explanation = options.explanation === undefined ? "" : `: ${presentable(options.explanation)}`;
    const status = options.status === undefined ? "" : ` (${options.status})`;
    super(
      `${options.operation}: ${options.reason}${status}${explanation}`,
      options.cause === undefined ? {} : { cause: options.cause },
    );
    this.reason = options.reason;
    this.operation = options.operation;
    this.status = options.status;
    this.retryAfterMs = options.retryAfterMs;
    this.details = options.causes ?? [];
  }

  /** Whether `error` is a KubeError, of one of the reasons if any are given. */
  static is(error: unknown, ...reasons: readonly KubeErrorReason[]): error is KubeError {
    return error instanceof KubeError && (reasons.length === 0 || reasons.includes(error.reason));
  }
}

const MAX_EXPLANATION = 600;

/**
 * The API server's sentence as it may be shown. Webhooks and decoders quote what they were sent, and what they were
 * sent may be a Secret: PEM blocks and long base64 runs are cut out.
 */
export function presentable(text: string): string {
  const cut = text
    .replace(/-----BEGIN[\s\S]*?(?:-----END[^-]*-----|$)/g, "[redacted]")
    .replace(/[A-Za-z0-9+/_=-]{120,}/g, "[redacted]");
  return cut.length <= MAX_EXPLANATION ? cut : `${cut.slice(0, MAX_EXPLANATION)}…`;
}

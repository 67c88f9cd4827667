/**
 * Why no whole answer came: `timeout` and `aborted` from this side, `untrusted` when the TLS certificate of the server
 * does not hold, `tooLarge` when the answer passed the size limit, `protocol` when it was not HTTP, `closed` when the
 * transport was closed, `network` for the rest.
 */
export type TransportFailureReason =
  | "timeout"
  | "aborted"
  | "untrusted"
  | "tooLarge"
  | "protocol"
  | "closed"
  | "network";

/**
 * An exchange that ended without a whole answer. It holds nothing that was sent or received: undici's parser error, for
 * one, carries a piece of the answer, which may be a private key, so of foreign errors only name, code and message are
 * taken over.
 */
export class TransportFailure extends Error {
  readonly reason: TransportFailureReason;
  /**
   * False when certainly not one byte of the request left (no connection, no TLS session, no free place in the pool);
   * true when it may have arrived.
   */
  readonly sent: boolean;
  /** The status of the answer when at least its head came. */
  readonly status: number | undefined;
  /** The system's or undici's code, such as `ECONNREFUSED`. */
  readonly code: string | undefined;

  constructor(fields: {
    readonly reason: TransportFailureReason;
    readonly message: string;
    readonly sent: boolean;
    readonly status?: number | undefined;
    readonly code?: string | undefined;
  }) {
    super(fields.message);
    this.name = "TransportFailure";
    this.reason = fields.reason;
    this.sent = fields.sent;
    this.status = fields.status;
    this.code = fields.code;
  }
}

/** Turns an error of undici, TLS or the system into a TransportFailure. */
export function toTransportFailure(
  error: unknown,
  progress: { readonly sent: boolean; readonly status: number | undefined },
): TransportFailure {
  const code = codeOf(error);
  return new TransportFailure({ reason: reasonOf(error, code), message: describe(error, code), code, ...progress });
}

/** Node's and OpenSSL's codes for a certificate that does not hold; those of the handshake itself start with ERR_TLS. */
const UNTRUSTED = new Set([
  "CERT_HAS_EXPIRED",
  "CERT_NOT_YET_VALID",
  "CERT_REVOKED",
  "CERT_UNTRUSTED",
  "CERT_REJECTED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "ERR_TLS_CERT_ALTNAME_INVALID",
  "HOSTNAME_MISMATCH",
]);

function reasonOf(error: unknown, code: string | undefined): TransportFailureReason {
  // undici gives its parser's errors a code only by chance.
  if (error instanceof Error && error.name === "HTTPParserError") return "protocol";
  if (code === undefined) return "network";
  if (UNTRUSTED.has(code)) return "untrusted";
  if (code === "UND_ERR_CONNECT_TIMEOUT" || code === "UND_ERR_HEADERS_TIMEOUT") return "timeout";
  if (code === "UND_ERR_DESTROYED" || code === "UND_ERR_CLOSED") return "closed";
  return code === "UND_ERR_HEADERS_OVERFLOW" ? "protocol" : "network";
}

function describe(error: unknown, code: string | undefined): string {
  if (!(error instanceof Error)) return "unknown network error";
  // Several addresses of one name, each of which failed: the error around them has no message of its own.
  if (error instanceof AggregateError && error.errors[0] instanceof Error) return error.errors[0].message;
  return error.message === "" ? (code ?? error.name) : error.message;
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

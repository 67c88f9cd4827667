/**
 * Why no whole answer came: `timeout` and `aborted` from this side, `untrusted` when the TLS certificate of the server
 * does not hold, `proxyCredentials` when the proxy asks for other ones or any, `tooLarge` when the answer passed the size limit, `protocol` when it was not HTTP, `closed` when the
 * transport was closed, `network` for the rest.
 */
export type TransportFailureReason =
  | "timeout"
  | "aborted"
  | "untrusted"
  | "proxyCredentials"
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
  const proxyStatus = proxyStatusOf(error);
  const reason = proxyStatus === "407" ? "proxyCredentials" : reasonOf(error, code);
  const message = proxyStatus === undefined ? describe(error, code) : `the proxy answered ${proxyStatus} to CONNECT`;
  return new TransportFailure({ reason, message, code, ...progress });
}

/** Codes of Node and OpenSSL for a certificate whose issuer is unknown here, which an extra CA may change. */
const UNKNOWN_ISSUER: ReadonlySet<string | undefined> = new Set([
  "CERT_UNTRUSTED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

/** Codes for a certificate that does not hold for another reason; those of the handshake itself start with ERR_SSL. */
const UNTRUSTED: ReadonlyMap<string, string> = new Map([
  ["CERT_HAS_EXPIRED", "it has expired"],
  ["CERT_NOT_YET_VALID", "it is not valid yet"],
  ["CERT_REVOKED", "it was revoked"],
  ["CERT_REJECTED", "it was rejected"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "it is for another host name"],
  ["HOSTNAME_MISMATCH", "it is for another host name"],
]);

/** Whether another CA to trust could help. */
export function hasUnknownIssuer({ code }: TransportFailure): boolean {
  return UNKNOWN_ISSUER.has(code);
}

function reasonOf(error: unknown, code: string | undefined): TransportFailureReason {
  // undici gives its parser's errors a code only by chance.
  if (isProtocolError(error, code)) return "protocol";
  if (code === undefined) return "network";
  if (UNKNOWN_ISSUER.has(code) || UNTRUSTED.has(code)) return "untrusted";
  if (code === "UND_ERR_CONNECT_TIMEOUT" || code === "UND_ERR_HEADERS_TIMEOUT") return "timeout";
  if (code === "UND_ERR_DESTROYED" || code === "UND_ERR_CLOSED") return "closed";
  return code === "UND_ERR_HEADERS_OVERFLOW" ? "protocol" : "network";
}

/** Its parser's errors, and those of its assertions about what a server may send. */
function isProtocolError(error: unknown, code: string | undefined): boolean {
  return (error instanceof Error && error.name === "HTTPParserError") || code === "ERR_ASSERTION";
}

/** One line that says nothing of what was sent or received, and nothing in OpenSSL's own format. */
function describe(error: unknown, code: string | undefined): string {
  if (!(error instanceof Error)) return "unknown network error";
  // Several addresses of one name, each of which failed: the error around them has no message of its own.
  if (error instanceof AggregateError && error.errors.length > 0)
    return describe(error.errors[0], codeOf(error.errors[0]));
  if (code !== undefined && UNKNOWN_ISSUER.has(code)) return "its issuer is unknown";
  const untrusted = code === undefined ? undefined : UNTRUSTED.get(code);
  if (untrusted !== undefined) return untrusted;
  if (code?.startsWith("ERR_SSL_") || code?.startsWith("ERR_OSSL_") || code === "EPROTO") {
    return `the TLS handshake failed (${code})`;
  }
  if (code === "ERR_ASSERTION") return "the response is not valid HTTP";
  const isPlain = error.message !== "" && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|error:[0-9A-F]{8}:/u.test(error.message);
  return isPlain ? error.message : (code ?? error.name);
}

/** The proxy's status for CONNECT, which undici gives only in its message. */
function proxyStatusOf(error: unknown): string | undefined {
  return error instanceof Error ? /^Proxy response \((\d{3})\)/.exec(error.message)?.[1] : undefined;
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

import { AtlasError, type AtlasOperation } from "../../../src/atlas/errors/atlas-error.ts";
import type { ErrorContext } from "../../../src/atlas/errors/error-context.ts";
import {
  errorFromAnswer,
  errorFromContent,
  errorFromFailure,
  pacedOutError,
} from "../../../src/atlas/errors/make-error.ts";
import { TransportFailure } from "../../../src/atlas/transport/transport-failure.ts";
import type { AtlasApi } from "../../../src/controllers/access/atlas-api.ts";
import { CredentialsGate } from "../../../src/controllers/access/credentials-gate.ts";
import { NOW, POLICY, PROJECT } from "../../../src/controllers/user-certificate/testing/snapshots.ts";
import { SensitiveText } from "../../../src/sensitive-text.ts";
import { ManualClock } from "../../../src/testing/manual-clock.ts";

/** Errors of the Atlas client, each made by the function that makes it for a real answer. */

const CREATE = "createDatabaseUserCertificate";
const LIST = "listDatabaseUserCertificates";
const SETTINGS = "getUserSecurity";
const DISABLE = "disableCustomerManagedX509";

export const ATLAS_ERRORS = {
  credentials: answered(401, "invalid_client", { operation: "authenticate" }),
  role: answered(403, "USER_UNAUTHORIZED", { operation: CREATE }),
  accessList: answered(403, "IP_ADDRESS_NOT_ON_ACCESS_LIST", {
    detail: "IP address 203.0.113.7 is not allowed to access this resource.",
  }),
  projectNotFound: answered(404, "GROUP_NOT_FOUND"),
  userNotFound: answered(404, "USERNAME_NOT_FOUND"),
  customerManagedOn: answered(400, "CANNOT_GENERATE_CERT_IF_ADVANCED_X509", { operation: CREATE }),
  certificateLimit: answered(400, "ATLAS_GENERATED_CERTS_LIMIT_EXCEEDED", { operation: CREATE }),
  badRequest: answered(400, "INVALID_ATTRIBUTE", { detail: "The attribute username is invalid." }),
  badCreate: answered(400, "ATLAS_MANAGED_X509_NAME_INVALID", { operation: CREATE }),
  rateLimited: answered(429, "RATE_LIMITED", { retryAfter: "40" }),
  paced: pacedOutError(contextOf(LIST), 12_000),
  serverError: answered(503, "UNEXPECTED_ERROR"),
  unreachable: failed({ reason: "network", message: "connect ECONNREFUSED 192.0.2.1:443" }),
  slow: failed({ reason: "timeout", message: "no response within 20 s" }),
  untrusted: failed({
    reason: "untrusted",
    message: "its issuer is unknown",
    code: "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  }),
  proxyCredentials: failed({ reason: "proxyCredentials", message: "the proxy answered 407 to CONNECT" }),
  loginPage: answered(302, undefined, { contentType: "text/html" }),
  badContent: errorFromContent({ status: 200, headers: new Map() }, "with a body that is not JSON", contextOf(LIST)),
  answerLost: failed({ reason: "network", message: "read ECONNRESET", sent: true }, CREATE),
  createFailed: answered(500, "UNEXPECTED_ERROR", { operation: CREATE }),
} as const satisfies Readonly<Record<string, AtlasError>>;

/** Errors of the calls that concern a whole project. */
export const PROJECT_ERRORS = {
  CredentialsRejected: answered(401, "invalid_client", { operation: "authenticate" }),
  RoleMissing: answered(403, "USER_UNAUTHORIZED", { operation: SETTINGS }),
  IpNotOnAccessList: answered(403, "IP_ADDRESS_NOT_ON_ACCESS_LIST", {
    operation: SETTINGS,
    detail: "IP address 203.0.113.7 is not allowed to access this resource.",
  }),
  ProjectNotFound: answered(404, "GROUP_NOT_FOUND", { operation: SETTINGS }),
  RequestRejected: answered(400, "INVALID_GROUP_ID", { operation: SETTINGS }),
  RateLimited: answered(429, "RATE_LIMITED", { operation: SETTINGS, retryAfter: "40" }),
  AtlasUnavailable: answered(503, "UNEXPECTED_ERROR", { operation: SETTINGS }),
} as const satisfies Readonly<Record<string, AtlasError>>;

/** Errors of the one call of an AtlasCustomerX509Removal. */
export const DISABLE_ERRORS = {
  role: answered(403, "USER_UNAUTHORIZED", { operation: DISABLE }),
  unreachable: failed({ reason: "network", message: "connect ECONNREFUSED 192.0.2.1:443" }, DISABLE),
  answerLost: failed({ reason: "network", message: "read ECONNRESET", sent: true }, DISABLE),
} as const satisfies Readonly<Record<string, AtlasError>>;

/** What other resources are told once one call has shown that Atlas rejects the credentials, and after frequent changes. */
export async function gateErrors(): Promise<{ readonly rejected: AtlasError; readonly changedOften: AtlasError }> {
  const clock = new ManualClock({ startAt: NOW });
  const gate = new CredentialsGate({ recheckIntervalMs: POLICY.recheckIntervalMs, clock });
  const reject = () => Promise.reject(ATLAS_ERRORS.credentials);
  const rejecting: AtlasApi = {
    createDatabaseUserCertificate: reject,
    listAllDatabaseUserCertificates: reject,
    disableCustomerManagedX509: reject,
    getUserSecurity: reject,
  };
  const errorWith = (content: string) =>
    gate
      .guard("shop/atlas-api", content, rejecting)
      .listAllDatabaseUserCertificates({ groupId: PROJECT, username: "orders-api" })
      .then(() => undefined, atlasErrorOf);
  await errorWith("first");
  const rejected = await errorWith("first");
  await errorWith("second");
  const changedOften = await errorWith("third");
  if (rejected === undefined || changedOften === undefined) throw new Error("the gate let a call pass");
  return { rejected, changedOften };
}

function atlasErrorOf(error: unknown): AtlasError {
  if (error instanceof AtlasError) return error;
  throw error;
}

function contextOf(operation: AtlasOperation): ErrorContext {
  const caller = "service account mdb_sa_id_0123456789abcdef01234567";
  const ofUser = operation === CREATE || operation === LIST;
  return { operation, caller, groupId: PROJECT, username: ofUser ? "orders-api" : undefined, conceal: (text) => text };
}

interface Answered {
  readonly operation?: AtlasOperation;
  readonly detail?: string;
  readonly retryAfter?: string;
  readonly contentType?: string;
}

function answered(
  status: number,
  errorCode: string | undefined,
  { operation = LIST, detail, retryAfter, contentType = "application/json" }: Answered = {},
): AtlasError {
  const headers = new Map([["content-type", [contentType]]]);
  if (retryAfter !== undefined) headers.set("retry-after", [retryAfter]);
  const body = new SensitiveText(errorCode === undefined ? "" : JSON.stringify({ error: status, errorCode, detail }));
  return errorFromAnswer({ status, headers, body }, contextOf(operation), new ManualClock({ startAt: NOW }));
}

function failed(
  { sent = false, ...failure }: { sent?: boolean } & Omit<ConstructorParameters<typeof TransportFailure>[0], "sent">,
  operation: AtlasOperation = LIST,
): AtlasError {
  return errorFromFailure(new TransportFailure({ sent, ...failure }), contextOf(operation));
}

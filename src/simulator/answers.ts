import { STATUS_CODES } from "node:http";

/** A whole HTTP answer, before any fault has touched it. The body of a create holds a private key: never log one. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What an Atlas error says. */
export interface AtlasErrorBody {
  readonly status: number;
  /** Atlas' own constant, such as `USERNAME_NOT_FOUND`. */
  readonly errorCode: string;
  readonly detail: string;
  readonly parameters?: readonly (string | number)[];
  /** The fields of a 400 that a validation refused. */
  readonly violations?: readonly { readonly field: string; readonly description: string }[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** Writes an error with the fields and in the order that Atlas uses. */
export function errorAnswer(error: AtlasErrorBody): Answer {
  const body = {
    ...(error.violations === undefined ? {} : { badRequestDetail: { fields: error.violations } }),
    detail: error.detail,
    error: error.status,
    errorCode: error.errorCode,
    parameters: error.parameters ?? [],
    reason: STATUS_CODES[error.status] ?? "Unknown",
  };
  return {
    status: error.status,
    headers: { "content-type": "application/json", ...error.headers },
    body: JSON.stringify(body),
  };
}

/** The errors that more than one operation gives. */
export const errors = {
  /** Nobody could be recognised. This wording and code come from the recorded answers of the real API. */
  unauthenticated: (challenge: string): Answer =>
    errorAnswer({
      status: 401,
      errorCode: "UNEXPECTED_ERROR",
      detail: "You are not authorized for this resource.",
      headers: { "www-authenticate": challenge },
    }),
  /** The credentials are good, the role is not enough. */
  roleMissing: (status: 401 | 403): Answer =>
    errorAnswer({
      status,
      errorCode: "USER_UNAUTHORIZED",
      detail: "Current user is not authorized to perform this action.",
    }),
  addressNotAllowed: (address: string): Answer =>
    errorAnswer({
      status: 403,
      errorCode: "IP_ADDRESS_NOT_ON_ACCESS_LIST",
      detail: `IP address ${address} is not allowed to access this resource.`,
      parameters: [address],
    }),
  versionNotAcceptable: (): Answer =>
    errorAnswer({
      status: 406,
      errorCode: "INVALID_VERSION_DATE",
      detail: "Invalid accept header or version date.",
    }),
  unsupportedMediaType: (): Answer =>
    errorAnswer({
      status: 415,
      errorCode: "UNSUPPORTED_MEDIA_TYPE",
      detail: "The content type of the request is not supported.",
    }),
  invalidProjectId: (id: string): Answer =>
    errorAnswer({
      status: 400,
      errorCode: "INVALID_GROUP_ID",
      detail: `An invalid group ID ${id} was specified.`,
      parameters: [id],
    }),
  projectNotFound: (id: string): Answer =>
    errorAnswer({
      status: 404,
      errorCode: "GROUP_NOT_FOUND",
      detail: `No group with ID ${id} exists.`,
      parameters: [id],
    }),
  userNotFound: (username: string): Answer =>
    errorAnswer({
      status: 404,
      errorCode: "USERNAME_NOT_FOUND",
      detail: `No user with username ${username} exists.`,
      parameters: [username],
    }),
  resourceNotFound: (path: string): Answer =>
    errorAnswer({
      status: 404,
      errorCode: "RESOURCE_NOT_FOUND",
      detail: `Cannot find resource ${path}.`,
      parameters: [path],
    }),
  methodNotAllowed: (method: string): Answer =>
    errorAnswer({
      status: 405,
      errorCode: "METHOD_NOT_ALLOWED",
      detail: `The method ${method} is not allowed for this resource.`,
      parameters: [method],
    }),
  malformedJson: (): Answer =>
    errorAnswer({ status: 400, errorCode: "INVALID_JSON", detail: "Received JSON does not match expected format." }),
  unknownAttribute: (name: string): Answer =>
    errorAnswer({
      status: 400,
      errorCode: "INVALID_ATTRIBUTE",
      detail: `Invalid attribute ${name} specified.`,
      parameters: [name],
    }),
  invalidQueryParameter: (name: string): Answer =>
    errorAnswer({
      status: 400,
      errorCode: "INVALID_QUERY_PARAMETER",
      detail: `Invalid query parameter ${name} specified.`,
      parameters: [name],
    }),
  invalidField: (field: string, description: string): Answer =>
    errorAnswer({
      status: 400,
      errorCode: "VALIDATION_ERROR",
      detail: `The request content produced the validation error: ${field} ${description}.`,
      parameters: [`${field} ${description}`],
      violations: [{ field, description }],
    }),
  customerManagedX509On: (): Answer =>
    errorAnswer({
      status: 400,
      errorCode: "CANNOT_GENERATE_CERT_IF_ADVANCED_X509",
      detail: "The user cannot create managed X.509 certs if advanced mode is on.",
    }),
  certificateLimitReached: (): Answer =>
    errorAnswer({
      status: 400,
      errorCode: "ATLAS_GENERATED_CERTS_LIMIT_EXCEEDED",
      detail: "The limit on generated certificates per user has been reached.",
    }),
  unexpected: (status: number): Answer =>
    errorAnswer({ status, errorCode: "UNEXPECTED_ERROR", detail: "Unexpected error." }),
};

import { STATUS_CODES } from "node:http";
import { versionedMediaType } from "./media-type.ts";
import { type Page, pageLinks } from "./paging.ts";
import { prettyJson } from "./pretty-json.ts";
import type { Route } from "./routes.ts";

/** A whole HTTP answer, before any fault has touched it. The body of a create holds a private key: never log one. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The body of an Atlas error. */
interface AtlasErrorBody {
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
    headers: {
      "content-type": "application/json",
      vary: "Accept-Encoding",
      ...(error.status === 401 ? {} : { "x-error-code": error.errorCode }),
      ...error.headers,
    },
    body: JSON.stringify(body),
  };
}

/** The answer of an operation: text under the media type of its version, whatever the text is. */
export function jsonAnswer(route: Route, status: number, body: string): Answer {
  const contentType = `${versionedMediaType(route.version ?? "")};charset=utf-8`;
  return { status, headers: { "content-type": contentType }, body };
}

/** One page of a list whose items are given as JSON. */
export function pageAnswer(route: Route, page: Page, url: string, items: readonly string[]): Answer {
  const links = JSON.stringify(pageLinks(page, url, items.length));
  const count = page.includeCount ? `,"totalCount":${items.length}` : "";
  return jsonAnswer(route, 200, `{"links":${links},"results":[${page.cut(items).join(",")}]${count}}`);
}

/** The errors that more than one operation gives. */
export const errors = {
  /** No client could be recognized. Wording, code, fields and form are those of the recorded answers of the real API. */
  unauthenticated: (challenge: string): Answer => ({
    status: 401,
    headers: { "content-type": "application/json", "www-authenticate": challenge },
    body: prettyJson(
      JSON.stringify({
        error: 401,
        reason: "Unauthorized",
        detail: "You are not authorized for this resource.",
        errorCode: "UNEXPECTED_ERROR",
      }),
    ),
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
  userExists: (username: string): Answer =>
    errorAnswer({
      status: 409,
      errorCode: "USER_ALREADY_EXISTS",
      detail: `A user with username ${username} already exists.`,
      parameters: [username],
    }),
  userNotManaged: (): Answer =>
    errorAnswer({
      status: 400,
      errorCode: "USER_NOT_MANAGED_X509",
      detail: "The user does not have managed mode X509 enabled.",
    }),
  x509UserWithPassword: (): Answer =>
    errorAnswer({
      status: 400,
      errorCode: "ATLAS_X509_USER_CANNOT_USE_SCRAM",
      detail: "Users cannot be configured for SCRAM and X.509 authentication.",
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

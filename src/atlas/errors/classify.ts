import { type AtlasError, type AtlasErrorKind, type AtlasOperation, changesSomething } from "./atlas-error.ts";
import type { ErrorAnswer } from "./error-answer.ts";

/** Every kind except a caller's abort, which no answer produces. */
export type AnsweredKind = Exclude<AtlasErrorKind, "aborted">;

/**
 * Codes that mean the same whatever the status. From MongoDB's list of Atlas Administration API error codes and from
 * what its own clients look for.
 */
const KIND_BY_CODE: ReadonlyMap<string, AnsweredKind> = new Map([
  ["CANNOT_GENERATE_CERT_IF_ADVANCED_X509", "customerManagedOn"],
  ["ATLAS_GENERATED_CERTS_LIMIT_EXCEEDED", "certificateLimit"],
  ["RATE_LIMITED", "rateLimited"],
  ["RATE_LIMITED_TOKEN_BUCKET", "rateLimited"],
  ["IP_ADDRESS_NOT_ON_ACCESS_LIST", "accessList"],
  ["ORG_REQUIRES_ACCESS_LIST", "accessList"],
  ["IP_ADDRESS_NOT_ON_WHITELIST", "accessList"],
  ["USER_UNAUTHORIZED", "role"],
  ["USER_NOT_FOUND", "userNotFound"],
  ["USERNAME_NOT_FOUND", "userNotFound"],
  ["BAD_USERNAME_REF", "userNotFound"],
  ["BAD_USERNAME_IN_GROUP_REF", "userNotFound"],
  ["GROUP_NOT_FOUND", "projectNotFound"],
  ["NOT_IN_GROUP", "projectNotFound"],
  ["invalid_client", "credentials"],
  ["unauthorized_client", "credentials"],
]);

/** Operations whose path names a database user. */
const ABOUT_USERS: ReadonlySet<AtlasOperation> = new Set([
  "createDatabaseUserCertificate",
  "listDatabaseUserCertificates",
  "getDatabaseUser",
]);

const FOUND_IN_PROJECT: ReadonlySet<AtlasErrorKind> = new Set([
  "userNotFound",
  "customerManagedOn",
  "certificateLimit",
]);

/** Whether Atlas refused a call for what it found in the project, so that the caller must have been let into it. */
export function foundInProject({ errorCode, kind }: Pick<AtlasError, "errorCode" | "kind">): boolean {
  // By its own code: a 404 without one may mean that there is no such project.
  return FOUND_IN_PROJECT.has(kind) && errorCode !== undefined && KIND_BY_CODE.get(errorCode) === kind;
}

/** Which kind of error an answer with this status is. For statuses from 300 on. */
export function classify(status: number, error: ErrorAnswer, operation: AtlasOperation): AnsweredKind {
  const changes = changesSomething(operation);
  const byCode = error.errorCode === undefined ? undefined : KIND_BY_CODE.get(error.errorCode);
  // A server error may come after the deed, except for one that says that it was not even tried.
  if (byCode === "rateLimited" || status === 429) return "rateLimited";
  if (status >= 500 || status === 408) return changes ? "ambiguous" : "unavailable";
  if (status < 400) return "badAnswer";
  if (byCode !== undefined) return byCode;
  switch (status) {
    case 407:
      return "badAnswer";
    case 409:
      return error.fromAtlas ? "unavailable" : "badAnswer";
    // Both are about the connection, not about the request (RFC 9110, section 15.5.20; RFC 8470, section 5.2).
    case 421:
    case 425:
      return "unavailable";
    case 401:
      return "credentials";
    case 403:
      if (!error.fromAtlas) return "badAnswer";
      // A caller that can't obtain a token has no role yet that could be missing.
      return operation === "authenticate" ? "credentials" : "role";
    case 404:
      // Where authentication is not found, the address is not that of an Atlas.
      if (!error.fromAtlas || operation === "authenticate") return "badAnswer";
      return ABOUT_USERS.has(operation) ? "userNotFound" : "projectNotFound";
    default:
      return error.fromAtlas ? "badRequest" : "badAnswer";
  }
}

import { AtlasError, type AtlasOperation } from "./errors/atlas-error.ts";

/** A project, by its id: 24 lower-case hexadecimal digits. */
export interface ProjectParameters {
  readonly groupId: string;
}

/** A database user of a project. */
export interface DatabaseUserParameters extends ProjectParameters {
  /** Name of the database user, 1 to 1024 characters; a distinguished name where the user has one. */
  readonly username: string;
}

/** Parameters of `createDatabaseUserCertificate`. */
export interface CreateCertificateParameters extends DatabaseUserParameters {
  /** `monthsUntilExpiration`: 1 to 24, at Atlas by default 3. */
  readonly userCert?: { readonly monthsUntilExpiration?: number | undefined } | undefined;
}

/** Parameters of `listDatabaseUserCertificates`: a user, and which page of its certificates to read. */
export interface ListCertificatesParameters extends DatabaseUserParameters {
  /** Whether the answer has `totalCount`. At Atlas by default true. */
  readonly includeCount?: boolean | undefined;
  /** 1 to 500, at Atlas by default 100. */
  readonly itemsPerPage?: number | undefined;
  /** From 1, at Atlas by default 1. */
  readonly pageNum?: number | undefined;
}

/** Parameters of `listAllDatabaseUserCertificates`: a user, and how much to read at a time. */
export interface ListAllCertificatesParameters extends DatabaseUserParameters {
  /** 1 to 500. @default 500 */
  readonly itemsPerPage?: number | undefined;
}

/** The largest page that Atlas gives. */
export const MOST_ITEMS_PER_PAGE = 500;

/*
 * Refuses parameters that Atlas would refuse, before anything is sent: the message is clearer, and no request is spent.
 * The limits are those of the Atlas Administration API's specification.
 */

/** @throws AtlasError of kind `badRequest` unless it is 24 lower-case hexadecimal digits */
export function checkGroupId(groupId: string, operation: AtlasOperation): void {
  if (/^[0-9a-f]{24}$/.test(groupId)) return;
  refuse(operation, "groupId must be the project's id: 24 lower-case hexadecimal digits");
}

/** @throws AtlasError of kind `badRequest` unless both can be what they are meant to be */
export function checkUser(parameters: DatabaseUserParameters, operation: AtlasOperation): void {
  checkGroupId(parameters.groupId, operation);
  checkUsername(parameters.username, operation);
}

/** @throws AtlasError of kind `badRequest` unless it can be the name of a database user */
export function checkUsername(username: string, operation: AtlasOperation): void {
  const length = [...username].length;
  if (length < 1 || length > 1024) refuse(operation, "username must have 1 to 1024 characters");
  if (/\p{Cc}/u.test(username)) refuse(operation, "username must not contain control characters");
  if (!username.isWellFormed()) refuse(operation, "username must be valid Unicode text");
  // Servers and proxies resolve these as steps in the path, so the request would reach another resource.
  if (username === "." || username === "..") refuse(operation, 'username must not be "." or ".."');
}

/** @throws AtlasError of kind `badRequest` unless it is absent or a whole number from `least` to `most` */
export function checkWholeNumber(
  value: number | undefined,
  range: { readonly name: string; readonly least: number; readonly most: number },
  operation: AtlasOperation,
): void {
  if (value === undefined) return;
  if (Number.isInteger(value) && value >= range.least && value <= range.most) return;
  const upTo = range.most === Number.MAX_SAFE_INTEGER ? "or more" : `to ${range.most}`;
  refuse(operation, `${range.name} must be a whole number, ${range.least} ${upTo}`);
}

function refuse(operation: AtlasOperation, problem: string): never {
  throw new AtlasError({ kind: "badRequest", operation, problem: `The request was not sent: ${problem}.` });
}

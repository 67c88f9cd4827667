import { type AtlasOperation, type AtlasRole, changesSomething } from "./atlas-error.ts";

/** The parts of a failed call that its error describes. */
export interface ErrorContext {
  readonly operation: AtlasOperation;
  /** The caller in words: `service account mdb_sa_id_…`. */
  readonly caller: string;
  readonly groupId?: string | undefined;
  readonly username?: string | undefined;
  /** Takes out of a text from the network what must not be shown. */
  readonly conceal: (text: string) => string;
}

/** The project role that Atlas asks for, by its specification. */
export function requiredRoleOf(operation: AtlasOperation): AtlasRole {
  // The security settings hold the password of an LDAP bind, so reading them takes more than reading elsewhere.
  return changesSomething(operation) || operation === "getUserSecurity" ? "Project Owner" : "Project Read Only";
}

/** The database user or the project that the call is about. */
export function describeTarget(context: ErrorContext): string {
  const { username } = context;
  const project = describeProject(context);
  return username === undefined ? project : `database user ${quoteName(username)} in ${project}`;
}

export function describeProject({ groupId }: ErrorContext): string {
  return groupId === undefined ? "the project" : `project ${groupId}`;
}

/** The attempted action, as the middle of a sentence. */
export function describeAction(context: ErrorContext): string {
  const target = describeTarget(context);
  switch (context.operation) {
    case "createDatabaseUserCertificate":
      return `create a certificate for ${target}`;
    case "listDatabaseUserCertificates":
      return `list the certificates of ${target}`;
    case "getDatabaseUser":
      return `read ${target}`;
    case "disableCustomerManagedX509":
      return `disable customer-managed X.509 in ${target}`;
    case "getUserSecurity":
      return `read the user security settings of ${target}`;
    case "listRateLimits":
      return `read the rate limits of ${target}`;
    case "authenticate":
      return `authenticate ${context.caller}`;
    default:
      throw new Error(context.operation satisfies never);
  }
}

const LONGEST_NAME = 100;

function quoteName(name: string): string {
  const characters = [...name];
  const shown = characters.length > LONGEST_NAME ? `${characters.slice(0, LONGEST_NAME).join("")}…` : name;
  // Invisible characters and those that turn the direction of writing would make one name look like another.
  return JSON.stringify(shown).replace(/[\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
    return `\\u{${character.codePointAt(0)?.toString(16)}}`;
  });
}

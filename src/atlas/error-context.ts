import type { AtlasOperation, AtlasRole } from "./atlas-error.ts";

/** What an error has to know of the call that failed. */
export interface ErrorContext {
  readonly operation: AtlasOperation;
  /** Who calls, in words: `service account mdb_sa_id_…`. */
  readonly caller: string;
  readonly groupId?: string | undefined;
  readonly username?: string | undefined;
}

/** The operations after which the world may be another: they are sent once, and a lost answer is `ambiguous`. */
export function changesSomething(operation: AtlasOperation): boolean {
  return operation === "createDatabaseUserCertificate" || operation === "disableCustomerManagedX509";
}

/** The project role that Atlas asks for, by its specification. */
export function requiredRoleOf(operation: AtlasOperation): AtlasRole {
  // The security settings hold the password of an LDAP bind, so reading them takes more than reading elsewhere.
  return changesSomething(operation) || operation === "getUserSecurity" ? "Project Owner" : "Project Read Only";
}

/** What was to be done, as the middle of a sentence. */
export function describeAction(context: ErrorContext): string {
  const project = `project ${context.groupId ?? "(none)"}`;
  const user = `database user ${quoteName(context.username ?? "")} in ${project}`;
  switch (context.operation) {
    case "createDatabaseUserCertificate":
      return `create a certificate for ${user}`;
    case "listDatabaseUserCertificates":
      return `list the certificates of ${user}`;
    case "disableCustomerManagedX509":
      return `switch off customer-managed X.509 in ${project}`;
    case "getUserSecurity":
      return `read the user security settings of ${project}`;
    case "listRateLimits":
      return `read the rate limits of ${project}`;
    case "authenticate":
      return `authenticate ${context.caller}`;
    default:
      throw new Error(context.operation satisfies never);
  }
}

const LONGEST_NAME = 100;

function quoteName(name: string): string {
  const characters = [...name];
  return JSON.stringify(
    characters.length > LONGEST_NAME ? `${characters.slice(0, LONGEST_NAME).join("")}…` : characters.join(""),
  );
}

import type { UserCertificateStatus } from "../../../../api/user-certificate-status.ts";

/** A database user: what a resource names, and what an attempt is for. */
export interface User {
  /** Undefined while the AtlasProjectX509 that the resource names is not known. */
  readonly projectId?: string | undefined;
  readonly username: string;
}

/** A project that is not known for the moment may be the same: nothing is dropped on the word of a gap. */
export function isSameUser(left: User, right: User): boolean {
  const isOtherProject =
    left.projectId !== undefined && right.projectId !== undefined && left.projectId !== right.projectId;
  return !isOtherProject && left.username === right.username;
}

/** Identifies a user in maps. */
export function userKey({ projectId = "", username }: User): string {
  return `${projectId}/${username}`;
}

/** The users that certificates and attempts of a resource are recorded for: the spec may name another one by now. */
export function recordedUsers({ issuance, recentIssuances = [] }: UserCertificateStatus): readonly User[] {
  const entries = issuance === undefined ? recentIssuances : [...recentIssuances, issuance];
  return entries.flatMap(({ projectId, username }) => (username === undefined ? [] : [{ projectId, username }]));
}

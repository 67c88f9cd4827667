import type { UserCertificateSpec } from "../../../../api/user-certificate.ts";

/** A database user: what a resource names, and what an attempt is for. */
export type User = Pick<UserCertificateSpec, "projectId" | "username">;

export function isSameUser(left: User, right: User): boolean {
  return left.projectId === right.projectId && left.username === right.username;
}

/** Identifies a user in maps. */
export function userKey({ projectId, username }: User): string {
  return `${projectId}/${username}`;
}

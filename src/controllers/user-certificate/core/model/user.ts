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

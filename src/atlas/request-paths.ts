/** Where to ask for a service account's access token. */
export const ACCESS_TOKEN_PATH = "/api/oauth/token";

/** Certificates of one database user. The name may be a distinguished name with commas, slashes and blanks. */
export function certificatesPath(groupId: string, username: string): string {
  return `/api/atlas/v2/groups/${groupId}/databaseUsers/${encodeURIComponent(username)}/certs`;
}

/** One database user that X.509 authenticates: such users belong to the database `$external`. */
export function databaseUserPath(groupId: string, username: string): string {
  return `/api/atlas/v2/groups/${groupId}/databaseUsers/%24external/${encodeURIComponent(username)}`;
}

/** The security settings of a project's database users. */
export function userSecurityPath(groupId: string): string {
  return `/api/atlas/v2/groups/${groupId}/userSecurity`;
}

/** Customer-managed X.509 within those settings. */
export function customerX509Path(groupId: string): string {
  return `${userSecurityPath(groupId)}/customerX509`;
}

/** The rate limit of the certificate endpoints for one project. */
export function rateLimitsPath(groupId: string): string {
  const query = { groupId, endpointPath: "/api/atlas/v2/groups/{groupId}/databaseUsers/{username}/certs" };
  return withQuery("/api/atlas/v2/rateLimits", query);
}

/** Adds the parameters that are not undefined, in their order. */
export function withQuery(
  path: string,
  parameters: Readonly<Record<string, string | number | boolean | undefined>>,
): string {
  const query = Object.entries(parameters)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`)
    .join("&");
  return query === "" ? path : `${path}?${query}`;
}

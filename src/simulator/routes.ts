import type { Role } from "./fixtures.ts";
import type { Operation } from "./request-log.ts";

/** The fixed properties of one operation. */
export interface Route {
  readonly operation: Operation;
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** The path with its parameters, as Atlas' specification writes it. */
  readonly path: string;
  /** The version of the resource; undefined outside of the versioned API. */
  readonly version: string | undefined;
  /** The least role in the project. */
  readonly role: Exclude<Role, "ORG_MEMBER">;
  /** Whether requests cost a token of the project's bucket. */
  readonly rateLimited: boolean;
}

const USERS = "/api/atlas/v2/groups/{groupId}/databaseUsers";
const USER = `${USERS}/{databaseName}/{username}`;
const CERTS = `${USERS}/{username}/certs`;
const USER_SECURITY = "/api/atlas/v2/groups/{groupId}/userSecurity";
const V1 = { version: "2023-01-01", rateLimited: true } as const;
/** Requests about users themselves draw on another bucket, which is too large to matter here. */
const USERS_V1 = { version: "2023-01-01", rateLimited: false } as const;
const OAUTH = { version: undefined, role: "GROUP_READ_ONLY", rateLimited: false } as const;

/** All operations. Versions and roles are those of Atlas' specification. */
export const ROUTES: readonly Route[] = [
  { operation: "createDatabaseUserCertificate", method: "POST", path: CERTS, role: "GROUP_OWNER", ...V1 },
  { operation: "listDatabaseUserCertificates", method: "GET", path: CERTS, role: "GROUP_READ_ONLY", ...V1 },
  {
    operation: "disableCustomerManagedX509",
    method: "DELETE",
    path: `${USER_SECURITY}/customerX509`,
    role: "GROUP_OWNER",
    ...V1,
  },
  { operation: "getUserSecurity", method: "GET", path: USER_SECURITY, role: "GROUP_OWNER", ...V1 },
  { operation: "updateUserSecurity", method: "PATCH", path: USER_SECURITY, role: "GROUP_OWNER", ...V1 },
  { operation: "listDatabaseUsers", method: "GET", path: USERS, role: "GROUP_READ_ONLY", ...USERS_V1 },
  { operation: "createDatabaseUser", method: "POST", path: USERS, role: "GROUP_OWNER", ...USERS_V1 },
  { operation: "getDatabaseUser", method: "GET", path: USER, role: "GROUP_READ_ONLY", ...USERS_V1 },
  { operation: "deleteDatabaseUser", method: "DELETE", path: USER, role: "GROUP_OWNER", ...USERS_V1 },
  {
    operation: "listRateLimits",
    method: "GET",
    path: "/api/atlas/v2/rateLimits",
    version: "2025-03-12",
    role: "GROUP_READ_ONLY",
    rateLimited: false,
  },
  { operation: "createAccessToken", method: "POST", path: "/api/oauth/token", ...OAUTH },
  { operation: "revokeAccessToken", method: "POST", path: "/api/oauth/revoke", ...OAUTH },
];

export type RouteMatch =
  | {
      readonly kind: "found";
      readonly route: Route;
      readonly projectId: string | undefined;
      readonly username: string | undefined;
      readonly databaseName: string | undefined;
      readonly query: URLSearchParams;
    }
  | { readonly kind: "wrongMethod" }
  | { readonly kind: "notFound" };

/** Finds the operation of a request. Parameters are decoded one by one, so that a `%2F` stays inside its own. */
export function matchRoute(method: string, target: string): RouteMatch {
  const [path = "", query = ""] = target.split(/\?(.*)/s);
  const segments = path.split("/");
  let wrongMethod = false;
  for (const route of ROUTES) {
    const parameters = matchPath(route.path.split("/"), segments);
    if (parameters === undefined) continue;
    if (route.method !== method) {
      wrongMethod = true;
      continue;
    }
    return {
      kind: "found",
      route,
      projectId: parameters.get("{groupId}"),
      username: parameters.get("{username}"),
      databaseName: parameters.get("{databaseName}"),
      query: new URLSearchParams(query),
    };
  }
  return { kind: wrongMethod ? "wrongMethod" : "notFound" };
}

function matchPath(pattern: readonly string[], segments: readonly string[]): Map<string, string> | undefined {
  if (pattern.length !== segments.length) return undefined;
  const parameters = new Map<string, string>();
  for (const [index, expected] of pattern.entries()) {
    const segment = segments[index] ?? "";
    if (!expected.startsWith("{")) {
      if (segment !== expected) return undefined;
      continue;
    }
    const value = decodeSegment(segment);
    if (value === undefined || value === "") return undefined;
    parameters.set(expected, value);
  }
  return parameters;
}

function decodeSegment(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch (error: unknown) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

import * as z from "zod";

/** How a database user authenticates with X.509; Atlas issues certificates for `MANAGED` ones alone. */
export const X509_TYPES = ["NONE", "MANAGED", "CUSTOMER"] as const;
export type X509Type = (typeof X509_TYPES)[number];

const username = z.string().min(1).max(1024);
/** A client may write that there is none as null. */
const list = <Item extends z.ZodType>(item: Item) =>
  z
    .array(item)
    .nullish()
    .transform((items) => items ?? []);
const authType = z.string().default("NONE");

const newUser = z.strictObject({
  username,
  databaseName: z.string().default("admin"),
  x509Type: z.enum(X509_TYPES).default("NONE"),
  roles: list(z.looseObject({ databaseName: z.string(), roleName: z.string() })),
  labels: list(z.unknown()),
  scopes: list(z.unknown()),
  awsIAMType: authType,
  ldapAuthType: authType,
  oidcAuthType: authType,
  description: z.string().optional(),
  deleteAfterDate: z.string().optional(),
  password: z.string().optional(),
  // Read-only: a client may send what it has read.
  groupId: z.unknown().optional(),
  links: z.unknown().optional(),
});

/** A database user as Atlas remembers it: without a password. */
export type DatabaseUser = Omit<z.output<typeof newUser>, "password" | "groupId" | "links">;

/** Reads what creates a user. The password is told apart, as nothing keeps it. */
export function parseNewUser(
  json: unknown,
):
  | { readonly user: DatabaseUser; readonly hasPassword: boolean }
  | { readonly unknown: string }
  | { readonly invalid: string } {
  const parsed = newUser.safeParse(json);
  if (parsed.success) {
    const { password, groupId: _groupId, links: _links, ...user } = parsed.data;
    return { user, hasPassword: password !== undefined };
  }
  const issue = parsed.error.issues[0];
  if (issue?.code === "unrecognized_keys") return { unknown: issue.keys[0] ?? "" };
  return { invalid: issue?.path.join(".") ?? "" };
}

/** A user of the fixtures: who may do everything. */
export function databaseUser(name: string, x509Type: X509Type): DatabaseUser {
  return newUser.parse({
    username: name,
    databaseName: x509Type === "NONE" ? "admin" : EXTERNAL,
    x509Type,
    roles: [{ databaseName: "admin", roleName: "atlasAdmin" }],
  });
}

/** Where users that X.509 authenticates live. */
export const EXTERNAL = "$external";

/**
 * A user as the API shows it, with its fields in Atlas' order.
 *
 * @param usersUrl the address of the project's users
 */
export function databaseUserJson(user: DatabaseUser, projectId: string, usersUrl: string): string {
  // Atlas leaves the dollar sign of `$external` as it is.
  const path = [user.databaseName, user.username].map((part) => encodeURIComponent(part).replaceAll("%24", "$"));
  const fields = { ...user, groupId: projectId, links: [{ href: `${usersUrl}/${path.join("/")}`, rel: "self" }] };
  return JSON.stringify(Object.fromEntries(Object.entries(fields).sort(([one], [other]) => (one < other ? -1 : 1))));
}

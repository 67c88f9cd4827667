import * as z from "zod";
import { X509_TYPES } from "./database-user.ts";

/**
 * The roles the simulator tells apart, by Atlas' own names. `GROUP_OWNER` is Project Owner, `GROUP_READ_ONLY` is
 * Project Read Only, `ORG_MEMBER` belongs to the organisation without any role in a project.
 */
export const ROLES = ["GROUP_OWNER", "GROUP_READ_ONLY", "ORG_MEMBER"] as const;
/** A role in a project, by the name that Atlas gives it. */
export type Role = (typeof ROLES)[number];

const projectId = z.string().regex(/^[0-9a-f]{24}$/, "a project id is 24 lower-case hex digits");
const text = z.string().min(1);
const access = {
  /** A name for this simulator's own log and controls, never sent by a client. */
  id: text,
  role: z.enum(ROLES),
  projectIds: z.array(projectId),
};

/** As Atlas makes them: what no client encodes, whichever way it reads the specification of OAuth. */
const clientText = text.regex(/^[A-Za-z0-9_.-]+$/, "only letters, digits, underscores, dots and hyphens");

const serviceAccount = z.strictObject({
  kind: z.literal("serviceAccount"),
  ...access,
  clientId: clientText,
  clientSecret: clientText,
});

const apiKey = z.strictObject({
  kind: z.literal("apiKey"),
  ...access,
  publicApiKey: text.regex(/^[^:"\\]+$/, "no colons, quotes or backslashes (RFC 7616)"),
  privateApiKey: text,
});

const username = text.max(1024);
/** A name alone stands for a user whose X.509 Atlas manages. */
const user = z.union([username, z.strictObject({ username, x509Type: z.enum(X509_TYPES) })]);

const project = z.strictObject({
  id: projectId,
  name: text,
  users: z.array(user).default([]),
  /** PEM of the customer's own CA: with one, customer-managed X.509 is on. */
  customerManagedX509: text.optional(),
});

const fixtures = z
  .strictObject({
    projects: z.array(project).min(1),
    credentials: z.array(z.discriminatedUnion("kind", [serviceAccount, apiKey])).min(1),
  })
  .superRefine((value, context) => {
    refuseRepeats(value.projects, (one) => one.id, "projects", context);
    refuseRepeats(value.credentials, (one) => one.id, "credentials", context);
    refuseRepeats(value.credentials, loginOf, "credentials", context);
    const known = new Set(value.projects.map((one) => one.id));
    for (const [index, one] of value.credentials.entries()) {
      for (const id of one.projectIds.filter((id) => !known.has(id))) {
        const message = `there is no project ${id} in these fixtures`;
        context.addIssue({ code: "custom", path: ["credentials", index, "projectIds"], message });
      }
    }
  });

/** One Atlas project as a fixture: its id, its name and its database users. */
export type ProjectFixture = z.input<typeof project>;
/** A service account or a pair of API keys. Only ever made-up ones: they are printed in clear. */
export type Credentials = z.infer<typeof serviceAccount> | z.infer<typeof apiKey>;
/** The contents of an Atlas organization when the simulator starts. */
export type Fixtures = z.input<typeof fixtures>;
export type ParsedProject = z.output<typeof project>;
export type ParsedFixtures = z.output<typeof fixtures>;

/** Fixtures that can't be used; the message names every wrong field, one per line. */
export class FixturesError extends Error {
  override readonly name = "FixturesError";
}

/** Checks fixtures and fills in their defaults. @throws {FixturesError} */
export function parseFixtures(value: unknown): ParsedFixtures {
  return parseAs(fixtures, value, "the fixtures are not valid");
}

/** Checks one project. @throws {FixturesError} */
export function parseProject(value: unknown): ParsedProject {
  return parseAs(project, value, "the project is not valid");
}

/** The public part of credentials: the client id or the public key. */
export function loginOf(credentials: Credentials): string {
  return credentials.kind === "serviceAccount" ? credentials.clientId : credentials.publicApiKey;
}

const PRODUCTION = "32b6e34b3d91647abb20e7b8";
const STAGING = "5efda6aea3f2ed2e7dd6ce05";

/** The organisation one gets without asking for another. Nothing in it is a secret. */
export const DEFAULT_FIXTURES: Fixtures = {
  projects: [
    { id: PRODUCTION, name: "production", users: ["orders-api", "billing", "CN=reports,OU=analytics,O=Example"] },
    { id: STAGING, name: "staging", users: ["orders-api"] },
  ],
  credentials: [
    {
      kind: "serviceAccount",
      id: "owner-service-account",
      role: "GROUP_OWNER",
      projectIds: [PRODUCTION, STAGING],
      clientId: "mdb_sa_id_000000000000000000000001",
      clientSecret: "simulator-owner-not-a-real-secret",
    },
    {
      kind: "apiKey",
      id: "owner-api-key",
      role: "GROUP_OWNER",
      projectIds: [PRODUCTION, STAGING],
      publicApiKey: "simowner",
      privateApiKey: "00000000-0000-4000-8000-000000000001",
    },
    {
      kind: "serviceAccount",
      id: "read-only-service-account",
      role: "GROUP_READ_ONLY",
      projectIds: [PRODUCTION, STAGING],
      clientId: "mdb_sa_id_000000000000000000000002",
      clientSecret: "simulator-read-only-not-a-real-secret",
    },
  ],
};

function parseAs<Schema extends z.ZodType>(schema: Schema, value: unknown, complaint: string): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map((issue) => `  ${issue.path.join(".") || "(top level)"}: ${issue.message}`);
  throw new FixturesError(`${complaint}:\n${lines.join("\n")}`);
}

function refuseRepeats<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
  path: string,
  context: z.RefinementCtx,
): void {
  const seen = new Set<string>();
  for (const [index, item] of items.entries()) {
    const key = keyOf(item);
    if (seen.has(key)) context.addIssue({ code: "custom", path: [path, index], message: `${key} is there twice` });
    seen.add(key);
  }
}

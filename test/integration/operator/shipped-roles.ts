import { readFile } from "node:fs/promises";
import path from "node:path";
import { parse } from "yaml";
import { z } from "zod";

const FOLDER = path.join(import.meta.dirname, "../../../deploy/rbac");

const roleSchema = z.strictObject({
  apiVersion: z.literal("rbac.authorization.k8s.io/v1"),
  kind: z.enum(["ClusterRole", "Role"]),
  metadata: z.strictObject({ name: z.string() }),
  rules: z.array(
    z.strictObject({
      apiGroups: z.array(z.string()),
      resources: z.array(z.string()),
      resourceNames: z.array(z.string()).optional(),
      verbs: z.array(z.string()),
    }),
  ),
});

export type ShippedRole = z.output<typeof roleSchema>;

/** A role of deploy/rbac, as users apply it. */
export async function shippedRole(
  name:
    | "cluster-role"
    | "namespace-role"
    | "lease-role"
    | "projects-role"
    | "customer-x509-removal-role"
    | "consumers-role"
    | "rollout-restart-role",
): Promise<ShippedRole> {
  return roleSchema.parse(parse(await readFile(path.join(FOLDER, `${name}.yaml`), "utf8")));
}

/** One right: a verb on a kind of thing. */
export interface Right {
  readonly group: string;
  readonly resource: string;
  readonly verb: string;
}

/** Each right that a role gives, for itself. */
export function rightsOf({ rules }: ShippedRole): readonly Right[] {
  return rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) => resources.flatMap((resource) => verbs.map((verb) => ({ group, resource, verb })))),
  );
}

/** The role without one of its rights. */
export function without(role: ShippedRole, right: Right | undefined): ShippedRole {
  if (right === undefined) return role;
  const rules = role.rules.map((rule) => {
    const isMeant = rule.apiGroups.includes(right.group) && rule.resources.includes(right.resource);
    return isMeant ? { ...rule, verbs: rule.verbs.filter((verb) => verb !== right.verb) } : rule;
  });
  return { ...role, rules: rules.filter(({ verbs }) => verbs.length > 0) };
}

/** Who gets a right: a subject of a RoleBinding. */
export type Subject = Readonly<Record<"kind" | "name", string>> & Readonly<Partial<Record<"namespace", string>>>;

/** A user of a test, who has no rights before somebody grants them. */
export function user(name: string): Subject {
  return { kind: "User", name };
}

/**
 * Gives somebody a role of his own: in a namespace, or everywhere.
 *
 * @param must a request that must succeed
 */
export async function grant(
  must: (method: "POST", requestPath: string, body: object) => Promise<unknown>,
  role: ShippedRole,
  subject: Subject,
  namespace?: string,
  name = `${subject.name}.${role.metadata.name}`,
): Promise<void> {
  const root = `/apis/rbac.authorization.k8s.io/v1${namespace === undefined ? "" : `/namespaces/${namespace}`}`;
  const kind = namespace === undefined ? "ClusterRole" : "Role";
  await must("POST", `${root}/${kind.toLowerCase()}s`, { ...role, kind, metadata: { name } });
  await must("POST", `${root}/${kind.toLowerCase()}bindings`, {
    metadata: { name },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind, name },
    subjects: [subject],
  });
}

/** The rights that somebody was refused, by what the API server said of it in a log, each once. */
export function refusedRights(log: string): readonly Right[] {
  const sentences = log.matchAll(/cannot (\w+) resource \\*"([\w/]+)\\*" in API group \\*"([\w.]*)\\*"/g);
  const rights = new Map(
    [...sentences].map(([text, verb = "", resource = "", group = ""]) => [text, { group, resource, verb }]),
  );
  return [...rights.values()];
}

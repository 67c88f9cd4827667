/** The platform team's project and its tenants, as `kubectl` shows them. */
import { inject } from "vitest";
import { eventually, get, inCluster, kubectl } from "./commands.ts";
import { runBlock } from "./readme.ts";

/** The simulator's second project: what happens to it leaves the rest of the story alone. */
export const STAGING = "5efda6aea3f2ed2e7dd6ce05";
export const PROJECT = "staging";

interface WithConditions {
  readonly status?: {
    readonly serialNumber?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason: string;
      readonly message: string;
    }[];
  };
}

/** A namespace, and the user who administers it. */
export interface Tenant {
  readonly namespace: string;
  readonly user: string;
}

/** An AtlasProjectX509 with one grant for each of two tenants. */
export function projectOf(first: Tenant, second: Tenant) {
  return {
    apiVersion: "atlascerts.io/v1alpha1",
    kind: "AtlasProjectX509",
    metadata: { name: PROJECT },
    spec: {
      projectId: STAGING,
      credentialsRef: { name: "atlas-staging" },
      grants: [
        { namespaces: [first.namespace], usernames: ["orders-*"], maxMonths: 24 },
        { namespaces: [second.namespace], usernames: ["{namespace}.*"], maxMonths: 24 },
      ],
    },
  };
}

/** Makes the user an administrator of the namespace, with what the chart adds to that. */
export function administrator({ user }: Tenant) {
  const apiGroup = "rbac.authorization.k8s.io";
  return {
    apiVersion: `${apiGroup}/v1`,
    kind: "RoleBinding",
    metadata: { name: "administrator" },
    roleRef: { apiGroup, kind: "ClusterRole", name: "admin" },
    subjects: [{ apiGroup, kind: "User", name: user }],
  };
}

/** Applies a resource as the tenant, for a user of the project. */
export async function request({ namespace, user }: Tenant, name: string, username: string): Promise<void> {
  const resource = {
    apiVersion: "atlascerts.io/v1alpha1",
    kind: "AtlasUserCertificate",
    metadata: { name },
    spec: { projectRef: { name: PROJECT }, username, secretName: `${name}-mongodb`, monthsUntilExpiration: 24 },
  };
  const kubectlFile = `${inject("cluster").binDirectory}/kubectl`;
  const command = [kubectlFile, "apply", "--as", user, "--namespace", namespace, "--filename=-"];
  await inCluster(command, { input: JSON.stringify(resource) });
}

/** Runs kubectl as the tenant. @throws CommandError */
export function kubectlAs({ namespace, user }: Tenant, ...args: readonly string[]): Promise<string> {
  return kubectl(...args, "--as", user, "--namespace", namespace);
}

/**
 * Waits until Ready of an object is as described, such as `True Issued`, and with another certificate where one is named.
 * Gives all messages, and the serial number.
 */
export async function untilReadyIs(ready: string, object: readonly string[], { otherThan = "" } = {}) {
  return eventually(`${ready} of ${object.join(" ")}`, 60_000, async () => {
    const { status: { conditions = [], serialNumber = "none" } = {} } = await get<WithConditions>(...object);
    const found = conditions.find(({ type }) => type === "Ready");
    if (`${found?.status} ${found?.reason}` !== ready || serialNumber === otherThan) return undefined;
    return { serialNumber, messages: conditions.map(({ message }) => message) };
  });
}

/** Runs the command in a message of the project, and gives the name of the request that it creates. */
export async function runCommandOf(messages: readonly string[]): Promise<string> {
  const [command = ""] = /^kubectl create -f - <<EOF\n[\s\S]*?\nEOF$/m.exec(messages.join("\n")) ?? [];
  const said = await runBlock(command);
  return /^(\S+) created$/m.exec(said)?.[1] ?? said;
}

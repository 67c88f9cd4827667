import { objectKey } from "../kube/resource-type.ts";
import { type AtlasCheckOptions, atlasSections } from "./atlas-checks.ts";
import type { Line, Section } from "./check.ts";
import {
  definitionLines,
  findOperators,
  type Operator,
  operatorLines,
  policyLines,
  unlessForbidden,
} from "./installation.ts";
import { type Cluster, CommandError } from "./report.ts";
import { listResources, type Resource, standingOf } from "./resources.ts";
import { count } from "./text.ts";

export interface CheckOptions extends Pick<AtlasCheckOptions, "atlas" | "connect"> {
  /** `--operator-namespace` */
  readonly operatorNamespace: string | undefined;
}

/** Everything that a check looks at: the installation, then Atlas, then the resources of the namespace. */
export async function checkSections(cluster: Cluster, options: CheckOptions): Promise<readonly Section[]> {
  const { namespace = "default" } = cluster;
  const operators = await findOperators(cluster, options.operatorNamespace);
  const own = operators?.find((operator) => operator.watches(namespace));
  const granting = operators?.find((operator) => operator.flag("projects") === "true");
  const [first] = operators ?? [];
  const installation = await Promise.all([
    definitionLines(cluster, own ?? first),
    operatorLines(cluster, operators),
    policyLines(cluster, own ?? first),
  ]);
  // Credentials are sent nowhere else because a Deployment says so: anyone can create one with these labels.
  const asking = [...new Set([own, granting])].flatMap((operator) => elsewhere(operator, namespace, options));
  const sections = [{ title: "Installation", lines: [...installation.flat(), ...asking] }];
  const resources = await resourcesOrReason(cluster);
  if (typeof resources === "string") {
    return [...sections, { title: "Resources", lines: [{ level: "unknown", text: `${resources}.` }] }];
  }
  if (resources.length === 0) {
    const text = `No AtlasUserCertificates in namespace ${namespace}: there is nothing to ask Atlas about.`;
    return [...sections, { title: "Resources", lines: [{ level: "ok", text }] }];
  }
  const { atlas, connect } = options;
  const operatorNamespace = options.operatorNamespace ?? granting?.namespace;
  const atAtlas = await atlasSections(cluster, resources, { atlas, connect, operatorNamespace, own, granting });
  return [...sections, ...atAtlas, { title: "Resources", lines: resources.flatMap(resourceLines) }];
}

/** A sentence where they cannot be listed: the rest of the check is worth printing. */
async function resourcesOrReason(cluster: Cluster): Promise<readonly Resource[] | string> {
  try {
    const found = await unlessForbidden(listResources(cluster));
    return found ?? `You may not list AtlasUserCertificates in namespace ${cluster.namespace}, so Atlas was not asked`;
  } catch (error: unknown) {
    if (!(error instanceof CommandError)) throw error;
    return `They cannot be listed: ${error.message}`;
  }
}

function elsewhere(operator: Operator | undefined, namespace: string, options: CheckOptions): readonly Line[] {
  const { atlas, operatorNamespace } = options;
  if (operator === undefined || operator.atlasOrigin === atlas.origin) return [];
  const text = `Deployment ${operator.namespace}/${operator.name} asks ${operator.atlasOrigin}, and this command ${atlas.origin}.`;
  const command = [
    ...["kubectl", "atlascerts", "check", namespace, `--atlas-base-url=${operator.atlasOrigin}`],
    ...(operatorNamespace === undefined ? [] : [`--operator-namespace=${operatorNamespace}`]),
  ];
  return [{ level: "warn", text, advice: "If the address of the operator is right, check with it.", command }];
}

function resourceLines(resource: Resource): readonly Line[] {
  const { action, message, ready, reason } = standingOf(resource);
  const { name, namespace } = resource;
  const key = objectKey(resource);
  const command = ["kubectl", "atlascerts", "status", name, `--namespace=${namespace}`];
  const isShared = resource.valid && resource.spec.userSharedWithOtherClusters;
  const unaccounted = resource.valid && !isShared ? (resource.status.unaccounted ?? []) : [];
  const state = {
    True: { level: action === undefined ? "ok" : "warn", text: `${key} is Ready: ${reason}.` },
    False: { level: "fail", text: `${key} is not Ready: ${reason}.` },
    Unknown: { level: "warn", text: `${key}: ${message}` },
  } as const;
  const line = { ...state[ready], ...(state[ready].level !== "ok" && { command }) };
  if (unaccounted.length === 0) return [line];
  const text = `${key}: ${count(unaccounted.length, "certificate")} of its user that no resource explains.`;
  return [line, { level: "warn", text, command }];
}

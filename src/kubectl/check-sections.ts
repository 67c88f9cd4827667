import { objectKey } from "../kube/resource-type.ts";
import { type AtlasCheckOptions, atlasSections } from "./atlas-checks.ts";
import type { Line, Section } from "./check.ts";
import { definitionLines, findOperators, operatorLines, policyLines, unlessForbidden } from "./installation.ts";
import { type Cluster, CommandError } from "./report.ts";
import { listResources, type Resource, standingOf } from "./resources.ts";
import { count } from "./text.ts";

export interface CheckOptions extends Pick<AtlasCheckOptions, "connect"> {
  /** `--operator-namespace` */
  readonly operatorNamespace: string | undefined;
  /** Where this command asks Atlas: not always where the operator does. */
  readonly atlasOrigin: string;
}

const DEFAULT_MAX_UNEXPIRED = 10;

/** Everything that a check looks at: the installation, then Atlas, then the resources of the namespace. */
export async function* checkSections(cluster: Cluster, options: CheckOptions): AsyncGenerator<Section> {
  const operators = await findOperators(cluster, options.operatorNamespace);
  const [operator] = operators ?? [];
  const [definitions, operatorParts, policies] = await Promise.all([
    definitionLines(cluster),
    operatorLines(cluster, operators),
    policyLines(cluster),
  ]);
  const lines = [...definitions, ...operatorParts, ...policies];
  const origin = operator?.flag("atlas-base-url");
  const isElsewhere = origin !== undefined && origin !== options.atlasOrigin;
  // Credentials are sent nowhere else because a Deployment says so: anyone can create one with these labels.
  yield { title: "Installation", lines: isElsewhere ? [...lines, elsewhere(origin, options.atlasOrigin)] : lines };
  const resources = await resourcesOrReason(cluster);
  if (typeof resources === "string") {
    yield { title: "Resources", lines: [{ level: "unknown", text: `${resources}.` }] };
    return;
  }
  if (resources.length === 0) {
    const text = `No AtlasUserCertificates in namespace ${cluster.namespace}: there is nothing to ask Atlas about.`;
    yield { title: "Resources", lines: [{ level: "ok", text }] };
    return;
  }
  yield* atlasSections(cluster, resources, {
    connect: options.connect,
    operatorNamespace: options.operatorNamespace ?? operator?.namespace,
    maxUnexpired: Number(operator?.flag("max-unexpired-per-user") ?? DEFAULT_MAX_UNEXPIRED),
  });
  yield { title: "Resources", lines: resources.flatMap(resourceLines) };
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

function elsewhere(origin: string, here: string): Line {
  const text = `The operator asks ${origin}, and this command ${here}.`;
  return { level: "warn", text, advice: `If that address is right, run the check with --atlas-base-url=${origin}.` };
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

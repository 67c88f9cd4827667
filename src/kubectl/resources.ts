import { actionReason } from "../api/action-reason.ts";
import { findCondition } from "../api/conditions.ts";
import {
  type InvalidUserCertificate,
  parseUserCertificate,
  type UserCertificate,
} from "../api/parse-user-certificate.ts";
import { USER_CERTIFICATE } from "../api/user-certificate.ts";
import { KubeError } from "../kube/kube-error.ts";
import { type KubeObject, objectKey } from "../kube/resource-type.ts";
import { type Cluster, CommandError } from "./report.ts";
import type { Colour, Lifetime } from "./text.ts";

export type Resource = UserCertificate | InvalidUserCertificate;

/**
 * All resources of the namespace, or of the cluster, by namespace and name.
 *
 * @throws CommandError where the cluster does not have the kind
 */
export async function listResources({ kube, namespace, signal }: Cluster): Promise<readonly Resource[]> {
  const found: Resource[] = [];
  try {
    for await (const { items } of kube.list<KubeObject>(USER_CERTIFICATE, { namespace, signal })) {
      found.push(...items.map(parseUserCertificate));
    }
  } catch (error: unknown) {
    if (!KubeError.is(error, "NotFound")) throw error;
    throw new CommandError("the cluster has no kind AtlasUserCertificate: its CustomResourceDefinition is missing", {
      cause: error,
    });
  }
  return found.toSorted((a, b) => (objectKey(a) < objectKey(b) ? -1 : 1));
}

/** @throws CommandError where there is no such resource */
export async function getResource({ kube, namespace = "default", signal }: Cluster, name: string): Promise<Resource> {
  try {
    return parseUserCertificate(await kube.get(USER_CERTIFICATE, { namespace, name }, { signal }));
  } catch (error: unknown) {
    if (!KubeError.is(error, "NotFound")) throw error;
    throw new CommandError(`AtlasUserCertificate ${name} does not exist in namespace ${namespace}`, { cause: error });
  }
}

export interface Standing {
  readonly ready: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
  /** The next step of a person; undefined if none is required. */
  readonly action: string | undefined;
}

/** How a resource stands: its condition Ready, the message of Stalled where that is True, and whether a person has to act. */
export function standingOf(resource: Resource): Standing {
  if (!resource.valid) {
    const message = `This version cannot read the resource: ${resource.problem}.`;
    const action = "Bring the CustomResourceDefinition, the operator and this command to one version.";
    return { ready: "Unknown", reason: "Unreadable", message, action };
  }
  const { generation, status } = resource;
  const condition = findCondition(status, "Ready");
  if (condition === undefined) {
    const message = "The operator has not reconciled this resource yet.";
    const action = `If this persists, run "kubectl atlascerts check ${resource.namespace}".`;
    return { ready: "Unknown", reason: "Pending", message, action };
  }
  const { reason, status: ready } = condition;
  const stalled = findCondition(status, "Stalled");
  const said = stalled?.status === "True" ? stalled.message : condition.message;
  const isCurrent = status.observedGeneration === generation;
  const message = isCurrent ? said : `${said} The operator has not seen the latest change yet.`;
  return { ready, reason, message, action: actionFor(resource, said) };
}

/** @param said the message of the operator, which has the remedy where a person has to act */
function actionFor({ name, namespace, spec, status }: UserCertificate, said: string): string | undefined {
  if (spec.suspend) {
    return `kubectl patch auc ${name} -n ${namespace} --type=merge -p '{"spec":{"suspend":false}}'`;
  }
  if (actionReason(status) !== undefined) return said;
  const { consumers, pendingRestarts = [] } = status;
  const restart = pendingRestarts.find(({ message }) => message !== undefined);
  if (restart?.message !== undefined) return restart.message;
  if (consumers !== undefined && consumers.outdated > 0 && pendingRestarts.length === 0) {
    const by = consumers.outdatedValidUntil === undefined ? "" : ` before ${consumers.outdatedValidUntil}`;
    return `Restart the pods that still use an older certificate${by}.`;
  }
  return undefined;
}

/** A next step that is there to be copied: its lines are never broken. */
export function isCommand(action: string): boolean {
  return action.startsWith("kubectl ");
}

/** The certificate can be used, and no one has to act. */
export function isFine(resource: Resource): boolean {
  const { action, ready } = standingOf(resource);
  return ready === "True" && action === undefined;
}

export function colourOf({ ready, action }: Standing): Colour {
  if (ready === "False") return "bad";
  return ready === "True" && action === undefined ? "good" : "warning";
}

/** The times of the certificate that the resource holds. */
export function lifetimeOf(resource: Resource): Lifetime | undefined {
  if (!resource.valid) return undefined;
  const { notAfter, notBefore, renewalTime } = resource.status;
  if (notAfter === undefined || notBefore === undefined) return undefined;
  const renewal = renewalTime === undefined || resource.spec.suspend ? undefined : Date.parse(renewalTime);
  return { notBefore: Date.parse(notBefore), notAfter: Date.parse(notAfter), renewal };
}

/** A resource as data of `-o json`. */
export function resourceData(resource: Resource): object {
  const { name, namespace } = resource;
  const standing = standingOf(resource);
  if (!resource.valid) return { namespace, name, ...standing };
  const { spec, status } = resource;
  const { projectId, projectRef, secretName, suspend, username } = spec;
  const { consumers, fingerprint, notAfter, notBefore, renewalTime, revision, serialNumber } = status;
  return {
    namespace,
    name,
    ...standing,
    suspended: suspend,
    username,
    projectId,
    projectRef: projectRef?.name,
    secretName,
    serialNumber,
    fingerprint,
    revision,
    notBefore,
    renewalTime,
    notAfter,
    consumers,
  };
}

import { FIELD_MANAGER, RESTART_ANNOTATION } from "../../../api/names.ts";
import type { Workload } from "../../../api/rollout-restart.ts";
import { millisecondsOf } from "../../../api/timestamp.ts";
import { MINUTE_MS } from "../../../clock.ts";
import type { KubeApi } from "../../../kube/kube-api.ts";
import { KubeError } from "../../../kube/kube-error.ts";
import type { KubeObject, ObjectRef, ResourceType } from "../../../kube/resource-type.ts";
import { RESTART_RETRY_MS, titleOf } from "../core/decide/restarts.ts";
import type { Halt, ObservedWorkload, PresentWorkload, RestartBlocker } from "../core/model/restart.ts";

/** A Deployment, StatefulSet or DaemonSet: the fields that a restart concerns. */
export interface WorkloadObject extends KubeObject {
  readonly spec?: {
    /** Of a Deployment. */
    readonly paused?: boolean;
    /** Of a StatefulSet or DaemonSet. */
    readonly updateStrategy?: { readonly type?: string; readonly rollingUpdate?: { readonly partition?: number } };
    readonly template?: { readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> } };
  };
}

export const WORKLOADS: Readonly<Record<Workload["kind"], ResourceType<WorkloadObject>>> = {
  Deployment: { group: "apps", version: "v1", plural: "deployments", kind: "Deployment", namespaced: true },
  StatefulSet: { group: "apps", version: "v1", plural: "statefulsets", kind: "StatefulSet", namespaced: true },
  DaemonSet: { group: "apps", version: "v1", plural: "daemonsets", kind: "DaemonSet", namespaced: true },
};

/** Wait after a failure that ends without a person, in milliseconds. */
const PASSING_RETRY_MS = MINUTE_MS;

/** Not worth a long wait: a restart is retried. */
const TIMEOUT_MS = 10_000;

export async function observeWorkload(
  kube: Pick<KubeApi, "get">,
  kind: Workload["kind"],
  ref: ObjectRef,
  signal: AbortSignal,
): Promise<ObservedWorkload> {
  try {
    return observedWorkload(await kube.get(WORKLOADS[kind], ref, { signal, timeoutMs: TIMEOUT_MS }));
  } catch (error: unknown) {
    if (KubeError.is(error, "NotFound")) return { kind: "absent" };
    throw error;
  }
}

interface Restart {
  readonly kind: Workload["kind"];
  readonly ref: ObjectRef;
  readonly workload: PresentWorkload;
  /** The value of the annotation: the same for whichever process restarts the workload. */
  readonly writtenAt: string;
}

/**
 * Restarts a workload: the annotation of its template changes, and with it the pods. A merge patch that names nothing
 * else leaves every other field to its owners; unlike server-side apply it creates nothing.
 *
 * @throws KubeError `Conflict` if the workload changed since it was read
 */
export async function restartWorkload(
  kube: Pick<KubeApi, "mergePatch">,
  { kind, ref, workload, writtenAt }: Restart,
  signal: AbortSignal,
): Promise<void> {
  const { uid, resourceVersion } = workload;
  const patch = {
    metadata: { uid, resourceVersion },
    spec: { template: { metadata: { annotations: { [RESTART_ANNOTATION]: writtenAt } } } },
  };
  await kube.mergePatch(WORKLOADS[kind], ref, patch, { signal, timeoutMs: TIMEOUT_MS });
}

/** Failures that only a person ends. */
const LASTING = ["Forbidden", "Invalid", "BadRequest"] as const;

/** Why a restart failed. */
export function restartFailed(workload: Workload, error: unknown): RestartBlocker {
  const isLasting = KubeError.is(error, ...LASTING);
  const problem = KubeError.is(error) ? `(${error.message})` : "because of a bug in the operator; see its log";
  const remedy = isLasting ? " Fix what the API server reports (RBAC or admission policy)." : "";
  return {
    reason: "RestartFailed",
    message: `${titleOf(workload)} cannot be restarted ${problem}.${remedy}`,
    retryMs: isLasting ? RESTART_RETRY_MS : PASSING_RETRY_MS,
  };
}

/** The facts about a workload that its restart depends on. */
export function observedWorkload({ metadata, spec }: WorkloadObject): ObservedWorkload {
  if (metadata.deletionTimestamp !== undefined) return { kind: "absent" };
  const coveredMs = millisecondsOf(spec?.template?.metadata?.annotations?.[RESTART_ANNOTATION]);
  // The annotation may be much older than the restart. The operator changes nothing else, so this is the time of it.
  const own = metadata.managedFields?.find(({ manager }) => manager === FIELD_MANAGER);
  const restartedMs = millisecondsOf(own?.time) ?? coveredMs;
  const { uid, resourceVersion } = metadata;
  return { kind: "present", uid, resourceVersion, halt: haltOf(spec), coveredMs, restartedMs };
}

function haltOf(spec: WorkloadObject["spec"]): Halt | undefined {
  if (spec?.paused === true) {
    return { reason: "WorkloadPaused", problem: "is paused", remedy: "Resume it with kubectl rollout resume." };
  }
  if (spec?.updateStrategy?.type === "OnDelete") {
    const problem = "has the update strategy OnDelete, so a restart would not reach its pods";
    return { reason: "WorkloadOnDelete", problem, remedy: "Use RollingUpdate, or delete its pods after each renewal." };
  }
  const partition = spec?.updateStrategy?.rollingUpdate?.partition ?? 0;
  if (partition > 0) {
    const problem = `has an update partition of ${partition}, so a restart would not reach all of its pods`;
    return { reason: "WorkloadPaused", problem, remedy: "Set the partition to 0." };
  }
  return undefined;
}

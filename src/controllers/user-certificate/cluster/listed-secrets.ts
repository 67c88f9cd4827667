import { MANAGED_LABEL } from "../../../api/names.ts";
import type { Clock } from "../../../clock.ts";
import { withDeadline } from "../../../deadline.ts";
import { SECRETS, type Secret } from "../../../kube/core-types.ts";
import type { KubeApi } from "../../../kube/kube-api.ts";
import type { Log } from "../../../kube/log.ts";
import { objectKey } from "../../../kube/resource-type.ts";
import type { ResourceCache } from "./resource-cache.ts";
import { type SecretInspector, secretOf } from "./secret-inspector.ts";

export interface ListedSecretsOptions {
  readonly kube: Pick<KubeApi, "list">;
  /** Only these namespaces. @default all of them */
  readonly namespaces?: readonly string[] | undefined;
  readonly resources: ResourceCache;
  readonly inspector: SecretInspector;
  readonly clock: Clock;
  readonly log: Log;
}

/** Fewer Secrets than one page are read one by one. */
const PAGE_SIZE = 50;
/**
 * The work waits no longer than this for the lists, even from an API server that hangs. They take a tenth of it from one
 * that is idle.
 */
const TIME_LIMIT = { ms: 2000, msForEach: 2 };
/**
 * Longest data that is listed, as base64. A Secret of the operator's takes 5 to 20 kB: anyone who fills labelled Secrets with
 * megabytes delays no one's work by more than this. The Secrets that are left are read one by one, when their turn comes.
 */
const DATA_LIMIT = { length: 2 ** 23, lengthForEach: 2 ** 15 };

/**
 * Judges the Secrets of all resources from lists, where a leader starts over many: a page of bodies costs the API server
 * and this process as much as a few single reads. Each body is judged and dropped as it arrives. The verdict holds for that
 * uid and resourceVersion alone. Never rejects: what is not judged here is read when its resource is reconciled.
 */
export async function judgeListedSecrets(options: ListedSecretsOptions, signal: AbortSignal): Promise<void> {
  const { kube, namespaces = [undefined], resources, inspector, clock, log } = options;
  const unread = Iterator.from(resources.store.values())
    .filter((resource) => resource.valid && !inspector.knows(secretOf(resource)))
    .reduce((sum) => sum + 1, 0);
  if (unread < PAGE_SIZE) return;
  let left = DATA_LIMIT.length + unread * DATA_LIMIT.lengthForEach;
  const keep = (secret: Secret) => {
    for (const value of Object.values(secret.data ?? {})) left -= value.length;
    if (left < 0) throw new Error("the labelled Secrets are too large to be listed");
    const [claimant] = resources.claimants(objectKey(secret.metadata));
    if (claimant !== undefined) inspector.judgeListed(secret, secretOf(claimant));
  };
  try {
    await withDeadline({ clock, ms: TIME_LIMIT.ms + unread * TIME_LIMIT.msForEach, signal }, async (limit) => {
      for (const namespace of namespaces) {
        const selection = { namespace, labelSelector: `${MANAGED_LABEL}=true`, limit: PAGE_SIZE };
        for await (const _ of kube.list(SECRETS, { ...selection, keep, signal: limit })) limit.throwIfAborted();
      }
    });
  } catch (error: unknown) {
    if (!signal.aborted) log.info({ err: error }, "could not list the Secrets in time: each is read separately");
  }
}

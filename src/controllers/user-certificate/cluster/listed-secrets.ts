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
 * The work waits no longer than this for the lists. They take a fifth of it, unless someone has filled labelled Secrets with
 * megabytes; then the Secrets that are left are read one by one, each in its own resource's time.
 */
const LIMIT = { ms: 1000, msForEach: 0.5 };

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
  const keep = (secret: Secret) => {
    const [claimant] = resources.claimants(objectKey(secret.metadata));
    if (claimant !== undefined) inspector.judgeListed(secret, secretOf(claimant));
  };
  try {
    await withDeadline({ clock, ms: LIMIT.ms + unread * LIMIT.msForEach, signal }, async (limit) => {
      for (const namespace of namespaces) {
        const selection = { namespace, labelSelector: `${MANAGED_LABEL}=true`, limit: PAGE_SIZE };
        for await (const _ of kube.list(SECRETS, { ...selection, keep, signal: limit })) limit.throwIfAborted();
      }
    });
  } catch (error: unknown) {
    if (!signal.aborted) log.info({ err: error }, "the Secrets could not be listed in time: each is read by itself");
  }
}

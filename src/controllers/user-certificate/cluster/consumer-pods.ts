import { PODS } from "../../../kube/core-types.ts";
import type { KubeApi } from "../../../kube/kube-api.ts";
import { type PodUse, podUses } from "../core/consumers/pod-uses.ts";

/** Lists the pods of a namespace and keeps what they use of these Secrets, by the Secret's name. */
export async function listConsumers(
  kube: Pick<KubeApi, "list">,
  namespace: string,
  secrets: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly PodUse[]>> {
  const found = new Map([...secrets].map((secret) => [secret, [] as PodUse[]]));
  const pages = kube.list(PODS, {
    ...{ namespace, signal },
    keep: (pod) => {
      for (const [secret, use] of podUses(pod, secrets)) found.get(secret)?.push(use);
    },
  });
  for await (const _ of pages) signal.throwIfAborted();
  return found;
}

import { PODS } from "../../../kube/core-types.ts";
import type { KubeApi } from "../../../kube/kube-api.ts";
import type { ConsumerCounter } from "../core/consumers/next-consumers.ts";
import { podUses } from "../core/consumers/pod-uses.ts";

/**
 * Lists the pods of a namespace; each is counted and dropped as it arrives.
 *
 * @param counters by the Secrets whose uses they count
 * @returns the number of pods
 */
export async function countPods(
  kube: Pick<KubeApi, "list">,
  namespace: string,
  counters: ReadonlyMap<string, readonly { readonly counter: ConsumerCounter }[]>,
  signal: AbortSignal,
): Promise<number> {
  const secrets = new Set(counters.keys());
  let pods = 0;
  const pages = kube.list(PODS, {
    ...{ namespace, signal },
    keep: (pod) => {
      pods += 1;
      for (const [secret, use] of podUses(pod, secrets)) {
        for (const { counter } of counters.get(secret) ?? []) counter.add(use);
      }
    },
  });
  for await (const _ of pages) signal.throwIfAborted();
  return pods;
}

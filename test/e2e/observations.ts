import { expect } from "vitest";
import { get, kubectl } from "./commands.ts";
import { NAMESPACE } from "./installation.ts";
import { SHOP } from "./shop.ts";

interface Pod {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly status: { readonly containerStatuses?: readonly { readonly restartCount: number }[] };
}

interface ClusterEvent {
  readonly metadata: { readonly namespace: string };
  readonly reason: string;
  readonly message: string;
  readonly involvedObject: { readonly kind: string; readonly name: string };
}

/** Warnings that are part of the story, each with its cause. Any other is a defect. */
const EXPLAINED: readonly { readonly because: string; readonly reason: string; readonly message: RegExp }[] = [
  {
    because: "each app was applied before its certificate, and the Secret of one went before its last pod",
    reason: "FailedMount",
    message: /secret "(orders-api|restarted)-mongodb" not found/,
  },
  {
    because:
      "the API server's node authorizer may refuse a new pod's Secret to its kubelet for a moment (kubernetes/kubernetes#128910), and the kubelet, which gives up after a second, mounts it at its next attempt",
    reason: "FailedMount",
    message: /failed to sync (secret|configmap) cache: timed out waiting for the condition/,
  },
  {
    because:
      "the kubelet asks for a pod's health before its process listens, and once more while it ends, when its network may be gone",
    reason: "Unhealthy",
    message: /connection refused|connection reset by peer|statuscode: 500|dial tcp \S+: i\/o timeout/,
  },
  {
    because: "the drained node was the only one, so the pod's successor had no place",
    reason: "FailedScheduling",
    message: /unschedulable|untolerated taint/,
  },
  {
    because: "the leader was killed in the middle of a create, and its certificate is announced",
    reason: "CertificateOrphaned",
    message: /response to the attempt of .* was lost/,
  },
  {
    because: "the same: the next leader tells why it waits before it asks again",
    reason: "AnswerLost",
    message: /./,
  },
  {
    because: "the app reads the file again and does not say so, and its first certificate has expired",
    reason: "PodsOutdated",
    message: /1 of 1 pods still uses an old certificate of Secret orders-api-mongodb/,
  },
  {
    because: "the evaluation is over: the simulator's Secret goes before the pods that mounted it",
    reason: "FailedMount",
    message: /"(simulator-ca|tls)" : secret "atlas-cert-operator-simulator-tls" not found/,
  },
  {
    because: "`helm uninstall` removes the Deployment before the budget, and its pods last of all",
    reason: "CalculateExpectedPodCountFailed",
    message: /found no controllers for pod/,
  },
  {
    because: "the force-deleted pod's name is free before its container is gone",
    reason: "FailedKillPod",
    message: /./,
  },
];

/** Fails if a container was started again: something ended that should not have. */
export async function expectNoRestarts(): Promise<void> {
  const restarted: string[] = [];
  for (const namespace of [NAMESPACE, SHOP]) {
    const { items } = await get<{ items: Pod[] }>("pods", "--namespace", namespace);
    for (const { metadata, status } of items) {
      if (status.containerStatuses?.some(({ restartCount }) => restartCount > 0)) restarted.push(metadata.name);
    }
  }
  expect(restarted).toEqual([]);
}

/** The Warning Events of the story's namespaces that nothing in EXPLAINED explains. */
export async function unexplainedWarnings(): Promise<string[]> {
  const { items } = await get<{ items: ClusterEvent[] }>("events", "--all-namespaces", "--field-selector=type=Warning");
  return items
    .filter(({ metadata }) => [NAMESPACE, SHOP].includes(metadata.namespace))
    .filter((event) => !EXPLAINED.some((each) => each.reason === event.reason && each.message.test(event.message)))
    .map(({ reason, message, involvedObject: { kind, name } }) => `${reason} ${kind}/${name}: ${message}`);
}

/** What a person would look at after a failure. */
export async function describeTrouble(): Promise<string> {
  const looks: readonly (readonly string[])[] = [
    ["get", "pods,auc,pdb,lease", "--all-namespaces", "--output=wide"],
    ["get", "events", "--all-namespaces", "--sort-by=.lastTimestamp"],
    ["get", "auc", "--all-namespaces", "--output=yaml"],
    ["logs", "--namespace", NAMESPACE, "--selector=app.kubernetes.io/component=operator", "--prefix", "--tail=60"],
  ];
  const texts = looks.map(async (args) => {
    const said = await kubectl(...args).catch((error: unknown) => String(error));
    return `\n$ kubectl ${args.join(" ")}\n${said.trim()}`;
  });
  return (await Promise.all(texts)).join("\n");
}

import type { Workload } from "../../../src/api/rollout-restart.ts";
import type { WorkloadObject } from "../../../src/controllers/user-certificate/cluster/workloads.ts";
import { rest } from "../../control-plane/control-plane.ts";
import type { JsonObject } from "../crd/sample.ts";

const PLURALS: Readonly<Record<Workload["kind"], string>> = {
  Deployment: "deployments",
  StatefulSet: "statefulsets",
  DaemonSet: "daemonsets",
};

function pathOf(namespace: string, kind: Workload["kind"]): string {
  return `/apis/apps/v1/namespaces/${namespace}/${PLURALS[kind]}`;
}

/** A workload as people write it. */
export function workload({ kind, name }: Workload, spec: JsonObject = {}): JsonObject {
  const labels = { app: name };
  return {
    ...{ apiVersion: "apps/v1", kind, metadata: { name, labels, annotations: { team: "shop" } } },
    spec: {
      selector: { matchLabels: labels },
      ...(kind === "StatefulSet" && { serviceName: name }),
      template: {
        metadata: { labels, annotations: { "example.com/config": "1" } },
        spec: { containers: [{ name: "app", image: "registry.example.com/app:1", env: [{ name: "A", value: "b" }] }] },
      },
      ...spec,
    },
  };
}

/** Creates a workload; nothing runs it, since the control plane has no controllers for workloads. */
export async function putWorkload(namespace: string, of: Workload, spec: JsonObject = {}): Promise<void> {
  const { status, body } = await rest("POST", pathOf(namespace, of.kind), workload(of, spec));
  if (status !== 201) throw new Error(`${of.kind} ${of.name}: ${status} ${JSON.stringify(body)}`);
}

export async function getWorkload(namespace: string, { kind, name }: Workload): Promise<WorkloadObject> {
  const { status, body } = await rest("GET", `${pathOf(namespace, kind)}/${name}`);
  if (status !== 200) throw new Error(`${kind} ${name}: ${status}`);
  // The API server's own answer.
  return body as WorkloadObject;
}

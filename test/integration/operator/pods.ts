import { expect } from "vitest";
import { timestamp } from "../../../src/api/timestamp.ts";
import { rest } from "../../control-plane/control-plane.ts";
import type { Scene } from "./scene.ts";

/** Pods are made without a node; the test tells what the kubelet would. */

/** What differs from a pod with one container that uses no Secret. */
export interface PodChange {
  readonly container?: object;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly spec?: object;
  readonly status?: object;
}

/** A request that has to succeed. */
export async function must(method: string, path: string, body: object, contentType?: string): Promise<void> {
  const answer = await rest(method, path, body, contentType);
  expect(answer.status, `${method} ${path}: ${JSON.stringify(answer.body)}`).toBeLessThan(300);
}

/** Creates a pod and says of each container that it is running, or has run, since `startedMs`. */
export async function run(
  scene: Pick<Scene, "namespace">,
  name: string,
  startedMs: number,
  change: PodChange = {},
): Promise<void> {
  const { annotations, container, spec, status } = change;
  const pods = `/api/v1/namespaces/${scene.namespace}/pods`;
  await must("POST", pods, {
    metadata: { name, annotations },
    spec: { containers: [{ name: "app", image: "app", ...container }], ...spec },
  });
  const startedAt = timestamp(startedMs);
  const common = { image: "app", imageID: "app", ready: true, restartCount: 0 };
  const patch = {
    phase: "Running",
    containerStatuses: [{ ...common, name: "app", state: { running: { startedAt } } }],
    ...(spec !== undefined && "initContainers" in spec
      ? { initContainerStatuses: [{ ...common, name: "init", state: { terminated: { startedAt, exitCode: 0 } } }] }
      : {}),
    ...status,
  };
  await must("PATCH", `${pods}/${name}/status`, { status: patch }, "application/merge-patch+json");
}

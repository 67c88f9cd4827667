import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { inject } from "vitest";
import { eventually, get, helm, kubectl, ROOT } from "./commands.ts";

export const CHART = path.join(ROOT, "deploy/charts/atlas-cert-operator");
/** The first version of the chart, as it was packaged: what there is to upgrade from. */
export const FIRST_CHART = path.join(ROOT, "test/e2e/fixtures/atlas-cert-operator-0.1.0.tgz");
export const RELEASE = "atlas-cert-operator";
/** As in README. */
export const NAMESPACE = "atlas-cert-operator";
/** The Deployment of the chart's own simulator. */
export const SIMULATOR = `${RELEASE}-simulator`;

/** Values of the chart, on top of its own. */
export type Values = Readonly<Record<string, unknown>>;

/** `helm upgrade --install --wait`: a first installation, or an upgrade. */
export async function install(chart: string, values: Values): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), "atlas-e2e-values-"));
  try {
    const file = path.join(folder, "values.json");
    await writeFile(file, JSON.stringify(values));
    await helm(
      ...["upgrade", "--install", RELEASE, chart, "--namespace", NAMESPACE, "--values", file],
      ...["--wait", "--timeout=180s"],
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The image of the story, and limits that suit an Atlas whose months are short. */
export function commonValues() {
  return { ...imageValues(inject("cluster").image), limits: { issuesPerDay: 1_000, unexpiredPerUser: 100 } };
}

/** @param image as in `registry/name:tag` */
export function imageValues(image: string) {
  const [, repository = image, tag = "latest"] = /^(.*):([^:/]+)$/.exec(image) ?? [];
  return { image: { repository, tag } };
}

export interface OperatorPod {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly spec: { readonly nodeName?: string };
  readonly isReady: boolean;
}

interface RawPod extends Omit<OperatorPod, "isReady"> {
  readonly metadata: OperatorPod["metadata"] & { readonly deletionTimestamp?: string };
  readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** The operator's pods that are not on their way out. */
export async function operatorPods(): Promise<OperatorPod[]> {
  const selector = `--selector=app.kubernetes.io/component=operator,app.kubernetes.io/instance=${RELEASE}`;
  const { items } = await get<{ items: RawPod[] }>("pods", "--namespace", NAMESPACE, selector);
  return items
    .filter((pod) => pod.metadata.deletionTimestamp === undefined)
    .map((pod) => ({
      ...pod,
      isReady: pod.status.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false,
    }));
}

/** Waits until two pods are ready and no other is left. */
export async function operatorsReady(): Promise<void> {
  await kubectl("rollout", "status", `deployment/${RELEASE}`, "--namespace", NAMESPACE, "--timeout=120s");
  await eventually("two ready pods", 60_000, async () => {
    const pods = await operatorPods();
    return pods.length === 2 && pods.every((each) => each.isReady) ? true : undefined;
  });
}

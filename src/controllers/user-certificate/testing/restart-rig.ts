import { RESTART_ANNOTATION } from "../../../api/names.ts";
import type { Workload } from "../../../api/rollout-restart.ts";
import type { UserCertificateSpec } from "../../../api/user-certificate.ts";
import { MINUTE_MS } from "../../../clock.ts";
import { WORKLOADS, type WorkloadObject } from "../cluster/workloads.ts";
import type { Process } from "./process.ts";
import { NAMESPACE, Scene } from "./scene.ts";

/** Scenes with workloads that are restarted after a renewal. */
export const DEPLOYMENT: Workload = { kind: "Deployment", name: "orders-api" };
export const SPEC = { rolloutRestart: [DEPLOYMENT] };

export function put(scene: Scene, workload: Workload = DEPLOYMENT, spec: WorkloadObject["spec"] = {}): void {
  const { kind, name } = workload;
  const template = find(scene, workload)?.spec?.template ?? {};
  scene.cluster.put(WORKLOADS[kind], { metadata: { namespace: NAMESPACE, name }, spec: { template, ...spec } });
}

export function find(scene: Scene, { kind, name }: Workload = DEPLOYMENT): WorkloadObject | undefined {
  return scene.cluster.peek(WORKLOADS[kind], { namespace: NAMESPACE, name });
}

export function annotation(scene: Scene, workload = DEPLOYMENT): string | undefined {
  return find(scene, workload)?.spec?.template?.metadata?.annotations?.[RESTART_ANNOTATION];
}

/** Each change of the template is a rollout. */
export function rollouts(scene: Scene, workload = DEPLOYMENT): number {
  return (find(scene, workload)?.metadata.generation ?? 1) - 1;
}

export function restartCondition(scene: Scene, name?: string): string {
  const { status, reason } = scene.condition("RestartPending", name);
  return `${status} ${reason}`;
}

/** A resource that has its first certificate, and a Deployment. */
export async function start(spec: Partial<UserCertificateSpec> = SPEC): Promise<{ scene: Scene; process: Process }> {
  const scene = new Scene();
  put(scene);
  scene.apply(spec);
  const process = scene.start();
  await scene.run(process, { forMs: MINUTE_MS });
  forget(scene);
  return { scene, process };
}

export function forget(scene: Scene): void {
  scene.events.length = 0;
  scene.cluster.calls.length = 0;
}

export function callsOfWorkloads(scene: Scene): readonly string[] {
  return scene.cluster.calls.filter(({ what }) => what.includes(".apps ")).map(({ verb, what }) => `${verb} ${what}`);
}

export async function renew(scene: Scene, process: Process, spec: Partial<UserCertificateSpec> = SPEC): Promise<void> {
  scene.apply(spec, { renewRequest: String(scene.clock.now()) });
  await scene.settle(process);
}

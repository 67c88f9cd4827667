import type { ProjectX509Spec } from "../../../api/project-x509.ts";
import type { ProcessOptions } from "./process.ts";
import { NAMESPACE, Scene } from "./scene.ts";

/** Scenes with resources that obtain certificates through an AtlasProjectX509. */

/** The part of a spec that names it. */
export const THROUGH = { projectRef: { name: "production" } };
export const DEFAULTS = { maxMonths: 3, shared: false, everybody: false };
/** Grants users `orders-*` to the namespace of the scene. */
export const ORDERS = { ...DEFAULTS, namespaces: [NAMESPACE], usernames: ["orders-*"] };
/** The same, to a second namespace too. */
export const BOTH = { ...ORDERS, namespaces: [NAMESPACE, "other"] };
export const granting = (...grants: NonNullable<ProjectX509Spec["grants"]>[number][]) => ({ grants });

export function projectScene(project: Partial<ProjectX509Spec> = granting(ORDERS)): Scene {
  const at = new Scene();
  at.applyProject(project);
  return at;
}

/** A process that has reconciled the resource until nothing is due. */
export async function settled(at: Scene, options: ProcessOptions = {}, name = "orders-api") {
  const process = at.start(options);
  await at.settle(process, name);
  return process;
}

export const message = (at: Scene, name = "orders-api") => at.condition("Ready", name).message;
/** The messages of Ready and Stalled: the second holds the remedy. */
export const whole = (at: Scene, name = "orders-api") =>
  `${message(at, name)} ${at.condition("Stalled", name).message}`;

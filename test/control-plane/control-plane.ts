/** What an integration test uses of the run's control plane, in the worker that the test runs in. */
import { randomBytes } from "node:crypto";
import path from "node:path";
import { inject, onTestFinished } from "vitest";
import { runCommand } from "../run-command.ts";
import { readCredentials } from "./kubeconfig-credentials.ts";
import { createRest, type Rest } from "./rest.ts";
import { countWrites } from "./write-counts.ts";

export { parseCredentials, readCredentials } from "./kubeconfig-credentials.ts";
export { writesBetween } from "./write-counts.ts";

export interface ProvidedControlPlane {
  /** Of a user who may do everything. */
  readonly kubeconfigPath: string;
  /** The folder with kubectl. */
  readonly binDirectory: string;
  /** Of Kubernetes, as in `v1.37.2`. */
  readonly version: string;
}

declare module "vitest" {
  interface ProvidedContext {
    controlPlane: ProvidedControlPlane;
  }
}

/** The control plane that global-setup.ts started. */
export function controlPlane(): ProvidedControlPlane {
  return inject("controlPlane");
}

let admin: Rest | undefined;

/** One request to the API server as a user who may do everything. An error status is an answer, not an exception. */
export const rest: Rest = (...request) => {
  admin ??= createRest(readCredentials(controlPlane().kubeconfigPath));
  return admin(...request);
};

/** A namespace for the running test alone; it is deleted, without waiting, when the test is over. */
export async function freshNamespace(prefix = "test"): Promise<string> {
  const name = `${prefix}-${randomBytes(4).toString("hex")}`;
  const created = await rest("POST", "/api/v1/namespaces", {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name },
  });
  if (created.status !== 201) throw new Error(`namespace ${name}: ${created.status} ${JSON.stringify(created.body)}`);
  onTestFinished(async () => {
    await rest("DELETE", `/api/v1/namespaces/${name}`);
  });
  return name;
}

/** Runs the real kubectl as a user who may do everything and gives what it prints. @throws Error with its stderr */
export function kubectl(...args: string[]): Promise<string> {
  return kubectlWithInput("", ...args);
}

/** The same with an input, as in `kubectlWithInput(manifest, "apply", "-f", "-")`. */
export function kubectlWithInput(input: string, ...args: string[]): Promise<string> {
  const { kubeconfigPath, binDirectory } = controlPlane();
  const cache = path.join(path.dirname(kubeconfigPath), "kubectl-cache");
  // Discovery of one control plane must not be taken for that of another on the same port.
  const command = [
    path.join(binDirectory, "kubectl"),
    `--kubeconfig=${kubeconfigPath}`,
    `--cache-dir=${cache}`,
    ...args,
  ];
  return runCommand(command, { input });
}

/**
 * Writes that the API server has counted since its start, by everyone: `PATCH atlasusercertificates/status` to a
 * number. Dry runs are kept apart; see write-counts.ts for the keys.
 */
export async function apiServerWrites(): Promise<Map<string, number>> {
  const { status, body } = await rest("GET", "/metrics");
  if (status !== 200 || typeof body !== "string") throw new Error(`/metrics: ${status}`);
  return countWrites(body);
}

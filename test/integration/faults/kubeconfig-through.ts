import { readFile } from "node:fs/promises";
import type { FaultProxy } from "../kube/fault-proxy.ts";
import type { Scene } from "../operator/scene.ts";
import { temporaryFile } from "../temporary-file.ts";

/** The path of a kubeconfig whose way to the API server leads through the proxy. */
export async function kubeconfigThrough({ url }: FaultProxy, { operatorKubeconfigPath }: Scene): Promise<string> {
  const direct = await readFile(operatorKubeconfigPath, "utf8");
  return temporaryFile("kubeconfig", direct.replace(/(?<="server":")https:[^"]+/, url.origin));
}

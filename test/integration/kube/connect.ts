import { onTestFinished } from "vitest";
import { KubeClient, type KubeClientOptions } from "../../../src/kube/client/kube-client.ts";
import type { KubeConfig } from "../../../src/kube/config/kube-config.ts";
import { loadKubeConfig } from "../../../src/kube/config/load-kube-config.ts";
import { controlPlane } from "../../control-plane/control-plane.ts";

/** A client of the run's control plane; it is closed when the test is over. */
export async function connect(
  options: Partial<KubeClientOptions> & { readonly through?: URL; readonly kubeconfigPath?: string } = {},
): Promise<KubeClient> {
  const { through, kubeconfigPath = controlPlane().kubeconfigPath, ...clientOptions } = options;
  const found = await loadKubeConfig({ kubeconfig: kubeconfigPath, env: {} });
  const kubeConfig: KubeConfig = through === undefined ? found : { ...found, server: through };
  const client = new KubeClient({ kubeConfig, userAgent: "integration-test", fieldManager: "test", ...clientOptions });
  onTestFinished(() => client.close());
  return client;
}

/** Where the API server of the run is. */
export async function apiServerUrl(kubeconfigPath = controlPlane().kubeconfigPath): Promise<URL> {
  return (await loadKubeConfig({ kubeconfig: kubeconfigPath, env: {} })).server;
}

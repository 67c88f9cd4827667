import { stat } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { inClusterConfig, SERVICE_ACCOUNT_DIRECTORY } from "./in-cluster-config.ts";
import { type KubeConfig, KubeConfigError } from "./kube-config.ts";

export interface LoadKubeConfigOptions {
  /** The `--kubeconfig` flag: goes before everything else. */
  readonly kubeconfig?: string | undefined;
  /** The `--context` flag. @default the current context of the kubeconfig */
  readonly context?: string | undefined;
  /**
   * Whether ~/.kube/config, where it exists, goes before the cluster that this process runs in: the order of kubectl.
   * @default false: the order of controller-runtime
   */
  readonly homeFirst?: boolean;
  /** @default process.env */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** @default the home directory of the user */
  readonly homeDirectory?: string;
  /** @default "/var/run/secrets/kubernetes.io/serviceaccount" */
  readonly serviceAccountDirectory?: string;
}

/**
 * Finds the way to the API server: `--kubeconfig`, then `$KUBECONFIG`, then the cluster that this process runs in
 * (KUBERNETES_SERVICE_HOST), then ~/.kube/config; these two may change places. Throws KubeConfigError when there is none,
 * rather than guess at localhost:8080.
 */
export async function loadKubeConfig(options: LoadKubeConfigOptions = {}): Promise<KubeConfig> {
  const env = options.env ?? process.env;
  const named = options.kubeconfig ?? env.KUBECONFIG;
  if (named !== undefined && named !== "") {
    const files = named.split(delimiter).filter((file) => file !== "");
    return fromFiles(files, options.context);
  }
  const host = env.KUBERNETES_SERVICE_HOST ?? "";
  const home = join(options.homeDirectory ?? homedir(), ".kube", "config");
  const hasHome = (host === "" || options.homeFirst === true) && (await exists(home));
  if (hasHome) return fromFiles([home], options.context);
  if (host !== "") {
    return inClusterConfig({
      host,
      port: env.KUBERNETES_SERVICE_PORT ?? "443",
      directory: options.serviceAccountDirectory ?? SERVICE_ACCOUNT_DIRECTORY,
    });
  }
  throw new KubeConfigError(
    `no kubeconfig: --kubeconfig and KUBECONFIG are not set, this process does not run in a cluster ` +
      `(KUBERNETES_SERVICE_HOST is not set), and ${home} does not exist. Set --kubeconfig.`,
  );
}

/** Only a kubeconfig needs the client library, which costs 35 MiB of memory: inside a cluster it is never loaded. */
async function fromFiles(files: readonly string[], context: string | undefined): Promise<KubeConfig> {
  const { kubeconfigFile } = await import("./kubeconfig-file.ts");
  return kubeconfigFile({ files, context });
}

async function exists(file: string): Promise<boolean> {
  try {
    await stat(file);
    return true;
  } catch {
    return false;
  }
}

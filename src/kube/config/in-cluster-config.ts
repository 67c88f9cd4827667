import { readFile } from "node:fs/promises";
import { isIPv6 } from "node:net";
import { join } from "node:path";
import { type KubeConfig, KubeConfigError } from "./kube-config.ts";

/** Where the kubelet mounts the service account's token, CA and namespace. */
export const SERVICE_ACCOUNT_DIRECTORY = "/var/run/secrets/kubernetes.io/serviceaccount";

export interface InClusterOptions {
  /** KUBERNETES_SERVICE_HOST; an IPv6 address stands without brackets. */
  readonly host: string;
  readonly port: string;
  readonly directory: string;
}

/** The way to the API server from inside a pod. The files are read again each time: the kubelet rotates them. */
export async function inClusterConfig(options: InClusterOptions): Promise<KubeConfig> {
  const tokenFile = join(options.directory, "token");
  const caFile = join(options.directory, "ca.crt");
  const host = isIPv6(options.host) ? `[${options.host}]` : options.host;
  const authenticate = async () => {
    const [token, ca] = await Promise.all([read(tokenFile), read(caFile)]);
    return { headers: { authorization: `Bearer ${token.trim()}` }, tls: { ca } };
  };
  // A pod without a mounted token must fail at start, with the sentence below, and not at the first call.
  await authenticate();
  return {
    server: new URL(`https://${host}:${options.port}`),
    source: "in cluster",
    namespace: await read(join(options.directory, "namespace")).then(
      (text) => text.trim() || undefined,
      () => undefined,
    ),
    authenticate,
  };
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error: unknown) {
    throw new KubeConfigError(
      `cannot read ${file}: does the pod mount its service account token (automountServiceAccountToken)?`,
      { cause: error },
    );
  }
}

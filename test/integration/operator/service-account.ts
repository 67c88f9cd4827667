import { get } from "node:https";
import { z } from "zod";
import { controlPlane, readCredentials, rest } from "../../control-plane/control-plane.ts";
import type { Rest } from "../../control-plane/rest.ts";
import { temporaryFile } from "../temporary-file.ts";
import { grant, type ShippedRole, shippedRole } from "./shipped-roles.ts";

const tokenSchema = z.object({ status: z.object({ token: z.string() }) });
const createdSchema = z.object({ metadata: z.object({ name: z.string(), uid: z.string() }) });

/** An object that a token is good for as long as it exists. */
export interface BoundObject {
  readonly name: string;
  readonly uid: string;
}

/** A ServiceAccount as the chart gives one to the operator: with the shipped Roles in its namespace, and no other rights. */
export class ServiceAccount {
  readonly #rest: Rest;
  readonly #namespace: string;
  readonly #name: string;

  private constructor(rest: Rest, namespace: string, name: string) {
    this.#rest = rest;
    this.#namespace = namespace;
    this.#name = name;
  }

  static async create(rest: Rest, namespace: string): Promise<ServiceAccount> {
    const name = "atlas-cert-operator";
    const account = new ServiceAccount(rest, namespace, name);
    await account.#create(`/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name } });
    await account.grant(await shippedRole("namespace-role"));
    await account.grant(await shippedRole("consumers-role"));
    await account.grant(await shippedRole("lease-role"));
    return account;
  }

  /** @param namespace where it holds @default the account's own */
  async grant(role: ShippedRole, namespace = this.#namespace): Promise<void> {
    const subject = { kind: "ServiceAccount", name: this.#name, namespace: this.#namespace };
    await grant((_method, requestPath, body) => this.#create(requestPath, body), role, subject, namespace);
  }

  /** The path of a kubeconfig with a token of its own, which goes with the running test. */
  async kubeconfigFile(kubeconfigPath: string): Promise<string> {
    return temporaryFile("kubeconfig", tokenKubeconfig(kubeconfigPath, await this.token()));
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

/** The path of a kubeconfig of an account of its own, for an operator that watches this namespace of the run's control plane. */
export async function operatorKubeconfig(namespace: string): Promise<string> {
  const account = await ServiceAccount.create(rest, namespace);
  return account.kubeconfigFile(controlPlane().kubeconfigPath);
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

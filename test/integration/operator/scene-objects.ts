import { X509Certificate } from "node:crypto";
import { expect } from "vitest";
import { parseUserCertificate, type UserCertificate } from "../../../src/api/parse-user-certificate.ts";
import type { UserCertificateSpec } from "../../../src/api/user-certificate.ts";
import type { Rest } from "../../control-plane/rest.ts";

export const PRODUCTION = "32b6e34b3d91647abb20e7b8";
/** The Secret with the credentials that a resource names. */
export const CREDENTIALS = "atlas-api";
const MERGE_PATCH = "application/merge-patch+json";

export interface SecretState {
  readonly metadata: {
    readonly uid: string;
    readonly resourceVersion: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly { readonly uid: string }[];
  };
  readonly type: string;
  /** Decoded. */
  readonly data: Readonly<Record<string, string>>;
}

/** An Event on one of the scene's resources. */
export interface SceneEvent {
  readonly reason: string;
  readonly note: string;
  readonly type: string;
  readonly series?: { readonly count: number };
}

/** The Secrets, resources and Events of one namespace, as a person with all rights changes and reads them. */
export class SceneObjects {
  readonly namespace: string;
  /** The private keys in the Secrets that were read. */
  readonly keysSeen = new Set<string>();
  readonly #rest: Rest;

  constructor(rest: Rest, namespace: string) {
    this.#rest = rest;
    this.namespace = namespace;
  }

  /** Puts a Secret of these entries in place of whatever is there. */
  async putSecret(name: string, stringData: Readonly<Record<string, string>>): Promise<void> {
    const manifest = { apiVersion: "v1", kind: "Secret", metadata: { name }, stringData };
    const created = await this.#rest("POST", this.#path("secrets"), manifest);
    if (created.status === 201) return;
    await this.#must("PUT", this.#path("secrets", name), manifest);
  }

  async deleteSecret(name: string): Promise<void> {
    await this.#must("DELETE", this.#path("secrets", name));
  }

  /** Changes a Secret by hand, as kubectl does. */
  async patchSecret(name: string, patch: object): Promise<void> {
    await this.#must("PATCH", `${this.#path("secrets", name)}?fieldManager=somebody`, patch, MERGE_PATCH);
  }

  async secret(name = "orders-api-mongodb"): Promise<SecretState | undefined> {
    const { status, body } = await this.#rest("GET", this.#path("secrets", name));
    if (status === 404) return undefined;
    // The API server's own answer.
    const raw = body as SecretState;
    const data = Object.fromEntries(
      Object.entries(raw.data ?? {}).map(([key, value]) => [key, Buffer.from(value, "base64").toString("utf8")]),
    );
    if (data["tls.key"]?.includes("PRIVATE KEY")) this.keysSeen.add(data["tls.key"]);
    return { ...raw, data };
  }

  /** Applies a resource; what is not given is what most tests want. */
  async apply(name = "orders-api", spec: Partial<UserCertificateSpec> = {}): Promise<void> {
    const manifest = {
      apiVersion: "atlascerts.io/v1alpha1",
      kind: "AtlasUserCertificate",
      metadata: { name },
      spec: {
        projectId: PRODUCTION,
        credentialsRef: { name: CREDENTIALS },
        username: "orders-api",
        secretName: `${name}-mongodb`,
        ...spec,
      },
    };
    await this.#must("POST", this.#path("atlasusercertificates"), manifest);
  }

  async patch(name: string, patch: object): Promise<void> {
    await this.#must("PATCH", this.#path("atlasusercertificates", name), patch, MERGE_PATCH);
  }

  async delete(name: string): Promise<void> {
    await this.#must("DELETE", this.#path("atlasusercertificates", name));
  }

  /** All resources, as the API server has them. */
  async resources(): Promise<unknown> {
    return (await this.#must("GET", this.#path("atlasusercertificates"))).body;
  }

  async get(name = "orders-api"): Promise<UserCertificate> {
    const { body } = await this.#must("GET", this.#path("atlasusercertificates", name));
    const resource = parseUserCertificate(body);
    if (!resource.valid) throw new Error(resource.problem);
    return resource;
  }

  async events(): Promise<readonly SceneEvent[]> {
    const path = `/apis/events.k8s.io/v1/namespaces/${this.namespace}/events`;
    const { body } = await this.#must("GET", path);
    // The API server's own answer.
    return (body as { items: SceneEvent[] }).items;
  }

  /**
   * Deletes the Events, as the API server does with those of more than an hour ago.
   *
   * @param atLeast how many of them there have to be: the operator sends them after it has written the status
   */
  async forgetEvents(atLeast = 1): Promise<void> {
    await expect.poll(async () => (await this.events()).length, { timeout: 10_000 }).toBeGreaterThanOrEqual(atLeast);
    await this.#must("DELETE", `/apis/events.k8s.io/v1/namespaces/${this.namespace}/events`);
  }

  /** The leaf certificate in the Secret. */
  async certificate(name?: string): Promise<X509Certificate> {
    return new X509Certificate((await this.secret(name))?.data["tls.crt"] ?? "");
  }

  #path(plural: "secrets" | "atlasusercertificates", name = ""): string {
    const root = plural === "secrets" ? "/api/v1" : "/apis/atlascerts.io/v1alpha1";
    return `${root}/namespaces/${this.namespace}/${plural}${name && `/${name}`}`;
  }

  async #must(method: string, path: string, body?: unknown, contentType?: string) {
    const answer = await this.#rest(method, path, body, contentType);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer;
  }
}

import { X509Certificate } from "node:crypto";
import { PassThrough } from "node:stream";
import { expect, onTestFinished } from "vitest";
import { parseUserCertificate, type UserCertificate } from "../../../src/api/parse-user-certificate.ts";
import type { UserCertificateSpec } from "../../../src/api/user-certificate.ts";
import { systemClock } from "../../../src/clock.ts";
import { type OperatorOptions, runOperator } from "../../../src/command/operator.ts";
import { calendarOf } from "../../../src/controllers/user-certificate/atlas/calendar.ts";
import type { Policy } from "../../../src/controllers/user-certificate/core/model/snapshot.ts";
import { loadKubeConfig } from "../../../src/kube/config/load-kube-config.ts";
import type { Credentials } from "../../../src/simulator/fixtures.ts";
import { type Simulator, type SimulatorOptions, startSimulator } from "../../../src/simulator/simulator.ts";
import { createLog } from "../../../src/telemetry/log.ts";
import { http } from "../../../src/testing/http.ts";
import { controlPlane, freshNamespace, rest } from "../../control-plane/control-plane.ts";
import type { Rest } from "../../control-plane/rest.ts";
import { ServiceAccount } from "./service-account.ts";

export const PRODUCTION = "32b6e34b3d91647abb20e7b8";
export const STAGING = "5efda6aea3f2ed2e7dd6ce05";
export const RENEW_REQUEST = "atlascerts.io/renew-requested-at";
const CREDENTIALS = "atlas-api";

/** The operator's policy in tests: as shipped, but for waits that a person would not mind and a test would. */
export const TEST_POLICY: Policy = {
  maxIssuesPerDay: 100,
  maxUnexpiredPerUser: 100,
  maxParked: 20,
  verifyIntervalMs: 6 * 3_600_000,
  maxBackoffMs: 2000,
  recheckIntervalMs: 2000,
  countsConsumers: true,
  restartsWorkloads: true,
};

export interface SceneOptions {
  readonly simulator?: SimulatorOptions;
  readonly policy?: Partial<Policy>;
  /** Which of the simulator's credentials the Secret `atlas-api` holds. @default "owner-service-account" */
  readonly credentials?: string;
  readonly onStep?: OperatorOptions["onStep"];
  /** Another control plane than the run's, and a namespace that is there. @default the run's, a namespace of its own */
  readonly place?: ScenePlace;
}

/** Where a scene is set. */
export interface ScenePlace {
  /** Of a user who may do everything. */
  readonly kubeconfigPath: string;
  readonly rest: Rest;
  readonly namespace: string;
}

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

/** An operator that is running. */
export interface Running {
  stop(): Promise<void>;
}

/**
 * A namespace, a simulated Atlas of its own and an operator that watches that namespace alone, with the rights that are
 * shipped and no others. When the test is over, everything that was printed and written is searched for key material.
 */
export class Scene {
  readonly namespace: string;
  /** Of a user who may do everything. */
  readonly kubeconfigPath: string;
  /** What the operator runs as. */
  readonly account: ServiceAccount;
  /** Of that account. */
  readonly operatorKubeconfigPath: string;
  readonly atlas: Simulator;
  readonly #options: SceneOptions;
  readonly #rest: Rest;
  readonly #printed = new PassThrough();
  readonly #keysSeen = new Set<string>();
  #log = "";
  #running: Running | undefined;

  private constructor(
    place: ScenePlace,
    account: ServiceAccount,
    operatorKubeconfigPath: string,
    atlas: Simulator,
    options: SceneOptions,
  ) {
    this.account = account;
    this.operatorKubeconfigPath = operatorKubeconfigPath;
    this.namespace = place.namespace;
    this.kubeconfigPath = place.kubeconfigPath;
    this.atlas = atlas;
    this.#options = options;
    this.#rest = place.rest;
    this.#printed.setEncoding("utf8").on("data", (text: string) => {
      this.#log += text;
    });
  }

  /** Sets the scene; the operator runs and the credentials are there. */
  static async open(options: SceneOptions = {}): Promise<Scene> {
    const scene = await Scene.prepare(options);
    await scene.startOperator();
    return scene;
  }

  /** The same without an operator: the test starts what it needs. */
  static async prepare(options: SceneOptions = {}): Promise<Scene> {
    const place = options.place ?? {
      kubeconfigPath: controlPlane().kubeconfigPath,
      rest,
      namespace: await freshNamespace("operator"),
    };
    const account = await ServiceAccount.create(place.rest, place.namespace);
    const operatorKubeconfigPath = await account.kubeconfigFile(place.kubeconfigPath);
    const atlas = await startSimulator({ keyAlgorithm: "ec-p256", rateLimit: "unlimited", ...options.simulator });
    const scene = new Scene(place, account, operatorKubeconfigPath, atlas, options);
    onTestFinished(async () => {
      await scene.#expectNoKeyMaterial();
      await scene.stopOperator();
      await atlas.close();
    });
    await scene.putCredentials(scene.credentials(options.credentials ?? "owner-service-account"));
    return scene;
  }

  /** What the operator has printed. */
  get log(): string {
    return this.#log;
  }

  credentials(id: string): Credentials {
    const found = this.atlas.credentials.find((credentials) => credentials.id === id);
    if (found === undefined) throw new Error(`no credentials ${id}`);
    return found;
  }

  /** @param overrides of what the operator runs with; without them it is this scene's own, for its namespace alone */
  async startOperator(overrides: Partial<OperatorOptions> = {}): Promise<Running> {
    const stop = new AbortController();
    const ended = runOperator(
      {
        kubeConfig: await loadKubeConfig({ kubeconfig: this.operatorKubeconfigPath }),
        userAgent: "atlas-cert-operator/test",
        identity: "test",
        atlas: { baseUrl: this.atlas.url },
        namespaces: [this.namespace],
        workers: 4,
        policy: { ...TEST_POLICY, ...this.#options.policy },
        calendar: calendarOf(this.#options.simulator?.monthMs),
        serve: { metrics: { host: "127.0.0.1", port: 0 } },
        onStep: this.#options.onStep,
        clock: systemClock,
        random: Math.random,
        log: createLog({ level: "debug", format: "json", destination: this.#printed }),
        ...overrides,
      },
      stop.signal,
    );
    const running: Running = {
      stop: async () => {
        stop.abort(new Error("the test stops it"));
        await ended;
      },
    };
    // A crash must fail the test even where nobody waits for the end.
    ended.catch((error: unknown) => {
      this.#log += `\ncrashed: ${String(error)}`;
    });
    this.#running = running;
    return running;
  }

  async stopOperator(): Promise<void> {
    await this.#running?.stop();
    this.#running = undefined;
  }

  /** The Secret `atlas-api` in the form of the Atlas Kubernetes Operator. */
  async putCredentials(credentials: Credentials): Promise<void> {
    await this.putSecret(CREDENTIALS, credentialEntries(credentials));
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
    if (data["tls.key"]?.includes("PRIVATE KEY")) this.#keysSeen.add(data["tls.key"]);
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

  async get(name = "orders-api"): Promise<UserCertificate> {
    const { body } = await this.#must("GET", this.#path("atlasusercertificates", name));
    const resource = parseUserCertificate(body);
    if (!resource.valid) throw new Error(resource.problem);
    return resource;
  }

  /** Waits until the resource is as described. Fails with the state it was last seen in. */
  async until(
    what: string,
    holds: (resource: UserCertificate) => boolean,
    { name = "orders-api", timeoutMs = 20_000 } = {},
  ): Promise<UserCertificate> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const resource = await this.get(name);
      if (holds(resource)) return resource;
      if (Date.now() > deadline) {
        throw new Error(
          `not ${what} within ${timeoutMs} ms: ${JSON.stringify(resource.status, undefined, 2)}\n${this.#log}`,
        );
      }
      await systemClock.sleep(50);
    }
  }

  /** Waits until Ready is True with a certificate other than the one given. */
  untilIssued(name = "orders-api", otherThan?: string): Promise<UserCertificate> {
    return this.until(
      `issued${otherThan === undefined ? "" : ` anew (other than ${otherThan})`}`,
      (resource) =>
        condition(resource, "Ready")?.status === "True" &&
        resource.status.observedGeneration === resource.generation &&
        resource.status.serialNumber !== undefined &&
        resource.status.serialNumber !== otherThan,
      { name },
    );
  }

  /** Waits until Ready names this reason. */
  untilReason(reason: string, name = "orders-api"): Promise<UserCertificate> {
    return this.until(`of reason ${reason}`, (resource) => condition(resource, "Ready")?.reason === reason, { name });
  }

  /** How many certificates Atlas was asked to create. */
  get creates(): number {
    return this.atlas.log.count("createDatabaseUserCertificate");
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

  /** What the operator that was started last serves as metrics; empty where it has stopped. */
  async metrics(): Promise<string> {
    if (this.#running === undefined) return "";
    return http(`http://${this.metricsAddress}/metrics`).text();
  }

  /** Where it serves them, as `host:port`. */
  get metricsAddress(): string {
    const [, address = ""] = [...this.#log.matchAll(/"address":"([^"]+)"[^\n]*serving metrics/g)].at(-1) ?? [];
    return address;
  }

  async #expectNoKeyMaterial(): Promise<void> {
    const resources = (await this.#must("GET", this.#path("atlasusercertificates"))).body;
    const written = JSON.stringify([resources, await this.events()]);
    expectNoKeyMaterial(this.#log + written + (await this.metrics()), this.#keysSeen);
    expect(this.#log).not.toContain("crashed:");
  }
}

const MERGE_PATCH = "application/merge-patch+json";

/** Fails where a text holds a private key, or any line of one of these. */
export function expectNoKeyMaterial(text: string, keys: Iterable<string>): void {
  expect(text).not.toMatch(/BEGIN [A-Z ]*PRIVATE KEY/);
  for (const key of keys) {
    for (const line of key.split("\n").filter((each) => each.length > 20 && !each.startsWith("-----"))) {
      expect(text.includes(line), "a line of a private key stands in what was printed or written").toBe(false);
      const encoded = Buffer.from(line).toString("base64").slice(4, 40);
      expect(text.includes(encoded), "a private key stands there in base64").toBe(false);
    }
  }
}

/** What a Secret with these credentials holds. */
export function credentialEntries(credentials: Credentials): Readonly<Record<string, string>> {
  return credentials.kind === "serviceAccount"
    ? { clientId: credentials.clientId, clientSecret: credentials.clientSecret }
    : { publicApiKey: credentials.publicApiKey, privateApiKey: credentials.privateApiKey };
}

export function condition(resource: UserCertificate, type: "Ready" | "Issuing" | "Stalled") {
  return resource.status.conditions?.find((each) => each.type === type);
}

/** Lets the operator go on for a while: for what must not happen there is nothing to wait for. */
export function aWhile(ms = 1500): Promise<void> {
  return systemClock.sleep(ms);
}

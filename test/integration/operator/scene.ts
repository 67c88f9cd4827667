import { PassThrough } from "node:stream";
import { expect, onTestFinished } from "vitest";
import type { UserCertificate } from "../../../src/api/parse-user-certificate.ts";
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
import { CREDENTIALS, SceneObjects } from "./scene-objects.ts";
import { ServiceAccount } from "./service-account.ts";

export { PRODUCTION } from "./scene-objects.ts";

export const STAGING = "5efda6aea3f2ed2e7dd6ce05";
export const RENEW_REQUEST = "atlascerts.io/renew-requested-at";

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

/** An operator that is running. */
export interface Running {
  stop(): Promise<void>;
}

/**
 * A namespace, a simulated Atlas of its own and an operator that watches that namespace alone, with the rights that are
 * shipped and no others. When the test is over, everything that was printed and written is searched for key material.
 */
export class Scene extends SceneObjects {
  /** Of a user who may do everything. */
  readonly kubeconfigPath: string;
  /** What the operator runs as. */
  readonly account: ServiceAccount;
  /** Of that account. */
  readonly operatorKubeconfigPath: string;
  readonly atlas: Simulator;
  readonly #options: SceneOptions;
  readonly #printed = new PassThrough();
  #log = "";
  #running: Running | undefined;

  private constructor(
    place: ScenePlace,
    account: ServiceAccount,
    operatorKubeconfigPath: string,
    atlas: Simulator,
    options: SceneOptions,
  ) {
    super(place.rest, place.namespace);
    this.account = account;
    this.operatorKubeconfigPath = operatorKubeconfigPath;
    this.kubeconfigPath = place.kubeconfigPath;
    this.atlas = atlas;
    this.#options = options;
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
    const written = JSON.stringify([await this.resources(), await this.events()]);
    expectNoKeyMaterial(this.#log + written + (await this.metrics()), this.keysSeen);
    expect(this.#log).not.toContain("crashed:");
  }
}

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

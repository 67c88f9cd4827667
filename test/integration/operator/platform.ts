import { randomBytes } from "node:crypto";
import { PassThrough } from "node:stream";
import { expect, onTestFinished } from "vitest";
import { parseDocument } from "yaml";
import { parseUserCertificate, type UserCertificate } from "../../../src/api/parse-user-certificate.ts";
import type { ProjectX509Spec } from "../../../src/api/project-x509.ts";
import type { UserCertificateSpec } from "../../../src/api/user-certificate.ts";
import { systemClock } from "../../../src/clock.ts";
import { type OperatorOptions, runOperator } from "../../../src/command/operator.ts";
import { loadKubeConfig } from "../../../src/kube/config/load-kube-config.ts";
import { type Simulator, type SimulatorOptions, startSimulator } from "../../../src/simulator/simulator.ts";
import { createLog } from "../../../src/telemetry/log.ts";
import type { OwnControlPlane } from "../faults/own-control-plane.ts";
import { temporaryFile } from "../temporary-file.ts";
import { credentialEntries, PRODUCTION, TEST_POLICY } from "./scene.ts";
import { grant, type Right, shippedRole, user, without } from "./shipped-roles.ts";

export const MERGE_PATCH = "application/merge-patch+json";
/** The roles that serving the cluster-scoped kinds takes. */
export const CLUSTER_KINDS_ROLES = ["projects-role", "customer-x509-removal-role"] as const;
const GROUP = "/apis/atlascerts.io/v1alpha1";

export type GrantInput = Partial<NonNullable<ProjectX509Spec["grants"]>[number]>;

export interface PlatformOptions {
  /** A right that the shipped roles for the cluster-scoped kinds then lack. */
  readonly missing?: Right | undefined;
  readonly simulator?: SimulatorOptions;
  /** `none`: the test starts it. */
  readonly operator?: Partial<OperatorOptions> | "none";
}

/**
 * A platform team with one operator for all namespaces, with the rights that are shipped, and a simulated Atlas. Everything
 * that a test applies goes with it.
 */
export class Platform {
  /** The operator's namespace. */
  readonly home: string;
  readonly atlas: Simulator;
  readonly own: OwnControlPlane;
  readonly #printed = new PassThrough();
  readonly #namespaces: string[] = [];
  #log = "";

  private constructor(own: OwnControlPlane, home: string, atlas: Simulator) {
    this.own = own;
    this.home = home;
    this.atlas = atlas;
    this.#printed.setEncoding("utf8").on("data", (text: string) => {
      this.#log += text;
    });
  }

  static async open(own: OwnControlPlane, options: PlatformOptions = {}): Promise<Platform> {
    const id = `operators-${randomBytes(3).toString("hex")}`;
    await own.place(id);
    const atlas = await startSimulator({ keyAlgorithm: "ec-p256", rateLimit: "unlimited", ...options.simulator });
    const platform = new Platform(own, id, atlas);
    await platform.#grantRoles(options.missing);
    await platform.putCredentials("atlas-production");
    onTestFinished(async () => {
      await atlas.close();
      await own.must("DELETE", `${GROUP}/atlascustomerx509removals`);
      await own.must("DELETE", `${GROUP}/atlasprojectx509s`);
      for (const namespace of platform.#namespaces) {
        await own.must("DELETE", `${GROUP}/namespaces/${namespace}/atlasusercertificates`);
      }
      expect(platform.log).not.toContain("crashed:");
    });
    if (options.operator !== "none") await platform.startAnother(options.operator);
    return platform;
  }

  /** Starts an operator, which goes with the test. */
  async startAnother(operator: Partial<OperatorOptions> = {}): Promise<void> {
    const stop = new AbortController();
    const ended = this.#run(operator, stop.signal);
    ended.catch((error: unknown) => {
      this.#log += `\ncrashed: ${String(error)}`;
    });
    onTestFinished(async () => {
      stop.abort(new Error("the test stops it"));
      await ended;
    });
  }

  get log(): string {
    return this.#log;
  }

  /** Number of certificates that Atlas was asked to create. */
  get creates(): number {
    return this.atlas.log.count("createDatabaseUserCertificate");
  }

  /** A namespace of a tenant. */
  async tenant(name: string, labels: Readonly<Record<string, string>> = {}): Promise<string> {
    const namespace = `${name}-${randomBytes(3).toString("hex")}`;
    await this.own.must("POST", "/api/v1/namespaces", { metadata: { name: namespace, labels } });
    this.#namespaces.push(namespace);
    return namespace;
  }

  /** A Secret of the operator's namespace with the credentials of the simulated project's owner. */
  async putCredentials(
    name: string,
    labels: Readonly<Record<string, string>> = { "atlascerts.io/credentials": "true" },
  ) {
    const owner = this.atlas.credentials.find(({ id }) => id === "owner-service-account");
    if (owner === undefined) throw new Error("the simulator has no owner");
    const stringData = credentialEntries(owner);
    await this.own.must("POST", `/api/v1/namespaces/${this.home}/secrets`, { metadata: { name, labels }, stringData });
  }

  /** Applies an AtlasProjectX509, or changes its grants. */
  async project(grants: readonly GrantInput[], name = "production", spec: object = {}): Promise<void> {
    const whole = { projectId: PRODUCTION, credentialsRef: { name: "atlas-production" }, grants, ...spec };
    const created = await this.own.rest("POST", `${GROUP}/atlasprojectx509s`, {
      apiVersion: "atlascerts.io/v1alpha1",
      kind: "AtlasProjectX509",
      metadata: { name },
      spec: whole,
    });
    if (created.status === 201) return;
    const path = `${GROUP}/atlasprojectx509s/${name}`;
    const changed = await this.own.rest("PATCH", path, { spec: whole }, MERGE_PATCH);
    if (changed.status !== 200) throw new Error(`${changed.status} ${JSON.stringify(changed.body)}`);
  }

  async apply(namespace: string, spec: Partial<UserCertificateSpec> = {}, name = "orders-api"): Promise<void> {
    await this.own.must("POST", `${GROUP}/namespaces/${namespace}/atlasusercertificates`, {
      apiVersion: "atlascerts.io/v1alpha1",
      kind: "AtlasUserCertificate",
      metadata: { name },
      spec: {
        ...(spec.projectId === undefined && { projectRef: { name: "production" } }),
        username: "orders-api",
        secretName: `${name}-mongodb`,
        ...spec,
      },
    });
  }

  async patch(namespace: string, patch: object, name = "orders-api"): Promise<void> {
    const path = `${GROUP}/namespaces/${namespace}/atlasusercertificates/${name}`;
    const { status, body } = await this.own.rest("PATCH", path, patch, MERGE_PATCH);
    if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`);
  }

  async get(namespace: string, name = "orders-api"): Promise<UserCertificate> {
    const found = await this.own.must("GET", `${GROUP}/namespaces/${namespace}/atlasusercertificates/${name}`);
    const resource = parseUserCertificate(found);
    if (!resource.valid) throw new Error(resource.problem);
    return resource;
  }

  /**
   * Waits until Ready is as described, such as `True Issued`, and the certificate another one if a serial number is given.
   * Gives the message, with what Stalled adds.
   */
  async until(ready: string, namespace: string, name = "orders-api", otherThan?: string): Promise<string> {
    const of = (resource: UserCertificate, type: string) =>
      resource.status.conditions?.find((one) => one.type === type);
    const deadline = Date.now() + 20_000;
    for (;;) {
      const resource = await this.get(namespace, name);
      const found = of(resource, "Ready");
      const isCurrent = resource.status.observedGeneration === resource.generation;
      const isOther = otherThan === undefined || resource.status.serialNumber !== otherThan;
      if (isCurrent && isOther && `${found?.status} ${found?.reason}` === ready) {
        return `${found?.message} ${of(resource, "Stalled")?.message}`;
      }
      if (Date.now() > deadline) {
        throw new Error(`not ${ready}: ${JSON.stringify(resource.status, undefined, 2)}\n${this.#log.slice(-4000)}`);
      }
      await systemClock.sleep(50);
    }
  }

  async #grantRoles(missing: Right | undefined): Promise<void> {
    const { must } = this.own;
    const subject = user(this.home);
    await grant(must, await shippedRole("cluster-role"), subject);
    await grant(must, await shippedRole("consumers-role"), subject);
    for (const name of CLUSTER_KINDS_ROLES) await grant(must, without(await shippedRole(name), missing), subject);
    await grant(must, await shippedRole("lease-role"), subject, this.home);
  }

  /** A kubeconfig of the operator's user, as the operator has it in its own namespace. Gives its path. */
  async kubeconfigFile(): Promise<string> {
    const text = await this.own.running.addUser({ name: this.home, groups: [] });
    const kubeconfig = parseDocument(text);
    kubeconfig.setIn(["contexts", 0, "context", "namespace"], this.home);
    return temporaryFile("kubeconfig", kubeconfig.toString());
  }

  async #run(operator: Partial<OperatorOptions>, signal: AbortSignal): Promise<void> {
    await runOperator(
      {
        kubeConfig: await loadKubeConfig({ kubeconfig: await this.kubeconfigFile(), env: {} }),
        userAgent: "atlas-cert-operator/test",
        identity: "test",
        atlas: { baseUrl: this.atlas.url },
        projects: { namespace: this.home },
        workers: 8,
        policy: TEST_POLICY,
        lease: {
          ...{ namespace: this.home, name: "atlas-cert-operator" },
          ...{ leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2000 },
        },
        clock: systemClock,
        random: Math.random,
        log: createLog({ level: "debug", format: "json", destination: this.#printed }),
        ...operator,
      },
      signal,
    );
  }
}

import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { promisify } from "node:util";
import { parse } from "yaml";
import { z } from "zod";
import { type CustomerX509Removal, parseCustomerX509Removal } from "../../../src/api/customer-x509-removal.ts";
import { type ProjectX509, parseProjectX509 } from "../../../src/api/project-x509.ts";
import { certificateAuthorities } from "../../../src/certificate/certificate-authorities.ts";
import { issuePem } from "../../../src/certificate/testing.ts";
import { systemClock } from "../../../src/clock.ts";
import { MERGE_PATCH, type Platform } from "./platform.ts";
import { PRODUCTION } from "./scene.ts";

const COLLECTION = "/apis/atlascerts.io/v1alpha1/atlascustomerx509removals";
const { certificatePem } = await issuePem({ subject: "CN=Root" });
const [authority] = certificateAuthorities(certificatePem) ?? [];

const eventsSchema = z.object({
  items: z.array(z.object({ reason: z.string(), regarding: z.object({ name: z.string() }) })),
});

/** Requests to remove customer-managed X.509 from the platform's project. */
export class Removals {
  /** Fingerprint of the customer's own certificate authority. */
  readonly fingerprint = authority?.fingerprint ?? "";
  readonly #platform: Platform;

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  /** Number of calls that would have switched it off. */
  get calls(): number {
    return this.#platform.atlas.log.count("disableCustomerManagedX509");
  }

  switchOn(): void {
    this.#platform.atlas.setCustomerManagedX509(PRODUCTION, certificatePem);
  }

  async create(spec: object = {}): Promise<string> {
    const name = `removal-${randomBytes(4).toString("hex")}`;
    await this.#platform.own.must("POST", COLLECTION, {
      apiVersion: "atlascerts.io/v1alpha1",
      kind: "AtlasCustomerX509Removal",
      metadata: { name },
      spec: {
        projectRef: { name: "production" },
        certificateAuthorities: [this.fingerprint],
        notAfter: new Date(Date.now() + 3_600_000).toISOString(),
        acknowledgeRollingRestart: true,
        ...spec,
      },
    });
    return name;
  }

  /** Creates the request whose manifest stands in the project's status, as a shell would. */
  async createFrom(project: ProjectX509): Promise<string> {
    const message = project.status.conditions?.find(({ type }) => type === "Stalled")?.message ?? "";
    const [, script] = /kubectl create -f - (<<EOF\n[\s\S]*\nEOF)/.exec(message) ?? [];
    const { stdout } = await promisify(execFile)("sh", ["-c", `cat ${script}`]);
    const created = await this.#platform.own.must(
      "POST",
      COLLECTION,
      z.record(z.string(), z.unknown()).parse(parse(stdout)),
    );
    return z.object({ metadata: z.object({ name: z.string() }) }).parse(created).metadata.name;
  }

  async get(name: string): Promise<CustomerX509Removal> {
    const found = parseCustomerX509Removal(await this.#platform.own.must("GET", `${COLLECTION}/${name}`));
    if (!found.valid) throw new Error(found.problem);
    return found;
  }

  /** Waits until one of the conditions that are True is as described, such as `Complete Removed`. */
  async until(name: string, condition: string): Promise<CustomerX509Removal> {
    return this.#poll(
      () => this.get(name),
      (found) => trueConditions(found).includes(condition),
    );
  }

  async project(name = "production"): Promise<ProjectX509> {
    const path = `/apis/atlascerts.io/v1alpha1/atlasprojectx509s/${name}`;
    const found = parseProjectX509(await this.#platform.own.must("GET", path));
    if (!found.valid) throw new Error(found.problem);
    return found;
  }

  /** Waits until Ready is as described, such as `True Reachable`. */
  async untilProject(ready: string, name = "production"): Promise<ProjectX509> {
    return this.#poll(
      () => this.project(name),
      ({ status }) => {
        const found = status.conditions?.find(({ type }) => type === "Ready");
        return `${found?.status} ${found?.reason}` === ready;
      },
    );
  }

  /** Changes an object without changing its spec. */
  async touch(name: string): Promise<void> {
    const patch = { metadata: { labels: { touched: randomBytes(4).toString("hex") } } };
    const { status } = await this.#platform.own.rest("PATCH", `${COLLECTION}/${name}`, patch, MERGE_PATCH);
    if (status !== 200) throw new Error(`${name} could not be changed: ${status}`);
  }

  /** Reasons of the Events on a request. */
  async reasons(name: string): Promise<readonly string[]> {
    const path = "/apis/events.k8s.io/v1/namespaces/default/events";
    const { items } = eventsSchema.parse(await this.#platform.own.must("GET", path));
    const own = items.filter(({ regarding }) => regarding.name === name);
    return own.map(({ reason }) => reason).toSorted();
  }

  async #poll<T>(read: () => Promise<T>, holds: (found: T) => boolean): Promise<T> {
    const deadline = Date.now() + 20_000;
    for (;;) {
      const found = await read();
      if (holds(found)) return found;
      if (Date.now() > deadline) {
        throw new Error(
          `not so within 20 s: ${JSON.stringify(found, undefined, 2)}\n${this.#platform.log.slice(-4000)}`,
        );
      }
      await systemClock.sleep(50);
    }
  }
}

export function trueConditions({ status }: CustomerX509Removal): readonly string[] {
  const conditions = (status.conditions ?? []).filter((one) => one.status === "True");
  return conditions.map(({ type, reason }) => `${type} ${reason}`);
}

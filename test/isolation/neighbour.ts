import { expect } from "vitest";
import { z } from "zod";
import type { UserCertificateSpec } from "../../src/api/user-certificate.ts";
import { DEFAULT_FIXTURES, type Fixtures } from "../../src/simulator/fixtures.ts";
import { inParallel } from "../bench/in-parallel.ts";
import { freshNamespace, rest } from "../control-plane/control-plane.ts";
import type { Rest } from "../control-plane/rest.ts";
import { PRODUCTION, Scene, type SceneOptions, STAGING } from "../integration/operator/scene.ts";
import { shippedRole } from "../integration/operator/shipped-roles.ts";
import { SCALE } from "./attack.ts";
import { ImageOperator } from "./image-operator.ts";

const listSchema = z.object({
  items: z.array(
    z.object({
      status: z
        .object({
          conditions: z.array(z.object({ type: z.string(), status: z.string(), reason: z.string() })).default([]),
          lastAttempt: z.object({ nextAttemptTime: z.string() }).optional(),
        })
        .default({ conditions: [] }),
    }),
  ),
});

/** Calls of a tenant at one time: more would wait in the test's own client. */
const CALLERS = 64;

/** Another tenant of the same operator: a namespace of its own. */
export class Neighbour {
  readonly namespace: string;
  readonly #rest: Rest;

  /** @param call to the API server that the namespace is of */
  constructor(namespace: string, call: Rest = rest) {
    this.namespace = namespace;
    this.#rest = call;
  }

  async putSecret(name: string, stringData: Readonly<Record<string, string>>): Promise<void> {
    await this.#must("POST", "/api/v1", "secrets", {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name },
      stringData,
    });
  }

  async patchSecret(name: string, patch: object): Promise<void> {
    await this.#must("PATCH", "/api/v1", `secrets/${name}`, patch, "application/merge-patch+json");
  }

  /** Creates an object of another kind in its namespace. */
  async create(root: string, plural: string, object: object): Promise<void> {
    await this.#must("POST", root, plural, object);
  }

  /** Applies so many resources, each for a database user of its own: `app-0` and so on. */
  async apply(count: number, spec: Partial<UserCertificateSpec> | ((index: number) => Partial<UserCertificateSpec>)) {
    await inParallel(count, CALLERS, (index) =>
      this.#must("POST", "/apis/atlascerts.io/v1alpha1", "atlasusercertificates", {
        apiVersion: "atlascerts.io/v1alpha1",
        kind: "AtlasUserCertificate",
        metadata: { name: `app-${index}` },
        spec: {
          projectId: PRODUCTION,
          username: `app-${index}`,
          secretName: `app-${index}-mongodb`,
          ...(typeof spec === "function" ? spec(index) : spec),
        },
      }),
    );
  }

  /** Each resource's Ready: its status and reason, and when the next attempt is due. */
  async ready(): Promise<readonly { readonly ready: string; readonly nextAttemptMs: number }[]> {
    const { body } = await this.#must("GET", "/apis/atlascerts.io/v1alpha1", "atlasusercertificates");
    return listSchema.parse(body).items.map(({ status: { conditions, lastAttempt } }) => {
      const ready = conditions.find(({ type }) => type === "Ready");
      return {
        ready: `${ready?.status} ${ready?.reason}`,
        nextAttemptMs: Date.parse(lastAttempt?.nextAttemptTime ?? ""),
      };
    });
  }

  /** Waits until the operator has got to so many of its resources. */
  async untilReady(ready: string, count: number): Promise<void> {
    const reached = async () => (await this.ready()).filter((one) => one.ready === ready).length;
    // Many resources are a large answer: to ask for it all the time would be an attack of its own.
    await expect.poll(reached, { timeout: 60_000 * SCALE, interval: 500 }).toBeGreaterThanOrEqual(count);
  }

  async #must(method: string, root: string, path: string, body?: unknown, contentType?: string) {
    const answer = await this.#rest(method, `${root}/namespaces/${this.namespace}/${path}`, body, contentType);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer;
  }
}

/** The usual fixtures, with so many users `app-0` and so on beside `orders-api` in both projects. */
export function fixturesWithApps(count: number): Fixtures {
  const { projects, credentials } = DEFAULT_FIXTURES;
  const apps = Array.from({ length: count }, (_, index) => `app-${index}`);
  return { credentials, projects: projects.map((project) => ({ ...project, users: ["orders-api", ...apps] })) };
}

/** A victim, which is the scene itself, and a neighbour, for one operator that does not run yet. */
export async function prepareWithNeighbour(
  options: SceneOptions = {},
): Promise<{ readonly victim: Scene; readonly neighbour: Neighbour }> {
  const victim = await Scene.prepare({ ...options, simulator: { rateLimit: undefined, ...options.simulator } });
  return { victim, neighbour: await prepareNeighbour(victim) };
}

/** Another namespace, which the victim's operator may look after. */
export async function prepareNeighbour(victim: Scene): Promise<Neighbour> {
  const neighbour = new Neighbour(await freshNamespace("neighbour"));
  await victim.account.grant(await shippedRole("namespace-role"), neighbour.namespace);
  return neighbour;
}

/** The same with the operator, as users run it. */
export async function openWithNeighbour(options: SceneOptions & { readonly flags?: readonly string[] } = {}) {
  const { victim, neighbour } = await prepareWithNeighbour(options);
  const operator = await ImageOperator.start(victim, [victim.namespace, neighbour.namespace], options.flags);
  return { victim, neighbour, operator };
}

export { PRODUCTION, STAGING };

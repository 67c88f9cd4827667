import { expect } from "vitest";
import { z } from "zod";
import { condition, RENEW_REQUEST, type Scene } from "../operator/scene.ts";
import type { OwnControlPlane } from "./own-control-plane.ts";
import type { Replica } from "./replica.ts";

const leaseSchema = z.object({ spec: z.object({ acquireTime: z.string(), renewTime: z.string() }) });

const NAME = "orders-api";
const SECRET = "orders-api-mongodb";

/** One thing that an operator does for its users: what makes it do it, and how anybody can see that it did. */
export interface Errand {
  readonly name: string;
  readonly ask: () => Promise<void>;
  readonly isDone: () => Promise<boolean>;
}

/** All that an operator needs its rights for. */
export class Errands {
  readonly #own: OwnControlPlane;
  readonly #scene: Scene;
  #serial: string | undefined;

  constructor(own: OwnControlPlane, scene: Scene) {
    this.#own = own;
    this.#scene = scene;
  }

  /** The errands in their order, for an operator that runs by now. */
  with(replica: Replica): readonly Errand[] {
    const scene = this.#scene;
    return [
      {
        name: "leads",
        ask: async () => {},
        isDone: async () => replica.log().includes('"msg":"leading"'),
      },
      {
        name: "renews its lease",
        ask: async () => {},
        isDone: () => this.#isLeaseRenewed(),
      },
      {
        name: "issues",
        ask: () => scene.apply(NAME),
        isDone: () => this.#isIssuedAnew(),
      },
      {
        name: "tells of it",
        ask: async () => {},
        isDone: () => this.#isToldOf("Issued"),
      },
      {
        name: "brings a deleted Secret back",
        ask: () => scene.deleteSecret(SECRET),
        isDone: () => this.#isIssuedAnew(),
      },
      {
        name: "counts pods",
        ask: async () => {},
        isDone: async () => (await scene.get(NAME)).status.consumers !== undefined,
      },
      {
        name: "writes over its Secret",
        ask: () => scene.patch(NAME, { metadata: { annotations: { [RENEW_REQUEST]: "now" } } }),
        isDone: () => this.#isIssuedAnew(),
      },
      {
        name: "issues into the Secret of a resource that is gone",
        ask: async () => {
          await scene.delete(NAME);
          await scene.patchSecret(SECRET, { data: { "tls.key": "" } });
          await scene.apply(NAME);
        },
        isDone: () => this.#isIssuedAnew(),
      },
      {
        name: "counts what happens again",
        ask: async () => {
          for (const suspend of [true, false, true]) {
            await scene.patch(NAME, { spec: { suspend } });
            await scene.untilReason(suspend ? "Suspended" : "Issued", NAME);
            await expect.poll(() => this.#isToldOf("Suspended"), { timeout: 20_000 }).toBe(true);
          }
          // The count of an Event that was written a moment ago waits for a minute, or for the end.
          await replica.stop();
        },
        isDone: async () => (await scene.events()).some(({ series }) => series?.count === 2),
      },
    ];
  }

  async #isIssuedAnew(): Promise<boolean> {
    const resource = await this.#scene.get(NAME);
    const { serialNumber } = resource.status;
    const isDone = condition(resource, "Ready")?.reason === "Issued" && serialNumber !== this.#serial;
    if (isDone) this.#serial = serialNumber;
    return isDone;
  }

  async #isToldOf(reason: string): Promise<boolean> {
    return (await this.#scene.events()).some((event) => event.reason === reason);
  }

  async #isLeaseRenewed(): Promise<boolean> {
    const path = `/apis/coordination.k8s.io/v1/namespaces/${this.#scene.namespace}/leases/atlas-cert-operator`;
    const { acquireTime, renewTime } = leaseSchema.parse(await this.#own.must("GET", path)).spec;
    return renewTime !== acquireTime;
  }
}

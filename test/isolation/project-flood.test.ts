import { expect, test } from "vitest";
import { ownControlPlane } from "../integration/faults/own-control-plane.ts";
import { type GrantInput, Platform } from "../integration/operator/platform.ts";
import { expectUnharmed, SCALE, type Victim } from "./attack.ts";
import { ImageOperator } from "./image-operator.ts";
import { fixturesWithApps, Neighbour } from "./neighbour.ts";

/** Two tenants of one AtlasProjectX509, whose credentials and rate limit they share. */

const RESOURCES = 100 * SCALE;
const MAX_RESOURCES = 20;

const own = ownControlPlane();

/** A tenant floods the project with resources, as far as its grant lets it. */
async function flooded(limit: Pick<GrantInput, "maxResources">) {
  const rateLimit = { capacity: 40, refill: 20, refillDurationSeconds: 60 };
  const simulator = { fixtures: fixturesWithApps(RESOURCES), rateLimit };
  const platform = await Platform.open(own(), { operator: "none", simulator });
  const flooder = new Neighbour(await platform.tenant("flooder"), own().rest);
  const victim = new ProjectVictim(platform, await platform.tenant("victim"));
  await platform.project([
    { namespaces: [flooder.namespace], usernames: ["app-*"], ...limit },
    { namespaces: [victim.namespace], usernames: ["orders-*"] },
  ]);
  const home = {
    operatorKubeconfigPath: await platform.kubeconfigFile(),
    namespace: platform.home,
    atlas: platform.atlas,
  };
  const operator = await ImageOperator.start(home, [], ["--projects"]);
  await flooder.apply(RESOURCES, { projectId: undefined, projectRef: { name: "production" } });
  return { flooder, operator, victim };
}

class ProjectVictim implements Victim {
  readonly namespace: string;
  readonly #platform: Platform;

  constructor(platform: Platform, namespace: string) {
    this.namespace = namespace;
    this.#platform = platform;
  }

  get atlas() {
    return this.#platform.atlas;
  }

  get creates(): number {
    return this.#platform.creates;
  }

  apply(): Promise<void> {
    return this.#platform.apply(this.namespace);
  }

  async untilIssued(name = "orders-api", otherThan?: string) {
    await this.#platform.until("True Issued", this.namespace, name, otherThan);
    return this.get();
  }

  get() {
    return this.#platform.get(this.namespace);
  }

  patch(name: string, patch: object): Promise<void> {
    return this.#platform.patch(this.namespace, patch, name);
  }
}

test("a resource is ready within 5 s while another tenant of its AtlasProjectX509 floods that with resources", async () => {
  const { flooder, operator, victim } = await flooded({});
  await flooder.untilReady("False RateLimited", RESOURCES / 2);
  await expectUnharmed(victim, operator);
});

test("a resource is ready within 5 s while maxResources cuts the flood of another tenant of its AtlasProjectX509", async () => {
  const { flooder, operator, victim } = await flooded({ maxResources: MAX_RESOURCES });
  await flooder.untilReady("False NotGranted", RESOURCES - MAX_RESOURCES);
  await expectUnharmed(victim, operator);
  const names = new Set(victim.atlas.log.entries("createDatabaseUserCertificate").map(({ username }) => username));
  names.delete("orders-api");
  expect(names.size).toBeLessThanOrEqual(MAX_RESOURCES);
});

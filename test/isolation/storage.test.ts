import { describe, expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { inParallel } from "../bench/in-parallel.ts";
import { rest } from "../control-plane/control-plane.ts";
import { credentialEntries, type Scene } from "../integration/operator/scene.ts";
import { expectUnharmed, LIMIT_MS, SCALE } from "./attack.ts";
import { ImageOperator } from "./image-operator.ts";
import {
  fixturesWithApps,
  type Neighbour,
  openWithNeighbour,
  PRODUCTION,
  prepareWithNeighbour,
  STAGING,
} from "./neighbour.ts";

/** The most of certificates of one namespace that may wait for their Secrets. */
const MOST_PARKED = 3;
const MEMORY_LIMIT_MIB = 256;

async function putCredentials(neighbour: Neighbour, victim: Scene): Promise<void> {
  await neighbour.putSecret("atlas-api", credentialEntries(victim.credentials("owner-service-account")));
}

/** An object of over a megabyte, half of it labels and half of it the record of who wrote them. */
function largeLabels(): Readonly<Record<string, string>> {
  return Object.fromEntries(Array.from({ length: 4200 }, (_, index) => [`a${index}`.padEnd(60, "x"), "y".repeat(63)]));
}

test("a quota has room for three Secrets of a neighbour, which applies 20 resources", async () => {
  const count = 20 * SCALE;
  const { victim, neighbour, operator } = await openWithNeighbour({ simulator: { fixtures: fixturesWithApps(count) } });
  await putCredentials(neighbour, victim);
  // One of them holds the credentials.
  const hard = { "count/secrets": "4" };
  await neighbour.create("/api/v1", "resourcequotas", { metadata: { name: "secrets" }, spec: { hard } });
  const path = `/api/v1/namespaces/${neighbour.namespace}/resourcequotas/secrets`;
  // What a controller does elsewhere.
  const status = { hard, used: { "count/secrets": "1" } };
  await rest("PATCH", `${path}/status`, { status }, "application/merge-patch+json");
  await neighbour.apply(count, { credentialsRef: { name: "atlas-api" } });
  await neighbour.untilReady("True Issued", 3);
  await expectUnharmed(victim, operator);
  // Whatever else is issued comes within seconds.
  await systemClock.sleep(3000);
  expect(victim.creates - 2).toBeLessThanOrEqual(3 + MOST_PARKED);
});

/** Atlas takes so long that a Secret which is planted once the create is under way is there before its answer. */
const CREATE_MS = 2000;

/** Plants a Secret in the place of each certificate whose create is under way, until stopped. Gives the users it hit. */
function plantUnderWay(neighbour: Neighbour, victim: Scene) {
  const hit = new Set<string>();
  const stop = new AbortController();
  const underWay = () =>
    victim.atlas.log
      .entries("createDatabaseUserCertificate")
      .filter(({ projectId, status }) => projectId === STAGING && status === undefined)
      .map(({ username = "" }) => username);
  const ended = (async () => {
    while (!stop.signal.aborted) {
      const chosen = underWay().filter((username) => !hit.has(username));
      await Promise.all(chosen.map((username) => neighbour.putSecret(`${username}-mongodb`, { password: "x" })));
      const still = underWay();
      for (const username of chosen) if (still.includes(username)) hit.add(username);
      await systemClock.sleep(20);
    }
  })();
  onTestFinished(() => stop.abort());
  const end = () => {
    stop.abort();
    return ended;
  };
  return { hit, end };
}

test("a neighbour puts Secrets of its own in the place of 40 that are being issued, and the leader is replaced", async () => {
  const count = 40 * SCALE;
  const { victim, neighbour, operator } = await openWithNeighbour({ simulator: { fixtures: fixturesWithApps(count) } });
  victim.atlas.faults.add({
    operation: "createDatabaseUserCertificate",
    projectId: STAGING,
    times: "always",
    effect: { kind: "delay", ms: CREATE_MS },
  });
  await putCredentials(neighbour, victim);
  const attack = plantUnderWay(neighbour, victim);
  await neighbour.apply(count, { projectId: STAGING, credentialsRef: { name: "atlas-api" } });
  const parked = async () => /^atlascerts_parked_certificates (\d+)$/m.exec(await operator.metrics())?.[1];
  await expect.poll(parked, { timeout: 20_000 * SCALE }).toBe(String(MOST_PARKED));
  await expectUnharmed(victim, operator);
  await neighbour.untilReady("False TooManyParked", count - MOST_PARKED);
  await attack.end();
  expect(attack.hit.size).toBe(MOST_PARKED);
  expect(victim.creates - 2).toBe(MOST_PARKED);

  await ImageOperator.start(victim, [victim.namespace, neighbour.namespace]);
  const start = performance.now();
  operator.kill("SIGTERM");
  await victim.apply("late");
  await victim.untilIssued("late");
  expect(performance.now() - start).toBeLessThan(LIMIT_MS);
});

describe("200 objects of a megabyte", () => {
  const count = 200 * SCALE;

  async function planted(create: (neighbour: Neighbour, index: number) => Promise<void>) {
    const { victim, neighbour } = await prepareWithNeighbour();
    await inParallel(count, 4, (index) => create(neighbour, index));
    const start = performance.now();
    const operator = await ImageOperator.start(victim, [victim.namespace, neighbour.namespace]);
    expect(performance.now() - start).toBeLessThan(60_000);
    await expectUnharmed(victim, operator, 10_000);
    expect(await operator.peakMiB()).toBeLessThan(MEMORY_LIMIT_MIB);
  }

  test("are Secrets that a neighbour made before the operator starts", { timeout: 180_000 * SCALE }, async () => {
    const labels = largeLabels();
    await planted((neighbour, index) =>
      neighbour.create("/api/v1", "secrets", { metadata: { name: `large-${index}`, labels } }),
    );
  });

  test("are resources that a neighbour made before the operator starts", { timeout: 180_000 * SCALE }, async () => {
    const labels = largeLabels();
    await planted((neighbour, index) =>
      neighbour.create("/apis/atlascerts.io/v1alpha1", "atlasusercertificates", {
        apiVersion: "atlascerts.io/v1alpha1",
        kind: "AtlasUserCertificate",
        metadata: { name: `large-${index}`, labels },
        spec: {
          ...{ projectId: PRODUCTION, credentialsRef: { name: "atlas-api" }, username: "app-0" },
          ...{ secretName: `large-${index}`, suspend: true },
        },
      }),
    );
  });
});

test("a neighbour asks for 60 certificates of one database user at once", async () => {
  const count = 60 * SCALE;
  const { victim, neighbour, operator } = await openWithNeighbour({
    simulator: { fixtures: fixturesWithApps(1) },
  });
  await putCredentials(neighbour, victim);
  await neighbour.apply(count, { username: "app-0", credentialsRef: { name: "atlas-api" } });
  await neighbour.untilReady("True Issued", 1);
  await expectUnharmed(victim, operator);
  await expect
    .poll(async () => (await neighbour.ready()).filter(({ ready }) => ready.startsWith("False")).length, {
      timeout: 20_000 * SCALE,
    })
    .toBe(count - 10);
  expect(victim.creates - 2).toBe(10);
});

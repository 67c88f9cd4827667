import { describe, expect, test } from "vitest";
import type { Fault } from "../../src/simulator/faults.ts";
import { credentialEntries } from "../integration/operator/scene.ts";
import { expectUnharmed, SCALE } from "./attack.ts";
import { ImageOperator } from "./image-operator.ts";
import {
  fixturesWithApps,
  openWithNeighbour,
  PRODUCTION,
  prepareNeighbour,
  prepareWithNeighbour,
  STAGING,
} from "./neighbour.ts";

const RESOURCES = 100 * SCALE;

function listFault(effect: Fault["effect"]): Fault {
  return { operation: "listDatabaseUserCertificates", projectId: STAGING, times: "always", effect };
}

async function openWithFault(effect: Fault["effect"]) {
  const opened = await openWithNeighbour({ simulator: { fixtures: fixturesWithApps(RESOURCES) } });
  const { victim, neighbour } = opened;
  victim.atlas.faults.add(listFault(effect));
  await neighbour.putSecret("atlas-api", credentialEntries(victim.credentials("owner-api-key")));
  await neighbour.apply(RESOURCES, { projectId: STAGING, credentialsRef: { name: "atlas-api" } });
  return opened;
}

describe("a resource is ready within 5 s while a project of another tenant", () => {
  test("answers 429, and that project is called no more than a few times in its pause", async () => {
    const { victim, neighbour, operator } = await openWithFault({ kind: "rateLimited", retryAfter: "9" });
    await neighbour.untilReady("False RateLimited", RESOURCES);
    await expectUnharmed(victim, operator);
    const calls = victim.atlas.log.entries("listDatabaseUserCertificates").filter((call) => call.projectId === STAGING);
    expect(calls.filter(({ status }) => status === 429).length).toBeLessThanOrEqual(8);
    // Each waits in the queue, not in a place, and they do not come back together.
    const waits = (await neighbour.ready()).map(({ nextAttemptMs }) => nextAttemptMs);
    expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(1000);
  });

  test("lists certificates without end", async () => {
    const { victim, neighbour, operator } = await openWithFault({ kind: "endlessList" });
    await neighbour.untilReady("False AtlasUnavailable", 10);
    await expectUnharmed(victim, operator);
    // Where no container limits it, the heap grows before it is collected. Without a bound it was a gibibyte.
    expect(await operator.peakMiB()).toBeLessThan(400);
  });

  test("hangs", async () => {
    const { victim, operator } = await openWithFault({ kind: "hang" });
    const isCalled = () => victim.atlas.log.entries().some(({ projectId }) => projectId === STAGING);
    await expect.poll(isCalled).toBe(true);
    await expectUnharmed(victim, operator);
  });
});

test("a resource is ready within 5 s while another namespace floods its project with the same credentials", async () => {
  const rateLimit = { capacity: 40, refill: 20, refillDurationSeconds: 60 };
  const { victim, neighbour, operator } = await openWithNeighbour({
    simulator: { fixtures: fixturesWithApps(RESOURCES), rateLimit },
  });
  await neighbour.putSecret("atlas-api", credentialEntries(victim.credentials("owner-service-account")));
  await neighbour.apply(RESOURCES, { credentialsRef: { name: "atlas-api" } });
  await neighbour.untilReady("False RateLimited", RESOURCES / 2);
  await expectUnharmed(victim, operator);
});

test("projects that tenants invent, 500 in each of four namespaces, get no metric series of their own", async () => {
  const { victim, neighbour } = await prepareWithNeighbour();
  const neighbours = [neighbour];
  while (neighbours.length < 4) neighbours.push(await prepareNeighbour(victim));
  const namespaces = neighbours.map(({ namespace }) => namespace);
  const operator = await ImageOperator.start(victim, [victim.namespace, ...namespaces]);
  const count = 5 * RESOURCES;
  for (const [number, each] of neighbours.entries()) {
    await each.putSecret("atlas-api", credentialEntries(victim.credentials("owner-service-account")));
    await each.apply(count, (index) => ({
      projectId: (number * count + index).toString(16).padStart(24, "0"),
      credentialsRef: { name: "atlas-api" },
    }));
  }
  await expectUnharmed(victim, operator);
  for (const each of neighbours) await each.untilReady("False ProjectNotFound", count);
  const series = [
    ...(await operator.metrics()).matchAll(/^atlascerts_atlas_rate_limit_tokens\{project_id="(\w+)"\}/gm),
  ];
  expect(series.map(([, projectId]) => projectId)).toEqual([PRODUCTION, "unconfirmed"]);
});

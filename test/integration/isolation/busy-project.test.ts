import { describe, expect, test } from "vitest";
import type { Fault } from "../../../src/simulator/faults.ts";
import { credentialEntries } from "../operator/scene.ts";
import { fixturesWithApps, openWithNeighbour, PRODUCTION, STAGING, timeToReady } from "./neighbour.ts";

const RESOURCES = 60;

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
    const { victim, neighbour } = await openWithFault({ kind: "rateLimited", retryAfter: "9" });
    await neighbour.untilReady("False RateLimited", RESOURCES);
    expect(await timeToReady(victim)).toBeLessThan(5000);
    const calls = victim.atlas.log.entries("listDatabaseUserCertificates").filter((call) => call.projectId === STAGING);
    expect(calls.filter(({ status }) => status === 429).length).toBeLessThanOrEqual(8);
    // Each waits in the queue, not in a place, and they do not come back together.
    const waits = (await neighbour.ready()).map(({ nextAttemptMs }) => nextAttemptMs);
    expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(1000);
  });

  test("hangs", async () => {
    const { victim } = await openWithFault({ kind: "hang" });
    const isCalled = () => victim.atlas.log.entries().some(({ projectId }) => projectId === STAGING);
    await expect.poll(isCalled).toBe(true);
    expect(await timeToReady(victim)).toBeLessThan(5000);
  });
});

test("a resource is ready within 5 s while another namespace floods its project with the same credentials", async () => {
  const rateLimit = { capacity: 40, refill: 20, refillDurationSeconds: 60 };
  const { victim, neighbour } = await openWithNeighbour({
    defaultCredentials: true,
    simulator: { fixtures: fixturesWithApps(RESOURCES), rateLimit },
  });
  await neighbour.apply(RESOURCES, {});
  await neighbour.untilReady("False RateLimited", RESOURCES / 2);
  expect(await timeToReady(victim)).toBeLessThan(5000);
});

test("projects that tenants invent get no metric series of their own", async () => {
  const { victim, neighbour } = await openWithNeighbour({ defaultCredentials: true });
  await timeToReady(victim);
  await neighbour.apply(RESOURCES, (index) => ({ projectId: index.toString(16).padStart(24, "0") }));
  await neighbour.untilReady("False ProjectNotFound", RESOURCES);
  const series = [...(await victim.metrics()).matchAll(/^atlascerts_atlas_rate_limit_tokens\{project_id="(\w+)"\}/gm)];
  expect(series.map(([, projectId]) => projectId)).toEqual([PRODUCTION, "unconfirmed"]);
});

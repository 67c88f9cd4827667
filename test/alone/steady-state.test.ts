import { expect, test } from "vitest";
import { MINUTE_MS, systemClock } from "../../src/clock.ts";
import { apiServerWrites, kubectl, writesBetween } from "../control-plane/control-plane.ts";
import { Scene } from "../integration/operator/scene.ts";

/**
 * The API server counts the writes of everybody, so nobody else may be at work meanwhile: tests in this folder run
 * when all others are over.
 */

const RESOURCES = 50;

/** The end of a namespace takes some seconds of deletions. */
async function untilNamespacesHaveEnded(): Promise<void> {
  const ending = () => kubectl("get", "namespaces", "--field-selector=status.phase=Terminating", "--output=name");
  await expect.poll(ending, { timeout: 60_000, interval: 500 }).toBe("");
}

test("writes nothing to the API server over a minute with 50 resources, and asks Atlas nothing", async () => {
  const scene = await Scene.open();
  const names = Array.from({ length: RESOURCES }, (_, index) => `app-${index}`);
  for (const name of names) await scene.apply(name);
  for (const name of names) await scene.untilIssued(name);
  await untilNamespacesHaveEnded();
  // Events go out behind the work.
  await expect.poll(async () => (await scene.events()).length, { timeout: 20_000 }).toBe(RESOURCES);

  const before = await apiServerWrites();
  const calls = scene.atlas.log.count();
  await systemClock.sleep(MINUTE_MS);
  expect(writesBetween(before, await apiServerWrites())).toEqual(new Map());
  expect(scene.atlas.log.count()).toBe(calls);
}, 150_000);

test("one certificate takes three writes and one Event", async () => {
  await untilNamespacesHaveEnded();
  const scene = await Scene.open();
  const before = await apiServerWrites();
  await scene.apply();
  await scene.untilIssued();
  await expect.poll(async () => (await scene.events()).length).toBe(1);
  expect(Object.fromEntries(writesBetween(before, await apiServerWrites()))).toEqual({
    "POST atlasusercertificates": 1,
    "POST secrets (dry run)": 1,
    "PATCH atlasusercertificates/status": 2,
    "POST secrets": 1,
    "POST events": 1,
  });
});

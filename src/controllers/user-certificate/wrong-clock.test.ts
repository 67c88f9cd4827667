import { expect, test } from "vitest";
import { atlasError } from "./testing/memory-atlas.ts";
import { DAY_MS } from "./testing/observations.ts";
import { Scene } from "./testing/scene.ts";

/** What a clock does that is wrong for a while: it must cost no certificate, and bind nobody once it is right again. */

test("a backoff that a clock a year ahead has written does not outlast the certificate", async () => {
  const scene = new Scene();
  scene.apply();
  const process = scene.start();
  await scene.settle(process);
  await scene.clock.advance(58 * DAY_MS);
  scene.clock.jumpWall(365 * DAY_MS);
  scene.atlas.listFault = () => atlasError("unavailable");
  await scene.settle(process);
  scene.atlas.listFault = () => undefined;
  scene.clock.jumpWall(-365 * DAY_MS);
  for (let day = 0; day < 5; day++) {
    await scene.settle(process);
    await scene.clock.advance(DAY_MS);
  }
  await scene.settle(process);
  expect(scene.ready()).toBe("True Issued");
  expect(scene.atlas.creates).toBe(2);
});

test("a verification that a clock months ahead has dated does not put off the next one", async () => {
  const scene = new Scene();
  scene.apply({ monthsUntilExpiration: 24 });
  const process = scene.start();
  await scene.settle(process);
  scene.clock.jumpWall(100 * DAY_MS);
  await scene.settle(process);
  scene.clock.jumpWall(-100 * DAY_MS);
  const before = scene.atlas.lists;
  await scene.settle(process);
  expect(scene.atlas.lists).toBe(before + 1);
  expect(Date.parse(scene.status().lastVerifiedTime ?? "")).toBeLessThanOrEqual(scene.clock.now());
});

import { describe, expect, test } from "vitest";
import { atlasError, MemoryAtlas } from "./testing/memory-atlas.ts";
import { DAY_MS, HOUR_MS } from "./testing/snapshots.ts";
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

describe("a clock that is wrong for two days costs no certificate that is then thrown away", () => {
  test.each([
    ["30 days ahead, late in the certificate's life", 30, 50, 1],
    ["40 days behind", -40, 50, 0],
    ["a year ahead", 365, 10, 0],
    ["70 days ahead, by which a new certificate is due at once", 70, 10, 1],
  ])("%s", async (_what, days, day, renewals) => {
    const { scene, process, atlas, turnClock } = await settled();
    await scene.clock.advance(day * DAY_MS);
    await scene.settle(process);
    turnClock(days * DAY_MS);
    for (let hour = 0; hour < 48; hour++) {
      await scene.settle(process);
      await scene.clock.advance(HOUR_MS);
    }
    expect(atlas.creates).toBe(1 + renewals);
    turnClock(-days * DAY_MS);
    await scene.settle(process);
    expect(scene.ready()).toBe("True Issued");
    expect(scene.status().serialNumber).toBe(atlas.issued.at(-1)?.serialNumber);
  });
});

test("a certificate that is made while the clock is a year ahead is kept, and told to be the clock's blocker", async () => {
  const { scene, process, atlas, turnClock } = await settled();
  turnClock(365 * DAY_MS);
  scene.apply({}, { renewRequest: "a" });
  for (let hour = 0; hour < 48; hour++) {
    await scene.settle(process);
    await scene.clock.advance(HOUR_MS);
  }
  expect(atlas.creates).toBe(2);
  expect(scene.ready()).toBe("False ClockWrong");
  turnClock(-365 * DAY_MS);
  await scene.settle(process);
  expect(scene.ready()).toBe("True Issued");
  expect(scene.status().serialNumber).toBe(atlas.issued[1]?.serialNumber);
});

/** A good certificate, and an Atlas whose clock stays right while the operator's is turned. */
async function settled() {
  const scene = new Scene();
  let offMs = 0;
  const right = { now: () => scene.clock.now() - offMs, monotonic: () => 0, sleep: () => Promise.resolve() };
  const atlas = new MemoryAtlas(right);
  scene.apply();
  const process = scene.start({ atlas });
  await scene.settle(process);
  const turnClock = (ms: number) => {
    offMs += ms;
    scene.clock.jumpWall(ms);
  };
  return { scene, process, atlas, turnClock };
}

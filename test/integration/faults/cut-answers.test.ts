import { expect, test } from "vitest";
import { DAY_MS, systemClock } from "../../../src/clock.ts";
import { MovableClock } from "../../../src/simulator/movable-clock.ts";
import { Scene } from "../operator/scene.ts";
import { expectRecovered, orphansTold } from "./outcome.ts";

const MAX_PER_DAY = 4;

test("ten answers in a row that are cut cost four certificates a day, each of which is announced as orphaned", async () => {
  const clock = new MovableClock(systemClock);
  // With the limit of unexpired certificates as shipped, the tenth orphan would be the end until a person acts.
  const policy = { maxIssuesPerDay: MAX_PER_DAY, maxUnexpiredPerUser: 20, maxBackoffMs: 200 };
  const scene = await Scene.prepare({ policy, simulator: { clock } });
  scene.atlas.faults.add({ operation: "createDatabaseUserCertificate", effect: { kind: "cutAnswer" }, times: 10 });
  await scene.apply();
  for (const day of [1, 2]) {
    await scene.startOperator({ clock });
    const spent = day * MAX_PER_DAY;
    await scene.untilReason("IssuanceBudgetSpent");
    await expect.poll(() => orphansTold(scene), { timeout: 10_000 }).toBe(spent);
    expect(scene.creates).toBe(spent);
    // It sleeps for a day, and no one can move a sleep.
    await scene.stopOperator();
    clock.advance(DAY_MS);
  }
  await scene.startOperator({ clock });
  await expectRecovered(scene, { certificates: 11, orphans: 10 });
  expect(scene.creates).toBe(11);
});

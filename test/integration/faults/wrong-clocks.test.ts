import { expect, test } from "vitest";
import { type Clock, DAY_MS, systemClock } from "../../../src/clock.ts";
import { condition, Scene } from "../operator/scene.ts";
import { expectRecovered, type Spent } from "./outcome.ts";

/** The clock of the operator's machine is off by more than the lifetime of its certificate. */

const NO_ORPHAN: Spent = { certificates: 1, orphans: 0 };

const WRONG = [
  ["ahead", 40 * DAY_MS],
  ["behind", -40 * DAY_MS],
] as const;

function clockThatIs(offMs: () => number): Clock {
  return { ...systemClock, now: () => systemClock.now() + offMs() };
}

test.each(WRONG)(
  "an operator whose clock is 40 days %s issues once, and says that its clock is wrong",
  async (_, offMs) => {
    const scene = await Scene.prepare({ policy: { verifyIntervalMs: 1000 } });
    const clock = clockThatIs(() => offMs);
    await scene.startOperator({ clock });
    await scene.apply("orders-api", { monthsUntilExpiration: 1 });
    const { status } = await expectRecovered(scene, NO_ORPHAN);
    expect(Date.parse(status.renewalTime ?? "")).toBeGreaterThan(Date.now());
    expect(Date.parse(status.renewalTime ?? "")).toBeLessThan(Date.parse(status.notAfter ?? ""));
    await expect.poll(async () => (await scene.events()).map(({ reason }) => reason)).toContain("ClockSkewed");

    // The next process does not know yet how wrong the clock is.
    await scene.stopOperator();
    await scene.startOperator({ clock });
    await untilVerifiedAgain(scene, status.lastVerifiedTime);
    expect((await expectRecovered(scene, NO_ORPHAN)).status.renewalTime).toBe(status.renewalTime);
  },
);

test.each(WRONG)("a clock that jumps 40 days %s under a running operator costs no certificate", async (_, offMs) => {
  const scene = await Scene.prepare({ policy: { verifyIntervalMs: 1000 } });
  let jumpMs = 0;
  await scene.startOperator({ clock: clockThatIs(() => jumpMs) });
  await scene.apply("orders-api", { monthsUntilExpiration: 1 });
  const { status } = await expectRecovered(scene, NO_ORPHAN);
  jumpMs = offMs;
  // Wakes it before its next list.
  await scene.patchSecret("orders-api-mongodb", { metadata: { labels: { woken: "up" } } });
  await untilVerifiedAgain(scene, status.lastVerifiedTime);
  const resource = await expectRecovered(scene, NO_ORPHAN);
  expect(condition(resource, "Ready")?.lastTransitionTime).toBe(
    status.conditions?.find(({ type }) => type === "Ready")?.lastTransitionTime,
  );
});

test.each(WRONG)("an operator whose clock is 40 days %s renews when Atlas' clock says so", async (_, offMs) => {
  // Three months of 2 s each: renewed after two thirds of 6 s.
  const scene = await Scene.prepare({ simulator: { monthMs: 2000 } });
  await scene.startOperator({ clock: clockThatIs(() => offMs) });
  await scene.apply();
  const { status: first } = await scene.untilIssued();
  const { status: second } = await scene.untilIssued("orders-api", first.serialNumber);
  expect(second.recentIssuances?.map(({ reason }) => reason)).toEqual(["SecretMissing", "NearingExpiry"]);
  expect(Date.parse(second.notBefore ?? "")).toBeGreaterThanOrEqual(Date.parse(first.renewalTime ?? ""));
  expect(Date.parse(second.notBefore ?? "")).toBeLessThan(Date.parse(first.notAfter ?? ""));
});

/** By Atlas' clock, as the status has it. */
function untilVerifiedAgain(scene: Scene, before = "") {
  return scene.until("verified again", ({ status }) => (status.lastVerifiedTime ?? "") > before);
}

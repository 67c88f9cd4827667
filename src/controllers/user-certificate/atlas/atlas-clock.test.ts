import { expect, test } from "vitest";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../../clock.ts";
import { ManualClock } from "../../../testing/manual-clock.ts";
import { NOW } from "../testing/snapshots.ts";
import { AtlasClock } from "./atlas-clock.ts";

function rig() {
  const clock = new ManualClock({ startAt: NOW + 437 });
  const atlasClock = new AtlasClock(clock);
  /** An answer of Atlas, whose clock is ahead by so much, with its Date in whole seconds. */
  const answer = (aheadMs: number) =>
    atlasClock.measure(new Date(Math.floor((clock.now() + aheadMs) / 1000) * 1000), clock.now());
  return { clock, atlasClock, answer };
}

test("Atlas' clock is taken for this machine's before Atlas has answered", () => {
  const { clock, atlasClock } = rig();
  expect([atlasClock.now(), atlasClock.skewMs]).toEqual([clock.now(), 0]);
});

test.each([
  ["40 days ahead", 40 * DAY_MS],
  ["40 days behind", -40 * DAY_MS],
  ["ten minutes ahead", 10 * MINUTE_MS],
])("Atlas' clock is followed after an answer and between answers: %s", (_what, aheadMs) => {
  const { clock, atlasClock, answer } = rig();
  answer(aheadMs);
  clock.advanceNow(5000);
  // Dates of answers are whole seconds.
  expect(Math.abs(atlasClock.now() - clock.now() - aheadMs)).toBeLessThan(1000);
  expect(atlasClock.toLocal(atlasClock.now())).toBe(clock.now());
});

test.each([[0], [900], [-1400]])("a difference of %d ms counts as the rounding of Atlas' answer", (aheadMs) => {
  const { clock, atlasClock, answer } = rig();
  answer(aheadMs);
  expect([atlasClock.now(), atlasClock.skewMs]).toEqual([clock.now(), 0]);
});

test("the skew is forgotten once Atlas' clock and this machine's agree again", () => {
  const { clock, atlasClock, answer } = rig();
  answer(DAY_MS);
  answer(0);
  expect(atlasClock.now()).toBe(clock.now());
});

test("the skew is kept if an answer of Atlas carries no Date", () => {
  const { atlasClock, answer } = rig();
  answer(DAY_MS);
  const { skewMs } = atlasClock;
  expect(atlasClock.measure(undefined, 0)).toBeUndefined();
  expect(atlasClock.skewMs).toBe(skewMs);
});

test("a skew of more than five minutes is reported when it begins, and again only after it was corrected", () => {
  const { answer } = rig();
  const reported = [4, 6, 7, -6, 0, -6].map((minutes) => answer(minutes * MINUTE_MS) !== undefined);
  expect(reported).toEqual([false, true, false, false, false, true]);
});

test("an answer that was long on its way, or read late, proves no skew", () => {
  const { clock, atlasClock } = rig();
  const askedMs = clock.now();
  clock.advanceNow(124_000);
  atlasClock.measure(new Date(askedMs + 500), askedMs);
  expect(atlasClock.skewMs).toBe(0);
  atlasClock.measure(new Date(askedMs - HOUR_MS), askedMs);
  expect(atlasClock.skewMs).toBe(-HOUR_MS);
});

test("the time is not known before an answer, and no longer once this machine's clock was set", () => {
  const { clock, atlasClock, answer } = rig();
  expect(atlasClock.isMeasured).toBe(false);
  answer(DAY_MS);
  clock.advanceNow(DAY_MS);
  expect(atlasClock.isMeasured).toBe(true);
  clock.jumpWall(MINUTE_MS);
  expect(atlasClock.isMeasured).toBe(false);
  answer(DAY_MS);
  expect(atlasClock.isMeasured).toBe(true);
});

test("an answer that was long on its way keeps the skew that a prompt one showed, as far as it can be true", () => {
  const { clock, atlasClock } = rig();
  atlasClock.measure(new Date(clock.now() + 7 * MINUTE_MS), clock.now());
  const late = (aheadMs: number) => {
    const askedMs = clock.now();
    clock.advanceNow(2 * MINUTE_MS);
    atlasClock.measure(new Date(askedMs + aheadMs), askedMs);
  };
  late(7 * MINUTE_MS);
  expect(atlasClock.skewMs).toBe(7 * MINUTE_MS);
  late(10 * MINUTE_MS);
  expect(atlasClock.skewMs).toBe(8 * MINUTE_MS);
});

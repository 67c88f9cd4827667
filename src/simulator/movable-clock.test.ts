import { expect, test } from "vitest";
import { ManualClock } from "../testing/manual-clock.ts";
import { MovableClock } from "./movable-clock.ts";

const START = Date.UTC(2026, 0, 15);

test("runs like the clock that it stands on", async () => {
  const base = new ManualClock({ startAt: START });
  const clock = new MovableClock(base);
  await base.advance(1_000);
  expect([clock.now(), clock.monotonic()]).toEqual([START + 1_000, 1_000]);
});

test("is ahead by as much as it was moved, and goes on from there", async () => {
  const base = new ManualClock({ startAt: START });
  const clock = new MovableClock(base);
  clock.advance(60_000);
  clock.advance(5_000);
  await base.advance(1_000);
  expect([clock.now(), clock.monotonic()]).toEqual([START + 66_000, 66_000]);
});

test("lasts a sleep as long as on the clock that it stands on", async () => {
  const base = new ManualClock({ startAt: START, skipUpToMs: 500 });
  const clock = new MovableClock(base);
  await clock.sleep(500);
  expect(base.sleeps).toEqual([500]);
});

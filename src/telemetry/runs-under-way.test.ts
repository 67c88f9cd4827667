import { expect, test } from "vitest";
import { ManualClock } from "../testing/manual-clock.ts";
import { RunsUnderWay } from "./runs-under-way.ts";

test("the longest run is the one that started first and goes on", () => {
  const clock = new ManualClock();
  const runs = new RunsUnderWay(clock);
  expect(runs.longestMs).toBe(0);
  runs.started("a");
  clock.advanceNow(100);
  runs.started("b");
  clock.advanceNow(10);
  expect(runs.longestMs).toBe(110);
  runs.finished("a");
  expect(runs.longestMs).toBe(10);
});

test("a certificate is held from its create to the end of its run", () => {
  const runs = new RunsUnderWay(new ManualClock());
  runs.started("a");
  runs.started("b");
  expect(runs.holdCertificate).toBe(false);
  runs.creates("a");
  runs.finished("b");
  expect(runs.holdCertificate).toBe(true);
  runs.finished("a");
  expect(runs.holdCertificate).toBe(false);
});

import { expect, test } from "vitest";
import { ManualClock } from "../testing/manual-clock.ts";
import { Pulse } from "./pulse.ts";
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

test("the pulse beats once a second, and not while the process stands still", async () => {
  const clock = new ManualClock();
  const pulse = new Pulse(clock);
  const stop = new AbortController();
  const beating = pulse.start(stop.signal);
  await clock.advance(60_500);
  expect(pulse.ageMs).toBe(500);
  clock.freeze(30_000);
  expect(pulse.ageMs).toBe(30_500);
  await clock.advance(0);
  expect(pulse.ageMs).toBe(0);
  stop.abort();
  await beating;
});

import { expect, test } from "vitest";
import { ManualClock } from "../testing/manual-clock.ts";
import { MemoryRelease } from "./memory-release.ts";

function rig() {
  const clock = new ManualClock();
  const queue = { depth: 0, atWork: 0 };
  const stop = new AbortController();
  let collections = 0;
  const release = new MemoryRelease({
    clock,
    queue,
    collect: () => {
      collections += 1;
    },
  });
  const running = release.start(stop.signal);
  const finish = (runs: number) => {
    for (let run = 0; run < runs; run += 1) release.runFinished();
  };
  return { clock, queue, stop, running, finish, collections: () => collections };
}

test("collects once when a burst of work is over, and not again at rest", async () => {
  const { clock, queue, finish, collections } = rig();
  queue.depth = 300;
  finish(250);
  await clock.advance(1_000);
  await clock.advance(1_000);
  expect(collections(), "there is work left").toBe(0);
  queue.depth = 0;
  finish(300);
  await clock.advance(1_000);
  expect(collections(), "a run has just ended").toBe(0);
  await clock.advance(1_000);
  expect(collections()).toBe(1);
  for (let second = 0; second < 10; second += 1) await clock.advance(1_000);
  expect(collections()).toBe(1);
});

test("collects once when a start over little or nothing is over", async () => {
  const { clock, queue, collections } = rig();
  queue.atWork = 1;
  for (let second = 0; second < 10; second += 1) await clock.advance(1_000);
  expect(collections(), "there is work left").toBe(0);
  queue.atWork = 0;
  for (let second = 0; second < 10; second += 1) await clock.advance(1_000);
  expect(collections()).toBe(1);
});

test("the first seconds of a start are left alone", async () => {
  const { clock, collections } = rig();
  for (let second = 0; second < 4; second += 1) await clock.advance(1_000);
  expect(collections()).toBe(0);
  await clock.advance(1_000);
  expect(collections()).toBe(1);
});

test("a run now and then is not worth a collection", async () => {
  const { clock, finish, collections } = rig();
  for (let second = 0; second < 10; second += 1) await clock.advance(1_000);
  for (let minute = 0; minute < 10; minute += 1) {
    finish(10);
    await clock.advance(1_000);
    await clock.advance(1_000);
  }
  expect(collections(), "the one after the start").toBe(1);
});

test("ends with its signal, and at once where there is no collector", async () => {
  const { clock, stop, running } = rig();
  stop.abort();
  await running;
  await new MemoryRelease({ clock, queue: { depth: 0, atWork: 0 }, collect: undefined }).start(
    new AbortController().signal,
  );
});

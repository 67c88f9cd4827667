import { expect, test } from "vitest";
import { ManualClock } from "../../testing/manual-clock.ts";
import { DelayedKeys } from "./delayed-keys.ts";
import { ReadyKeys } from "./ready-keys.ts";

test("a key whose time is replaced a thousand times is due once, at its last time", async () => {
  const clock = new ManualClock();
  const delayed = new DelayedKeys(clock);
  for (let round = 0; round < 1000; round += 1) {
    delayed.remove("a");
    delayed.add("a", "wall", clock.now() + 10_000 + round, 0);
  }
  delayed.add("b", "monotonic", 5000, 0);
  expect([delayed.size, delayed.nextMs]).toEqual([2, 5000]);
  await clock.advance(10_998);
  expect(delayed.takeDue().map(({ key }) => key)).toEqual(["b"]);
  await clock.advance(1);
  expect(delayed.takeDue().map(({ key }) => key)).toEqual(["a"]);
  expect(delayed.nextMs).toBeUndefined();
});

test("a wall clock that is set back makes due what a wrong time may have been set for, and nothing else does", async () => {
  const clock = new ManualClock();
  const delayed = new DelayedKeys(clock);
  const year = 365 * 86_400_000;
  clock.jumpWall(year);
  delayed.takeDue();
  delayed.add("renewal", "wall", clock.now() + 3_600_000, 0);
  delayed.add("backoff", "monotonic", clock.monotonic() + 3_600_000, 0);
  clock.jumpWall(-30_000);
  expect(delayed.takeDue()).toEqual([]);
  clock.jumpWall(-year);
  expect(delayed.takeDue().map(({ key }) => key)).toEqual(["renewal"]);
  await clock.advance(3_600_000);
  expect(delayed.takeDue().map(({ key }) => key)).toEqual(["backoff"]);
});

test("a key whose priority is raised a thousand times comes out once, by its last priority", () => {
  const ready = new ReadyKeys();
  for (let round = 0; round < 1000; round += 1) {
    ready.add("a", 2000 - round, round);
  }
  ready.add("b", 1000, 0);
  ready.add("c", 1500, 0);
  expect([ready.take()?.key, ready.take()?.key, ready.take()?.key, ready.take()?.key]).toEqual([
    "b",
    "a",
    "c",
    undefined,
  ]);
});

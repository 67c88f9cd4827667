import { expect, test } from "vitest";
import { Machine } from "./machine.ts";
import { inMacrotask } from "./microtasks.ts";
import { Scheduler } from "./scheduler.ts";

const forever = () => false;

test("what a timer makes ready runs before the next timer", async () => {
  const order: string[] = [];
  const scheduler = new Scheduler(0);
  scheduler.after(1, () => void Promise.resolve().then(() => order.push("made ready")));
  scheduler.after(1, () => order.push("next"));
  await inMacrotask(() => scheduler.runUntil(10, forever));
  expect(order).toEqual(["made ready", "next"]);
});

test("time jumps to the next timer", async () => {
  const scheduler = new Scheduler(0);
  const at: number[] = [];
  scheduler.after(86_400_000, () => at.push(scheduler.now));
  await inMacrotask(() => scheduler.runUntil(100_000_000, forever));
  expect(at).toEqual([86_400_000]);
  expect(scheduler.steps).toBe(1);
});

test("the time of leases stands still while they are quiet", async () => {
  const scheduler = new Scheduler(0);
  scheduler.isQuiet = () => scheduler.now < 1000;
  const renewedAt: number[] = [];
  scheduler.lease.after(10, () => renewedAt.push(scheduler.now));
  scheduler.after(1000, () => {});
  await inMacrotask(() => scheduler.runUntil(5000, forever));
  expect(renewedAt).toEqual([1010]);
});

test("a frozen machine hears what happened when it goes on, a dead one never", async () => {
  const scheduler = new Scheduler(0);
  const frozen = new Machine("frozen", scheduler, 0);
  const dead = new Machine("dead", scheduler, 0);
  const woke: string[] = [];
  for (const machine of [frozen, dead]) {
    void machine.clock.sleep(10).then(() => woke.push(`${machine.name} at ${scheduler.now}`));
  }
  frozen.freeze(100);
  dead.kill();
  await inMacrotask(() => scheduler.runUntil(1000, forever));
  expect(woke).toEqual(["frozen at 100"]);
});

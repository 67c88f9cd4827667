import { expect, test } from "vitest";
import { ManualClock } from "../../testing/manual-clock.ts";
import { settle } from "../../testing/settle.ts";
import { RequestBudget } from "./request-budget.ts";

function rig() {
  const clock = new ManualClock();
  const budget = new RequestBudget({ requestsPerSecond: 10, burst: 2, clock });
  const taken: string[] = [];
  const take = (name: string, signal = new AbortController().signal) =>
    budget.take(signal).then(
      () => taken.push(name),
      () => taken.push(`${name} gave up`),
    );
  return { clock, take, taken };
}

test("after the burst requests go at the rate, in the order in which they came", async () => {
  const r = rig();
  for (const name of ["a", "b", "c", "d"]) {
    void r.take(name);
  }
  await r.clock.advance(100);
  expect(r.taken).toEqual(["a", "b", "c"]);
  await r.clock.advance(100);
  expect(r.taken).toEqual(["a", "b", "c", "d"]);
});

test("a quiet time fills no more than the burst", async () => {
  const r = rig();
  await r.clock.advance(60_000);
  for (const name of ["a", "b", "c"]) {
    void r.take(name);
  }
  await settle();
  expect(r.taken).toEqual(["a", "b"]);
});

test("who gives up takes nothing from those who come later", async () => {
  const r = rig();
  void r.take("a");
  void r.take("b");
  const controller = new AbortController();
  void r.take("c", controller.signal);
  controller.abort();
  await settle();
  void r.take("d");
  await r.clock.advance(100);
  expect(r.taken).toEqual(["a", "b", "c gave up", "d"]);
});

import { describe, expect, test } from "vitest";
import { settle } from "../../testing/settle.ts";
import { DONE, held, queueRig } from "../testing/queue-rig.ts";
import type { Outcome } from "./work-queue.ts";

describe("keys", () => {
  test("a key that is added twice is worked on once", async () => {
    const r = queueRig(async () => DONE);
    r.queue.add("a");
    r.queue.add("a");
    void r.start();
    await settle();
    expect(r.runs).toEqual(["a"]);
  });

  test("a key that is added while it is worked on runs once more, afterwards", async () => {
    const h = held();
    const r = queueRig(h.worker, { concurrency: 4 });
    void r.start();
    r.queue.add("a");
    await settle();
    r.queue.add("a");
    r.queue.add("a");
    await settle();
    expect(h.open.length).toBe(1);
    h.take().finish(DONE);
    await settle();
    expect(r.runs).toEqual(["a", "a"]);
  });

  test("no more keys are worked on concurrently than allowed", async () => {
    const h = held();
    const r = queueRig(h.worker, { concurrency: 2 });
    void r.start();
    for (const key of ["a", "b", "c"]) {
      r.queue.add(key);
    }
    await settle();
    expect([r.queue.atWork, r.queue.depth]).toEqual([2, 1]);
  });

  test("smaller priorities go first, equals in the order in which they came", async () => {
    const r = queueRig(async () => DONE);
    r.queue.add("a", { priority: 5 });
    r.queue.add("b", { priority: 1 });
    r.queue.add("c", { priority: 5 });
    r.queue.add("d", { priority: 1 });
    void r.start();
    await settle();
    expect(r.runs).toEqual(["b", "d", "a", "c"]);
  });

  test("adding a waiting key with more urgency moves it forward", async () => {
    const r = queueRig(async () => DONE);
    r.queue.add("a", { priority: 5 });
    r.queue.add("b", { priority: 5 });
    r.queue.add("b", { priority: 1 });
    r.queue.add("b", { priority: 9 });
    void r.start();
    await settle();
    expect(r.runs).toEqual(["b", "a"]);
  });

  test("a flood of urgent keys does not starve the others", async () => {
    const r = queueRig(async (key) => {
      if (key.startsWith("urgent")) {
        r.queue.add(`urgent${r.runs.length}`, { priority: 0 });
      }
      return r.runs.length < 50 ? DONE : await new Promise<Outcome>(() => {});
    });
    r.queue.add("patient", { priority: 9 });
    r.queue.add("urgent", { priority: 0 });
    r.queue.add("urgent-too", { priority: 0 });
    void r.start();
    await settle();
    expect(r.runs.indexOf("patient")).toBe(7);
  });
});

describe("times", () => {
  test("a key that asks for another reconcile gets it at its time", async () => {
    const r = queueRig(async () => (r.runs.length === 1 ? { kind: "again", at: r.clock.now() + 5000 } : DONE));
    r.queue.add("a");
    void r.start();
    await r.clock.advance(4999);
    expect(r.runs.length).toBe(1);
    await r.clock.advance(1);
    expect(r.runs.length).toBe(2);
  });

  test("adding a key that waits for its time makes it due now, and only once", async () => {
    const r = queueRig(async () => DONE);
    r.queue.addAfter("a", r.clock.now() + 5000);
    void r.start();
    r.queue.add("a");
    await settle();
    expect(r.runs).toEqual(["a"]);
    await r.clock.advance(10_000);
    expect(r.runs).toEqual(["a"]);
  });

  const orders: [string, readonly [number, number]][] = [
    ["the earlier comes first", [2000, 5000]],
    ["the earlier comes last", [5000, 2000]],
  ];
  test.each(orders)("of two times for a key the earlier counts, when %s", async (_name, times) => {
    const r = queueRig(async () => DONE);
    for (const time of times) {
      r.queue.addAfter("a", r.clock.now() + time);
    }
    void r.start();
    await r.clock.advance(2000);
    expect([r.runs, r.queue.delayed]).toEqual([["a"], 0]);
  });

  test("the time that a run asks for replaces the time from before it", async () => {
    const r = queueRig(async () => ({ kind: "again", at: r.clock.now() + 60_000 }));
    r.queue.addAfter("a", r.clock.now() + 5000);
    void r.start();
    r.queue.add("a");
    await r.clock.advance(59_999);
    expect(r.runs.length).toBe(1);
  });

  test("a time that was added during the run stays if it is earlier", async () => {
    const h = held();
    const r = queueRig(h.worker);
    void r.start();
    r.queue.add("a");
    await settle();
    r.queue.addAfter("a", r.clock.now() + 1000);
    h.take().finish({ kind: "again", at: r.clock.now() + 60_000 });
    await r.clock.advance(1000);
    expect(r.runs.length).toBe(2);
  });

  test("a time in the past is now", async () => {
    const r = queueRig(async () => DONE);
    void r.start();
    r.queue.addAfter("a", r.clock.now() - 5000);
    await settle();
    expect(r.runs).toEqual(["a"]);
  });

  test("a wall clock that jumps forward, or a machine that slept, makes keys due within a minute", async () => {
    const r = queueRig(async () => DONE);
    void r.start();
    r.queue.addAfter("a", r.clock.now() + 24 * 3_600_000);
    await settle();
    r.clock.jumpWall(48 * 3_600_000);
    await r.clock.advance(60_000);
    expect(r.runs).toEqual(["a"]);
  });

  test("a wall clock that jumps back does not stretch a backoff", async () => {
    const r = queueRig(async () => Promise.reject(new Error("no")));
    void r.start();
    r.queue.add("a");
    await settle();
    r.clock.jumpWall(-3_600_000);
    await r.clock.advance(500);
    expect(r.runs.length).toBe(2);
  });
});

test("a queue that is cleared has forgotten what waited and what failed, and goes on", async () => {
  let fails = true;
  const r = queueRig(async () => {
    if (fails) throw new Error("no");
    return DONE;
  });
  r.queue.add("failed");
  void r.start();
  await settle();
  r.queue.addAfter("later", r.clock.now() + 500);
  r.queue.add("now");
  r.queue.clear();
  expect([r.queue.depth, r.queue.delayed, r.queue.oldestWaitMs]).toEqual([0, 0, 0]);
  await r.clock.advance(10_000);
  expect(r.runs).toEqual(["failed"]);
  fails = false;
  r.queue.add("now");
  await settle();
  expect(r.runs).toEqual(["failed", "now"]);
});

test("waiting and working times are told", async () => {
  const told: string[] = [];
  const h = held();
  const r = queueRig(h.worker, {
    observer: {
      started: (key, waitedMs) => told.push(`${key} waited ${waitedMs}`),
      finished: (key, workedMs, result) => told.push(`${key} worked ${workedMs} ${result}`),
    },
  });
  r.queue.add("a");
  await r.clock.advance(300);
  expect(r.queue.oldestWaitMs).toBe(300);
  void r.start();
  await r.clock.advance(200);
  h.take().finish({ kind: "again", at: r.clock.now() + 1 });
  await settle();
  expect(told).toEqual(["a waited 300", "a worked 200 again"]);
});

test("the most urgent change during a run decides when its key comes next", async () => {
  const h = held();
  const r = queueRig(h.worker);
  r.queue.add("a");
  void r.start();
  await settle();
  r.queue.add("a", { priority: 1 });
  r.queue.add("a", { priority: 9 });
  r.queue.add("b", { priority: 5 });
  h.take().finish(DONE);
  await settle();
  expect(r.runs).toEqual(["a", "a"]);
});

test("keys whose time comes at once go by their priorities", async () => {
  const r = queueRig(async () => DONE);
  void r.start();
  r.queue.addAfter("a", r.clock.now() + 1000, { priority: 5 });
  r.queue.addAfter("b", r.clock.now() + 1000, { priority: 1 });
  await r.clock.advance(1000);
  expect(r.runs).toEqual(["b", "a"]);
});

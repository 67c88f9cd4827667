import { describe, expect, test } from "vitest";
import { DeadlineReached } from "../../deadline.ts";
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

describe("failures", () => {
  test("a failed key waits longer each time, up to the limit", async () => {
    const r = queueRig(async () => Promise.reject(new Error("no")), { backoff: { firstMs: 1000, maxMs: 4000 } });
    const at: number[] = [];
    const unwatched = r.runs.push.bind(r.runs);
    r.runs.push = (...keys) => {
      at.push(r.clock.monotonic());
      return unwatched(...keys);
    };
    r.queue.add("a");
    void r.start();
    await r.clock.advance(8000);
    expect(at).toEqual([0, 500, 1500, 3500, 5500, 7500]);
  });

  test("success forgets the failures", async () => {
    const r = queueRig(async () => (r.runs.length === 3 ? DONE : Promise.reject(new Error("no"))));
    r.queue.add("a");
    void r.start();
    await r.clock.advance(1500);
    r.queue.add("a");
    await settle();
    expect(r.runs.length).toBe(4);
    await r.clock.advance(500);
    expect(r.runs.length).toBe(5);
  });

  test("a failing key that changes itself comes back after the first backoff, not at once", async () => {
    const r = queueRig(async (key) => {
      r.queue.add(key);
      throw new Error("no");
    });
    r.queue.add("a");
    void r.start();
    await r.clock.advance(5000);
    expect(r.runs.length).toBe(11);
  });

  test("a poison key does not keep the others waiting", async () => {
    const r = queueRig(async (key) => (key === "poison" ? Promise.reject(new Error("no")) : DONE));
    r.queue.add("poison");
    void r.start();
    for (const key of ["a", "b", "c"]) {
      r.queue.add(key);
    }
    await settle();
    expect(r.runs).toEqual(["poison", "a", "b", "c"]);
  });

  test("a worker that throws before it returns a promise is a failure like any other", async () => {
    const r = queueRig(() => {
      throw new Error("no");
    });
    r.queue.add("a");
    void r.start();
    await settle();
    expect([r.runs, r.queue.delayed]).toEqual([["a"], 1]);
  });

  test("a run beyond its time limit has its signal aborted and is a failure", async () => {
    const results: string[] = [];
    const reasons: unknown[] = [];
    const r = queueRig(
      (_key, signal) =>
        new Promise((_resolve, reject) =>
          signal.addEventListener("abort", () => {
            reasons.push(signal.reason);
            reject(signal.reason);
          }),
        ),
      {
        itemTimeoutMs: 1000,
        observer: { finished: (key, workedMs, result) => results.push(`${key} ${workedMs} ${result}`) },
      },
    );
    r.queue.add("a");
    void r.start();
    await r.clock.advance(1000);
    expect(results).toEqual(["a 1000 timedOut"]);
    // Not what a shutdown gives: a worker may tell the two apart.
    expect(reasons).toEqual([expect.any(DeadlineReached)]);
  });

  test("a run that ignores its signal loses its place but keeps its key", async () => {
    const h = held();
    const r = queueRig(h.worker, { itemTimeoutMs: 1000 });
    void r.start();
    r.queue.add("hangs");
    r.queue.add("b");
    await r.clock.advance(11_000);
    r.queue.add("hangs");
    await settle();
    expect([r.runs, r.queue.stuck]).toEqual([["hangs", "b"], 1]);
  });
});

describe("ending", () => {
  test("an abort aborts the workers, takes no more keys, and run resolves when they have finished", async () => {
    const h = held();
    const r = queueRig(h.worker);
    let ended = false;
    const running = r.start().then(() => {
      ended = true;
    });
    r.queue.add("a");
    r.queue.add("b");
    await settle();
    r.stop.abort();
    await settle();
    const [only] = h.open;
    expect([only?.signal.aborted, ended]).toEqual([true, false]);
    h.take().finish(DONE);
    await running;
    expect(r.runs).toEqual(["a"]);
  });

  test("an abort before the start resolves at once", async () => {
    const r = queueRig(async () => DONE);
    r.stop.abort();
    await r.start();
    expect(r.runs).toEqual([]);
  });

  test("after an abort another run goes on beside what is still at work, whose key it leaves alone until then", async () => {
    const h = held();
    const r = queueRig(h.worker, { concurrency: 2 });
    const first = r.start();
    r.queue.add("open");
    await settle();
    r.stop.abort();
    const again = new AbortController();
    const second = r.start(again.signal);
    // The second run has to wait for the work that the first one began.
    await first;
    r.queue.add("open");
    r.queue.add("other");
    await settle();
    expect(r.runs).toEqual(["open", "other"]);
    h.take().finish({ kind: "again", at: r.clock.now() + 5_000 });
    await settle();
    expect(r.runs).toEqual(["open", "other", "open"]);
    again.abort();
    h.take().finish(DONE);
    h.take().finish(DONE);
    await second;
  });

  test("a run right after an abort sees to the times of its keys", async () => {
    const r = queueRig(async () => DONE);
    void r.start();
    await settle();
    r.stop.abort();
    void r.start(new AbortController().signal);
    await settle();
    r.queue.addAfter("later", r.clock.now() + 500);
    await r.clock.advance(500);
    expect(r.runs).toEqual(["later"]);
  });

  test("a run after an abort resolves once all have ended, those of the run before it too", async () => {
    const h = held();
    const r = queueRig(h.worker);
    void r.start();
    r.queue.add("open");
    await settle();
    r.stop.abort();
    const again = new AbortController();
    let ended = false;
    const second = r.start(again.signal).then(() => {
      ended = true;
    });
    again.abort();
    await settle();
    expect(ended).toBe(false);
    h.take().finish(DONE);
    await second;
  });

  test("a second run is refused", async () => {
    const r = queueRig(async () => DONE);
    void r.start();
    await expect(r.start()).rejects.toThrow(/runs already/);
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

test("a run that ends after the abort leaves no key behind that no one takes", async () => {
  const h = held();
  const r = queueRig(h.worker, { concurrency: 3 });
  const running = r.start();
  for (const key of ["again", "failed", "changed"]) r.queue.add(key);
  await settle();
  r.queue.add("changed");
  r.stop.abort();
  h.take().finish({ kind: "again", at: r.clock.now() });
  h.take().fail(new Error("no"));
  h.take().finish(DONE);
  await running;
  expect([r.queue.depth, r.queue.delayed]).toEqual([0, 0]);
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

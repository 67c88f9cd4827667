import { describe, expect, test } from "vitest";
import { DeadlineReached } from "../../deadline.ts";
import { settle } from "../../testing/settle.ts";
import { DONE, held, queueRig } from "../testing/queue-rig.ts";

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

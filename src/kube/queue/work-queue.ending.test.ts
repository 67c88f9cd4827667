import { describe, expect, test } from "vitest";
import { settle } from "../../testing/settle.ts";
import { DONE, held, queueRig } from "../testing/queue-rig.ts";

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

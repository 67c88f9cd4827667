import { describe, expect, test } from "vitest";
import { Deadline, DeadlineReached, untilAborted, withDeadline } from "./deadline.ts";
import { ManualClock } from "./testing/manual-clock.ts";

/** Work that lasts until its signal aborts. */
const endless = (signal: AbortSignal) =>
  new Promise<never>((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));

describe("withDeadline", () => {
  test("ends the work when its time is up", async () => {
    const clock = new ManualClock();
    const work = withDeadline({ clock, ms: 5_000, signal: undefined }, endless);
    clock.advanceNow(5_000);
    await expect(work).rejects.toThrow(DeadlineReached);
  });

  test("ends the work with the caller's reason when the caller leaves", async () => {
    const leave = new AbortController();
    const work = withDeadline({ clock: new ManualClock(), ms: 5_000, signal: leave.signal }, endless);
    leave.abort(new Error("gone"));
    await expect(work).rejects.toThrow("gone");
  });

  test("leaves no timer behind", async () => {
    const clock = new ManualClock();
    let ended: AbortSignal | undefined;
    await withDeadline({ clock, ms: 5_000, signal: undefined }, async (signal) => {
      ended = signal;
    });
    expect(clock.sleeping).toBe(0);
    clock.advanceNow(10_000);
    expect(ended?.aborted).toBe(false);
  });
});

describe("Deadline", () => {
  test("tells the end of its time from the caller's leaving", async () => {
    const clock = new ManualClock();
    const leave = new AbortController();
    const [late, left] = [new Deadline(clock, 5, undefined), new Deadline(clock, 50, leave.signal)];
    await clock.advance(5);
    leave.abort();
    expect([late.expired, late.signal.aborted]).toEqual([true, true]);
    expect([left.expired, left.signal.aborted]).toEqual([false, true]);
    late.clear();
    left.clear();
  });

  test("starts no timer for a caller that has left", () => {
    const clock = new ManualClock();
    const deadline = new Deadline(clock, 5, AbortSignal.abort(new Error("gone")));
    expect(deadline.signal.reason).toEqual(new Error("gone"));
    expect(clock.sleeping).toBe(0);
  });

  test("still ends with its caller when its timer is stopped", async () => {
    const clock = new ManualClock();
    const leave = new AbortController();
    const deadline = new Deadline(clock, 5, leave.signal);
    deadline.stopTimer();
    await clock.advance(10);
    expect(deadline.signal.aborted).toBe(false);
    leave.abort();
    expect(deadline.signal.aborted).toBe(true);
    deadline.clear();
  });

  test("no longer listens to its caller once it is cleared", () => {
    const leave = new AbortController();
    const deadline = new Deadline(new ManualClock(), 5, leave.signal);
    deadline.clear();
    leave.abort();
    expect(deadline.signal.aborted).toBe(false);
  });
});

describe("untilAborted", () => {
  test("gives the result when it comes first", async () => {
    await expect(untilAborted(Promise.resolve(1), new AbortController().signal)).resolves.toBe(1);
  });

  test("stops waiting when the signal aborts", async () => {
    const leave = new AbortController();
    const waiting = untilAborted(new Promise<never>(() => undefined), leave.signal);
    leave.abort(new Error("gone"));
    await expect(waiting).rejects.toThrow("gone");
  });

  test("handles a failure that no one waits for any more", async () => {
    const failing = Promise.reject(new Error("late"));
    await expect(untilAborted(failing, AbortSignal.abort(new Error("gone")))).rejects.toThrow("gone");
  });
});

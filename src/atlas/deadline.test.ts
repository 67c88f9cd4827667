import { describe, expect, test } from "vitest";
import { DeadlineReached, untilAborted, withDeadline } from "./deadline.ts";
import { ManualClock } from "./testing/manual-clock.ts";

/** Work that lasts until its signal aborts. */
const endless = (signal: AbortSignal) =>
  new Promise<never>((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));

describe("withDeadline", () => {
  test("ends the work when its time is up", async () => {
    const clock = new ManualClock();
    const work = withDeadline({ clock, ms: 5_000, signal: undefined }, endless);
    clock.advance(5_000);
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
    clock.advance(10_000);
    expect(ended?.aborted).toBe(false);
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

  test("takes care of a failure that nobody waits for any more", async () => {
    const failing = Promise.reject(new Error("late"));
    await expect(untilAborted(failing, AbortSignal.abort(new Error("gone")))).rejects.toThrow("gone");
  });
});

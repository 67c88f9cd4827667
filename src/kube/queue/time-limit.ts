import type { Clock } from "../../clock.ts";
import { CLEARED, Deadline } from "../../deadline.ts";

/** How long a worker may go on after its signal has aborted, before its place goes to another key. */
const GRACE_MS = 10_000;

/** Limits the time of one run of a worker. */
export interface TimeLimit {
  /** Aborts with the signal of all runs, and when the time is over. */
  readonly signal: AbortSignal;
  readonly timedOut: () => boolean;
  readonly stop: () => void;
}

/** @param onStuck called if the worker ignores its signal for so long that its place goes to another key */
export function startLimit(
  clock: Clock,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
  onStuck: () => void,
): TimeLimit {
  const deadline = new Deadline(clock, timeoutMs, signal);
  const stop = new AbortController();
  clock.sleep(timeoutMs + GRACE_MS, stop.signal).then(onStuck, () => {});
  return {
    signal: deadline.signal,
    timedOut: () => deadline.expired,
    stop: () => {
      stop.abort(CLEARED);
      deadline.clear();
    },
  };
}

import { ManualClock } from "../../testing/manual-clock.ts";
import { silentLog } from "../log.ts";
import { type Outcome, type Worker, WorkQueue, type WorkQueueOptions } from "../queue/work-queue.ts";

export const DONE: Outcome = { kind: "done" };

export function queueRig(
  worker: Worker,
  options: { concurrency?: number; itemTimeoutMs?: number } & Partial<WorkQueueOptions> = {},
) {
  const clock = new ManualClock();
  const { concurrency = 1, itemTimeoutMs = 60_000, ...queueOptions } = options;
  const queue = new WorkQueue({ clock, random: () => 0, log: silentLog, ...queueOptions });
  const stop = new AbortController();
  const runs: string[] = [];
  const start = (signal = stop.signal) =>
    queue.run(
      (key, signal) => {
        runs.push(key);
        return worker(key, signal);
      },
      { concurrency, itemTimeoutMs, signal },
    );
  return { clock, queue, runs, stop, start };
}

/** A worker whose runs end when the test says so. */
export function held() {
  const open: { key: string; signal: AbortSignal; finish: (outcome: Outcome) => void; fail: (error: Error) => void }[] =
    [];
  const worker: Worker = (key, signal) =>
    new Promise((resolve, reject) => open.push({ key, signal, finish: resolve, fail: reject }));
  const take = () => {
    const next = open.shift();
    if (next === undefined) {
      throw new Error("nothing runs");
    }
    return next;
  };
  return { worker, open, take };
}

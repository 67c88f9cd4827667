import type { Report } from "../control-plane/progress.ts";

/**
 * Does `work` for every number from 0 up to `count`, by this many callers at one time.
 *
 * @throws what the first `work` that fails throws, once the others are through with what they had begun
 */
export async function inParallel(
  count: number,
  callers: number,
  work: (index: number) => Promise<unknown>,
  report: Report = () => {},
): Promise<void> {
  let next = 0;
  let done = 0;
  let failed = false;
  const caller = async () => {
    while (next < count && !failed) {
      try {
        await work(next++);
        report(`${++done} of ${count}`);
      } catch (error: unknown) {
        failed = true;
        throw error;
      }
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: callers }, caller));
  const failure = ended.find((one) => one.status === "rejected");
  if (failure !== undefined) throw failure.reason;
}

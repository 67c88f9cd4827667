import { expect, onTestFinished, test, vi } from "vitest";
import type { TestModule, Vitest } from "vitest/node";
import { IsolationTableReporter } from "./isolation-table.ts";

/** Lets modules of a project run for these times, one after the other. Gives what the run then is. */
function run(project: string, ...minutes: readonly number[]) {
  vi.useFakeTimers();
  const { exitCode } = process;
  const written = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  onTestFinished(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
    process.exitCode = exitCode;
  });
  const cancelCurrentRun = vi.fn(async () => {});
  const reporter = new IsolationTableReporter();
  // The parts that it uses.
  reporter.onInit({ cancelCurrentRun } as unknown as Vitest);
  const module = { project: { name: project } } as TestModule;
  for (const each of minutes) {
    reporter.onTestModuleStart(module);
    vi.advanceTimersByTime(each * 60_000 + 1);
    reporter.onTestModuleEnd(module);
    // Modules of other projects have their turn.
    vi.advanceTimersByTime(60 * 60_000);
  }
  const result = {
    cancelled: cancelCurrentRun.mock.calls.length,
    exitCode: process.exitCode,
    words: written.mock.calls,
  };
  reporter.onTestRunEnd([]);
  return result;
}

test("attacks that take longer than six minutes are cancelled, and the run fails with a clear word", () => {
  expect(run("isolation", 6)).toMatchObject({ cancelled: 1, exitCode: 1 });
  expect(run("isolation", 2, 3, 1)).toMatchObject({ cancelled: 1, exitCode: 1 });
  expect(run("isolation", 6).words.flat().join("")).toContain("take longer than 6 minutes");
});

test("neither attacks that end in time nor other tests are cancelled", () => {
  expect(run("isolation", 2, 3, 0.9).cancelled).toBe(0);
  expect(run("integration", 60).cancelled).toBe(0);
});

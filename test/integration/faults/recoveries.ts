import { type RunnerTestCase, TestRunner } from "vitest";

/** How a resource came out of a fault, for the table at the end of the run. */
export interface Recovery {
  /** Number of certificates that Atlas was asked for. */
  readonly creates: number;
  readonly orphansTold: number;
  /** From the end of the fault until Ready, in milliseconds. */
  readonly readyMs: number;
}

declare module "vitest" {
  interface TaskMeta {
    recoveries?: readonly Recovery[];
  }
}

/** Puts it into the table, in the row of the running test. */
export function noteRecovery(recovery: Recovery): void {
  const test = TestRunner.getCurrentTest<RunnerTestCase | undefined>();
  if (test !== undefined) test.meta.recoveries = [...(test.meta.recoveries ?? []), recovery];
}

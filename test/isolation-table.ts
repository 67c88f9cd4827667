import type { Reporter, TestModule } from "vitest/node";
import { columns } from "./fault-table.ts";
import type { AttackResult } from "./isolation/attack.ts";

const HEADINGS = ["attack", "Ready after", "renewed after", "creates", "peak memory", "requests to Atlas"] as const;

/** Ends a run of attacks with what each cost its victim. */
export class IsolationTableReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules.flatMap(({ children }) => [...children.allTests()]);
    const rows = tests.flatMap((test) => {
      const { attack } = test.meta();
      return attack === undefined ? [] : [[test.fullName, ...cellsOf(attack)] as const];
    });
    if (rows.length === 0) return;
    process.stdout.write(`\n${columns([HEADINGS, ...rows])}\n`);
  }
}

function cellsOf({ readyMs, renewalMs, creates, peakMiB, requests }: AttackResult): readonly string[] {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  return [seconds(readyMs), seconds(renewalMs), String(creates), `${Math.round(peakMiB)} MiB`, String(requests)];
}

// biome-ignore lint/style/noDefaultExport: Vitest takes a reporter that is named by its path from the default export.
export default IsolationTableReporter;

import type { Reporter, TestModule } from "vitest/node";
import type { Recovery } from "./integration/faults/recoveries.ts";

/** A test of a fault, as far as the table goes. */
interface FaultTest {
  readonly name: string;
  result(): { readonly state: string; readonly errors?: readonly unknown[] | undefined };
  diagnostic(): { readonly repeatCount: number } | undefined;
  meta(): { readonly recoveries?: readonly Recovery[] };
}

interface FaultModule {
  readonly children: { allTests(): Iterable<FaultTest> };
}

const HEADINGS = ["runs", "creates", "orphans told", "Ready after", "violations"];

/**
 * What each fault cost: the most of all its runs, and how many of its checks failed. Empty if no test noted a recovery.
 */
export function faultTable(modules: Iterable<FaultModule>): string {
  const rows = [...modules].flatMap(({ children }) => rowsOf([...children.allTests()]));
  if (rows.length === 0) return "";
  return `\n${columns([["fault", ...HEADINGS], ...rows])}\n`;
}

/** Rows as lines: the first column to the left, the others to the right. */
export function columns(table: readonly (readonly [name: string, ...cells: string[]])[]): string {
  const widths = (table[0] ?? []).map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  const lines = table.map(([name, ...cells]) =>
    [name.padEnd(widths[0] ?? 0), ...cells.map((cell, index) => cell.padStart(widths[index + 1] ?? 0))].join("  "),
  );
  return lines.join("\n");
}

/** A test that failed may have done so before it noted anything. */
function rowsOf(tests: readonly FaultTest[]) {
  const hasRecovery = (test: FaultTest) => test.meta().recoveries !== undefined;
  if (!tests.some(hasRecovery)) return [];
  return tests.filter((test) => hasRecovery(test) || test.result().state === "failed").map(rowOf);
}

function rowOf(test: FaultTest): readonly [name: string, ...cells: string[]] {
  const recoveries = test.meta().recoveries ?? [];
  const most = (of: (recovery: Recovery) => number) => Math.max(0, ...recoveries.map(of));
  const { errors = [], state } = test.result();
  return [
    test.name,
    String((test.diagnostic()?.repeatCount ?? 0) + 1),
    recoveries.length === 0 ? "-" : String(most(({ creates }) => creates)),
    recoveries.length === 0 ? "-" : String(most(({ orphansTold }) => orphansTold)),
    recoveries.length === 0 ? "-" : `${(most(({ readyMs }) => readyMs) / 1000).toFixed(1)} s`,
    String(Math.max(errors.length, state === "failed" ? 1 : 0)),
  ];
}

/** Ends a run of fault tests with their table. */
export class FaultTableReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    process.stdout.write(faultTable(modules));
  }
}

// biome-ignore lint/style/noDefaultExport: Vitest takes a reporter that is named by its path from the default export.
export default FaultTableReporter;

import { appendFileSync } from "node:fs";
import type { Reporter, SerializedError, TestModule } from "vitest/node";

/** A test that belongs to a module, as far as counting goes. */
type CountedModule = {
  readonly children: { allTests(): Iterable<{ result(): { readonly state: string } }> };
  state(): string;
};

/**
 * The closing line of a run: `12 passed, 0 failed`, and `, 3 skipped` where some were.
 *
 * A file that fails without a failed test (it doesn't load, a hook throws) counts as one failure, as does an error
 * outside any test; a test that the run never finished counts as failed.
 */
export function closingLine(modules: Iterable<CountedModule>, errorsOutsideTests: number): string {
  let passed = 0;
  let failed = errorsOutsideTests;
  let skipped = 0;
  for (const module of modules) {
    let failedHere = 0;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === "passed") passed++;
      else if (state === "skipped") skipped++;
      else failedHere++;
    }
    if (failedHere === 0 && module.state() === "failed") failedHere = 1;
    failed += failedHere;
  }
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

/**
 * Ends a run with its closing line. Where the environment variable CLOSING_LINE_FILE names a file the line goes there
 * instead, behind those of earlier runs, for a caller that has more to print before it.
 */
export class ClosingLineReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const line = `${closingLine(modules, errors.length)}\n`;
    const file = process.env.CLOSING_LINE_FILE;
    if (file) appendFileSync(file, line);
    else process.stdout.write(line);
  }
}

// biome-ignore lint/style/noDefaultExport: Vitest takes a reporter that is named by its path from the default export.
export default ClosingLineReporter;

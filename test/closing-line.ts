import { appendFileSync } from "node:fs";
import { relative } from "node:path";
import type { Reporter, SerializedError, TestModule } from "vitest/node";

/** A test that belongs to a module, as far as counting goes. */
type CountedModule = {
  readonly moduleId: string;
  readonly children: {
    allTests(): Iterable<{ readonly fullName: string; result(): { readonly state: string } }>;
  };
  state(): string;
};

/**
 * The end of a run: `failed: <file> > <test>` for each test that failed, so that the end of a long log names it, and
 * last the count: `12 passed, 0 failed`, and `, 3 skipped` where some were.
 *
 * A file that fails without a failed test (it doesn't load, a hook throws) counts as one failure, as does an error
 * outside any test; a test that the run never finished counts as failed.
 */
export function closingLines(modules: Iterable<CountedModule>, errorsOutsideTests: number): string[] {
  let passed = 0;
  let skipped = 0;
  const failures = Array.from({ length: errorsOutsideTests }, () => "failed: an error outside of the tests");
  for (const module of modules) {
    const file = relative(process.cwd(), module.moduleId);
    const failuresHere: string[] = [];
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === "passed") passed++;
      else if (state === "skipped") skipped++;
      else failuresHere.push(`failed: ${file} > ${test.fullName}`);
    }
    if (failuresHere.length === 0 && module.state() === "failed")
      failuresHere.push(`failed: ${file}, outside of its tests`);
    failures.push(...failuresHere);
  }
  const count = `${passed} passed, ${failures.length} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
  return [...failures, count];
}

/**
 * Ends a run with its closing lines. Where the environment variable CLOSING_LINE_FILE names a file they go there
 * instead, behind those of earlier runs, for a caller that has more to print before them.
 */
export class ClosingLineReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const lines = `${closingLines(modules, errors.length).join("\n")}\n`;
    const file = process.env.CLOSING_LINE_FILE;
    if (file) appendFileSync(file, lines);
    else process.stdout.write(lines);
  }
}

// biome-ignore lint/style/noDefaultExport: Vitest takes a reporter that is named by its path from the default export.
export default ClosingLineReporter;

import type { Reporter, TestCase } from "vitest/node";
import { formatElapsed } from "./control-plane/progress.ts";

/** A test that takes longer than this is named, and again after each further while. */
const EVERY_MS = 10_000;

/** Names a test that is taking long, for logs: in a terminal Vitest shows it already. */
class RunningLine implements Reporter {
  #timer: NodeJS.Timeout | undefined;

  onTestCaseReady({ fullName }: TestCase): void {
    clearInterval(this.#timer);
    if (process.stdout.isTTY) return;
    const startedMs = performance.now();
    this.#timer = setInterval(() => {
      process.stdout.write(`   … ${fullName} (${formatElapsed(performance.now() - startedMs)} so far)\n`);
    }, EVERY_MS).unref();
  }

  onTestCaseResult(): void {
    clearInterval(this.#timer);
  }
}

// biome-ignore lint/style/noDefaultExport: Vitest takes a reporter that is named by its path from the default export.
export default RunningLine;

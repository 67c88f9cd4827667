import { relative } from "node:path";
import type { ReportedHookContext, Reporter, TestCase } from "vitest/node";
import { formatElapsed } from "./control-plane/progress.ts";

/** A test or a hook that takes longer than this is named, and again after each further while. */
const EVERY_MS = 10_000;

/** Names a test that is taking long, for logs: in a terminal Vitest shows it already. */
class RunningLine implements Reporter {
  #timer: NodeJS.Timeout | undefined;

  onTestCaseReady({ fullName }: TestCase): void {
    this.#watch(fullName);
  }

  onTestCaseResult(): void {
    clearInterval(this.#timer);
  }

  onHookStart({ name, entity }: ReportedHookContext): void {
    // Those of a test belong to it.
    if (entity.type === "test") return;
    this.#watch(`${name} of ${entity.type === "module" ? relative(process.cwd(), entity.moduleId) : entity.fullName}`);
  }

  onHookEnd({ entity }: ReportedHookContext): void {
    if (entity.type !== "test") clearInterval(this.#timer);
  }

  #watch(name: string): void {
    clearInterval(this.#timer);
    if (process.stdout.isTTY) return;
    const startedMs = performance.now();
    this.#timer = setInterval(() => {
      process.stdout.write(`   … ${name} (${formatElapsed(performance.now() - startedMs)} so far)\n`);
    }, EVERY_MS).unref();
  }
}

// biome-ignore lint/style/noDefaultExport: Vitest takes a reporter that is named by its path from the default export.
export default RunningLine;

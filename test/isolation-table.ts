import type { Reporter, TestModule, Vitest } from "vitest/node";
import { columns } from "./fault-table.ts";
import type { AttackResult } from "./isolation/attack.ts";

const HEADINGS = ["attack", "Ready after", "renewed after", "creates", "peak memory", "requests to Atlas"] as const;

/** The most that the attacks may take together, in milliseconds. */
const LIMIT_MS = 6 * 60_000 * Number(process.env.ISOLATION_SCALE ?? 1);

/** Ends a run of attacks with what each cost its victim, and one that takes too long as a failure. */
export class IsolationTableReporter implements Reporter {
  #vitest: Vitest | undefined;
  #timer: NodeJS.Timeout | undefined;
  #startedAt = 0;
  /** What is left to the attacks: tests of other projects run in between. */
  #leftMs = LIMIT_MS;

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
  }

  onTestModuleStart({ project }: TestModule): void {
    if (project.name !== "isolation") return;
    this.#startedAt = Date.now();
    this.#timer = setTimeout(() => this.#stop(), this.#leftMs).unref();
  }

  onTestModuleEnd({ project }: TestModule): void {
    if (project.name !== "isolation") return;
    clearTimeout(this.#timer);
    this.#leftMs -= Date.now() - this.#startedAt;
  }

  #stop(): void {
    process.stderr.write(`\nFAILED: the attacks of the isolation run take longer than ${LIMIT_MS / 60_000} minutes.\n`);
    process.exitCode = 1;
    void this.#vitest?.cancelCurrentRun("keyboard-input");
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    clearTimeout(this.#timer);
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

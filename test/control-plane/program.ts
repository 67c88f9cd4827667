import { type ChildProcess, spawn } from "node:child_process";
import { open, readFile } from "node:fs/promises";
import type { Clock } from "../../src/clock.ts";
import type { CrashGuard } from "./crash-guard.ts";

const READY_POLL_MS = 50;
const READY_LIMIT_MS = 60_000;
/** Characters of the log that go into an error. */
const LOG_TAIL = 4_000;

export interface ProgramOptions {
  readonly name: string;
  /** The executable. */
  readonly file: string;
  readonly args: readonly string[];
  /** Gets everything the program prints; appended to at every start. */
  readonly logFile: string;
  readonly guard: CrashGuard;
  readonly clock: Clock;
  /** True once the program serves. An error means "not yet". */
  readonly isReady: () => Promise<boolean>;
}

/** A program ended, or didn't get ready in time, at its start. The message ends with the last lines of its log. */
export class ProgramStartError extends Error {
  override readonly name = "ProgramStartError";
}

/** One program of the control plane, which can be ended, frozen and started again in any order. */
export class Program {
  readonly #options: ProgramOptions;
  #child: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();

  constructor(options: ProgramOptions) {
    this.#options = options;
  }

  /** undefined while it doesn't run. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Starts it with the same arguments every time, so on the same port and data, and waits until it is ready. */
  async start(): Promise<void> {
    if (this.#child !== undefined) throw new Error(`${this.#options.name} runs already`);
    const { name, file, args, logFile, guard, clock, isReady } = this.#options;
    // A file, not a pipe: a program must not block because nobody reads what it prints.
    const log = await open(logFile, "a");
    const child = spawn(file, args, {
      // Ctrl-C in a terminal is for the one who runs this; the guard sees to the programs.
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
    });
    this.#child = child;
    let failure: Error | undefined;
    this.#exited = new Promise((resolve) => {
      const settle = () => {
        if (child.pid !== undefined) guard.forget(child.pid);
        this.#child = undefined;
        resolve();
      };
      child.once("exit", settle);
      child.once("error", (error) => {
        failure = error;
        settle();
      });
    });
    if (child.pid !== undefined) guard.watch(child.pid);
    child.unref();
    await log.close();
    const deadlineMs = clock.monotonic() + READY_LIMIT_MS;
    while (!(await isReady().catch(() => false))) {
      if (this.#child === undefined) {
        const tail = (await readFile(logFile, "utf8")).slice(-LOG_TAIL);
        throw new ProgramStartError(`${name} ended at its start:\n${tail}`, { cause: failure });
      }
      if (clock.monotonic() > deadlineMs) {
        await this.kill("SIGKILL");
        const tail = (await readFile(logFile, "utf8")).slice(-LOG_TAIL);
        throw new ProgramStartError(`${name} was not ready within ${READY_LIMIT_MS / 1_000} s:\n${tail}`);
      }
      await clock.sleep(READY_POLL_MS);
    }
  }

  /** Resolves when it is gone; at once if it doesn't run. SIGTERM lets it close its connections first, which takes etcd 10 s. */
  async kill(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    // Whoever waits for its end must not end first.
    this.#child?.ref();
    this.#child?.kill(signal);
    await this.#exited;
  }

  /** SIGSTOP: the process keeps its connections and answers nothing. */
  pause(): void {
    this.#child?.kill("SIGSTOP");
  }

  /** Ends a pause. */
  resume(): void {
    this.#child?.kill("SIGCONT");
  }

  /** SIGKILL if it runs, then start. */
  async restart(): Promise<void> {
    await this.kill("SIGKILL");
    await this.start();
  }
}

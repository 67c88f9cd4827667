import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** How a program of ./programs is started. */
export interface ProgramCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly folder: string;
}

/**
 * An app with a driver. It prints `ready` once its driver is loaded; then it answers each line with one: `ping` with `pong`
 * or `failed: …`, `parse URI` with what its driver reads in the URI, as JSON. Its client is made at the first ping.
 */
export class DriverProgram implements AsyncDisposable {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  #noise = "";

  private constructor(child: ChildProcessWithoutNullStreams) {
    this.#process = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    child.stderr.on("data", (chunk) => (this.#noise = (this.#noise + chunk).slice(-4000)));
    child.stdin.on("error", () => {
      // It has ended: the next answer is missing, and says so.
    });
  }

  static async start(
    { command, args, folder }: ProgramCommand,
    env: Readonly<Record<string, string>>,
  ): Promise<DriverProgram> {
    const { PATH = "", HOME = "" } = process.env;
    const program = new DriverProgram(spawn(command, args, { cwd: folder, env: { PATH, HOME, ...env } }));
    const first = await program.#line();
    if (first !== "ready") throw new Error(`${command} printed ${first} instead of ready`);
    return program;
  }

  async ask(line: string): Promise<string> {
    this.#process.stdin.write(`${line}\n`);
    return this.#line();
  }

  async #line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error(`${this.#process.spawnfile} has ended: ${this.#noise}`);
    return value;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
  }
}

import { spawn } from "node:child_process";

export interface CommandOptions {
  /** @default process.env */
  readonly env?: NodeJS.ProcessEnv;
  /** Its standard input. @default nothing */
  readonly input?: string;
  /** @default the working directory */
  readonly cwd?: string;
}

/** A command ended with another code than 0. The message holds its output. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  /** undefined where it was ended by a signal. */
  readonly code: number | undefined;
  /** Its standard error. */
  readonly stderr: string;

  constructor(command: string, code: number | undefined, output: { readonly stdout: string; readonly stderr: string }) {
    super(`${command} ended with ${code ?? "a signal"}: ${`${output.stderr}${output.stdout}`.trim().slice(-4_000)}`);
    this.code = code;
    this.stderr = output.stderr;
  }
}

/** Runs a command and gives what it prints. @throws CommandError */
export async function runCommand(command: readonly string[], options: CommandOptions = {}): Promise<string> {
  const [file = "", ...args] = command;
  const { env = process.env, input = "", cwd } = options;
  const child = spawn(file, args, { env, ...(cwd === undefined ? {} : { cwd }) });
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (chunk: string) => {
      output[name] += chunk;
    });
  }
  // It may end before it has read everything; what matters then is what it says.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject).once("close", resolve);
  });
  if (code !== 0) throw new CommandError(command.join(" "), code ?? undefined, output);
  return output.stdout;
}

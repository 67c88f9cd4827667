import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { onTestFinished } from "vitest";

const ROOT = path.join(import.meta.dirname, "../..");

export interface CommandResult {
  /** null where a signal ended it. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The product as a process of its own. */
export interface RunningCommand {
  /** Of its standard output, so far. */
  readonly stdout: () => string;
  readonly ended: Promise<CommandResult>;
  readonly kill: (signal: NodeJS.Signals) => void;
}

/**
 * Starts `atlas-cert-operator` with these arguments, with an empty home directory and no environment but what is given.
 * It does not outlive the test.
 */
export async function startCommand(
  argv: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<RunningCommand> {
  const home = await mkdtemp(path.join(tmpdir(), "command-home-"));
  const child = spawn(path.join(ROOT, "node_modules/.bin/node"), ["src/main.ts", ...argv], {
    cwd: ROOT,
    env: { HOME: home, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      output[name] += text;
    });
  }
  const ended = new Promise<CommandResult>((resolve, reject) => {
    child.once("error", reject).once("close", (exitCode) => resolve({ exitCode, ...output }));
  });
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
    await rm(home, { recursive: true });
  });
  return { stdout: () => output.stdout, ended, kill: (signal) => child.kill(signal) };
}

/** Runs it to its end. */
export async function runCommandLine(
  argv: readonly string[],
  environment?: Readonly<Record<string, string>>,
): Promise<CommandResult> {
  return (await startCommand(argv, environment)).ended;
}

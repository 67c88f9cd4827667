import { UnwritableCacheError } from "../control-plane/cache-folder.ts";
import { NoProgramsError } from "../control-plane/program-source.ts";
import { NoMountNamespaceError } from "./pod.ts";
import { NoProcFileSystemError } from "./process-usage.ts";

/** A flag that can't be used; the message says what it takes. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** A whole number from 1, or what counts without the flag. @throws UsageError */
export function wholeNumber(flag: string, text: string | undefined, standard: number): number {
  if (text === undefined) return standard;
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new UsageError(`${flag} takes a whole number from 1, not ${text}`);
  return Number(text);
}

/** @throws UsageError where a value is beyond what the scene is made for */
export function atMost(what: string, value: number, most: number): void {
  if (value > most) throw new UsageError(`${what}: at most ${most}, or Atlas' rate limit is what is measured`);
}

/** Runs a program of this folder and sets the exit code: the one that `main` gives, 2 for a flag that can't be used. */
export async function runProgram(main: (argv: readonly string[]) => Promise<number>): Promise<void> {
  // What runs here are processes that nobody waits for: without a timer this one would end before its work.
  const alive = setInterval(() => {}, 60_000);
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error: unknown) {
    process.stderr.write(
      `${isForPeople(error) ? error.message : error instanceof Error ? error.stack : String(error)}\n`,
    );
    process.exitCode = isUsage(error) ? 2 : 1;
  } finally {
    clearInterval(alive);
  }
}

/** What a person has to mend on this machine reads better without a stack. */
function isForPeople(error: unknown): error is Error {
  return (
    isUsage(error) ||
    error instanceof NoProcFileSystemError ||
    error instanceof NoMountNamespaceError ||
    error instanceof NoProgramsError ||
    error instanceof UnwritableCacheError
  );
}

function isUsage(error: unknown): error is Error {
  if (error instanceof UsageError) return true;
  return error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS_");
}

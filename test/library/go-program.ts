import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { startCrashGuard } from "../control-plane/crash-guard.ts";
import { askGo, compileGo } from "../control-plane/go-compile.ts";
import { goProblem } from "../control-plane/go-toolchain.ts";

/** A program that was built for a test. It is removed with its folder. */
export interface GoProgram extends AsyncDisposable {
  readonly file: string;
}

/**
 * Builds the Go program in the folder of this name beside this file. Go's own caches make every build after the first
 * one quick.
 *
 * @throws Error that says what to install, or the compiler's output
 */
export async function buildGoProgram(name: string): Promise<GoProgram> {
  const moduleFolder = path.join(import.meta.dirname, name);
  const needed = /^go (\S+)$/m.exec(await readFile(path.join(moduleFolder, "go.mod"), "utf8"))?.[1] ?? "";
  const problem = await goProblem(needed, () => askGo(process.env));
  if (problem !== undefined) throw new Error(`The Go program ${name} can't be built, because ${problem}.`);
  const guard = startCrashGuard(await mkdtemp(path.join(tmpdir(), `${name}-`)));
  const file = path.join(guard.folder, name);
  const failure = await compileGo({
    program: name,
    moduleFolder,
    packagePath: ".",
    outputFile: file,
    guard,
    environment: process.env,
  });
  if (failure !== undefined) {
    await guard.close();
    throw new Error(failure);
  }
  return { file, [Symbol.asyncDispose]: () => guard.close() };
}

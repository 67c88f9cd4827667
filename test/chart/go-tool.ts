import { access, constants, mkdir, mkdtemp, readFile, rename } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import { type Clock, systemClock } from "../../src/clock.ts";
import { withLock } from "../control-plane/build-lock.ts";
import { cacheFolder, ensureWritable } from "../control-plane/cache-folder.ts";
import { platformName } from "../control-plane/cached-programs.ts";
import { startCrashGuard } from "../control-plane/crash-guard.ts";
import { askGo, compileGo } from "../control-plane/go-compile.ts";
import { goProblem } from "../control-plane/go-toolchain.ts";
import type { Progress } from "../control-plane/progress.ts";

/** A program that comes as a Go module and is built when it is missing. */
export interface GoTool {
  /** The name of the program. */
  readonly name: string;
  /** The folder with the go.mod that pins it. */
  readonly moduleFolder: string;
  /** Its main package. */
  readonly packagePath: string;
  /** The module that the version is of. */
  readonly modulePath: string;
  /** The package variable that holds the version in the official builds. */
  readonly versionVariable?: string;
  /** About how long the first build takes on two cores. */
  readonly about: string;
}

export interface GoToolOptions {
  readonly progress: Progress;
  /** @default systemClock */
  readonly clock?: Clock;
  /** @default process.env */
  readonly environment?: NodeJS.ProcessEnv;
}

/** A program is neither there nor can it be built. The message says why and what to do. */
export class NoToolError extends Error {
  override readonly name = "NoToolError";
}

/**
 * The path of the tool at its pinned version: from the cache folder, else built from its Go module into it.
 *
 * @throws NoToolError; UnwritableCacheError when it could not be kept
 */
export async function goTool(tool: GoTool, options: GoToolOptions): Promise<string> {
  const { progress, clock = systemClock, environment = process.env } = options;
  const pinned = await readPins(tool);
  const cache = cacheFolder(environment, homedir());
  const folder = `${tool.name}-${pinned.version}-${platformName(process.platform, process.arch)}`;
  const file = path.join(cache, "built", folder, tool.name);
  if (await isProgram(file)) return file;
  const problem = await goProblem(pinned.go, () => askGo(environment));
  if (problem !== undefined) throw new NoToolError(`No ${tool.name} to run, and it can't be built: ${problem}`);
  await ensureWritable(cache);
  const whileWaiting = (wait: () => Promise<void>) =>
    progress.step(`waiting for another process that builds ${tool.name}`, wait);
  await withLock(path.join(cache, `build-${tool.name}.lock`), { clock, whileWaiting }, async () => {
    // The process that held the lock before may have built it.
    if (await isProgram(file)) return;
    await mkdir(path.dirname(file), { recursive: true });
    const guard = startCrashGuard(await mkdtemp(path.join(cache, ".building-")));
    try {
      const outputFile = path.join(guard.folder, tool.name);
      const { name: program, moduleFolder, packagePath, versionVariable } = tool;
      const linkerFlags = versionVariable === undefined ? [] : [`-X ${versionVariable}=${pinned.version}`];
      const failure = await progress.step(
        `building ${program} ${pinned.version} from source (first time only, about ${tool.about})`,
        (report) =>
          compileGo({ program, moduleFolder, packagePath, linkerFlags, outputFile, guard, environment, report }),
      );
      if (failure !== undefined) throw new NoToolError(`No ${program} to run: ${failure}`);
      await rename(outputFile, file);
    } finally {
      await guard.close();
    }
  });
  return file;
}

async function readPins({ moduleFolder, modulePath }: GoTool): Promise<{ version: string; go: string }> {
  const goMod = await readFile(path.join(moduleFolder, "go.mod"), "utf8");
  const modulePattern = modulePath.replaceAll(".", "\\.");
  const version = new RegExp(`^\\s*(?:require\\s+)?${modulePattern}\\s+(v\\S+)`, "m").exec(goMod)?.[1];
  const go = /^go\s+(\d\S*)/m.exec(goMod)?.[1];
  if (version === undefined || go === undefined) throw new Error(`${moduleFolder}/go.mod names no ${modulePath}`);
  return { version, go };
}

async function isProgram(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

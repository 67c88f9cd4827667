import { type ChildProcess, execFile, spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import type { CrashGuard } from "./crash-guard.ts";
import type { Report } from "./progress.ts";

const execute = promisify(execFile);

/** Lines of the compiler's output that go into the reason. */
const OUTPUT_LINES = 12;
/** What `go build -v` prints for each package that it compiles: its path alone. */
const PACKAGE = /^[\w.~-]+(?:\/[\w.~-]+)*$/;

export interface CompileOptions {
  /** The program's name, for messages. */
  readonly program: string;
  /** The folder of the Go module that pins it. */
  readonly moduleFolder: string;
  /** Its main package. */
  readonly packagePath: string;
  /** What the linker is told beside leaving debug information out, such as `-X package.name=value`. */
  readonly linkerFlags?: readonly string[];
  readonly outputFile: string;
  /** Sees to it that the compiler doesn't outlive this process. */
  readonly guard: CrashGuard;
  /** Where `go` is found and what it is told. */
  readonly environment: NodeJS.ProcessEnv;
  /** Is told how many packages are compiled. */
  readonly report?: Report;
}

/** Builds one program of a pinned Go module. Gives the reason when it fails, undefined when the file is there. */
export async function compileGo(options: CompileOptions): Promise<string | undefined> {
  const { program, moduleFolder, packagePath, linkerFlags = [], outputFile, guard, environment, report } = options;
  const go = spawn(
    "go",
    [
      "build",
      "-v",
      // Stand against what GOFLAGS may say on this machine.
      "-mod=readonly",
      "-buildvcs=false",
      "-trimpath",
      "-ldflags",
      ["-s", "-w", ...linkerFlags].join(" "),
      "-o",
      outputFile,
      packagePath,
    ],
    { cwd: moduleFolder, detached: true, stdio: ["ignore", "ignore", "pipe"], env: { ...environment, GOWORK: "off" } },
  );
  if (go.pid !== undefined) guard.watch(go.pid);
  const { code, output } = await finish(go, report);
  if (go.pid !== undefined) guard.forget(go.pid);
  if (code === 0) return undefined;
  return `go build of ${program} failed:\n${output.trim().split("\n").slice(-OUTPUT_LINES).join("\n")}`;
}

/**
 * The lines of `go env GOVERSION GOTOOLCHAIN`, asked outside any module, so that Go says what is installed and doesn't
 * fetch what go.mod asks for.
 */
export async function askGo(env: NodeJS.ProcessEnv): Promise<string> {
  return (await execute("go", ["env", "GOVERSION", "GOTOOLCHAIN"], { cwd: tmpdir(), timeout: 30_000, env })).stdout;
}

async function finish(
  child: ChildProcess,
  report: Report = () => {},
): Promise<{ code: number | null; output: string }> {
  let output = "";
  let packages = 0;
  if (child.stderr !== null) {
    createInterface({ input: child.stderr }).on("line", (line) => {
      if (PACKAGE.test(line)) report(`${++packages} packages compiled`);
      else output = `${output}${line}\n`.slice(-64 * 1024);
    });
  }
  return new Promise((resolve) => {
    child.once("error", (error) => resolve({ code: null, output: error.message }));
    child.once("close", (code) => resolve({ code, output }));
  });
}

import { execFile } from "node:child_process";
import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { z } from "zod";
import { startCrashGuard } from "../control-plane/crash-guard.ts";
import { askGo, compileGo } from "../control-plane/go-compile.ts";
import { goProblem } from "../control-plane/go-toolchain.ts";

const execute = promisify(execFile);
const MODULE = path.join(import.meta.dirname, "atlas-go");

const outcome = z.object({
  created: z.string(),
  listed: z.array(z.string()),
  subject: z.string(),
  customerX509: z.tuple([z.boolean(), z.boolean()]),
  unknownUser: z.string(),
  badMonths: z.string(),
});

const users = z.object({
  x509Types: z.array(z.string()),
  listed: z.boolean(),
  selfManaged: z.string(),
  customerX509: z.string(),
  anew: z.number(),
  deleted: z.string(),
});

/** What MongoDB's Go code got from an Atlas; see atlas-go/main.go. */
const report = z.object({ legacy: outcome, current: outcome, users });
export type AtlasGoReport = z.infer<typeof report>;

export interface AtlasGoOptions {
  readonly baseUrl: string;
  readonly projectId: string;
  readonly username: string;
  readonly kind: "digest" | "oauth";
  readonly login: string;
  readonly secret: string;
}

export interface AtlasGo extends AsyncDisposable {
  /** @throws Error with what the program says went wrong */
  run(options: AtlasGoOptions): Promise<AtlasGoReport>;
}

/** Builds the program of atlas-go/. Go's own caches make every build after the first one quick. */
export async function buildAtlasGo(): Promise<AtlasGo> {
  const needed = /^go (\S+)$/m.exec(await readFile(path.join(MODULE, "go.mod"), "utf8"))?.[1] ?? "";
  const problem = await goProblem(needed, () => askGo(process.env));
  if (problem !== undefined) {
    throw new Error(`The simulator can't be tried with MongoDB's own Go code, because ${problem}.`);
  }
  const guard = startCrashGuard(await mkdtemp(path.join(tmpdir(), "atlas-go-")));
  const program = path.join(guard.folder, "atlas-go");
  const failure = await compileGo({
    program: "atlas-go",
    moduleFolder: MODULE,
    packagePath: ".",
    outputFile: program,
    guard,
    environment: process.env,
  });
  if (failure !== undefined) {
    await guard.close();
    throw new Error(failure);
  }
  return {
    run: async ({ baseUrl, projectId, username, kind, login, secret }) => {
      const { stdout } = await execute(program, [baseUrl, projectId, username, kind, login, secret], {
        timeout: 60_000,
        // No proxy of this machine is to stand between the two.
        env: {},
      });
      return report.parse(JSON.parse(stdout));
    },
    [Symbol.asyncDispose]: () => guard.close(),
  };
}

import { spawn } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { applyEdit } from "../edit.ts";
import { MUTANTS, type Mutant } from "./mutants.ts";

/** What the tests made of a mutant. `broken`: no test failed, but they did not run through either. */
type Verdict = "killed" | "survived" | "hung" | "broken";

const ROOT = join(import.meta.dirname, "..", "..");
const COPY = join(ROOT, "dist", "mutants");
/** All of it; what is not done by then has not been proven. */
const MAX_MS = 20 * 60_000;
/** A mutant that makes the tests run for ever is noticed as well. */
const MAX_MS_EACH = 60_000;

/** Runs tests of the copy, in processes that end with it. */
function runTests(tests: readonly string[], limitMs = MAX_MS_EACH): Promise<Verdict> {
  const report = join(COPY, "report.json");
  rmSync(report, { force: true });
  const vitest = join(ROOT, "node_modules", "vitest", "vitest.mjs");
  const files = tests.map((test) => join(COPY, "src", test));
  const run = [vitest, "run", "--root", COPY, "--bail=1", "--testTimeout=20000"];
  const argv = [...run, "--reporter=json", "--outputFile", report];
  const child = spawn(process.execPath, [...argv, ...files], { stdio: "ignore", detached: true });
  const kill = () => {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  };
  return new Promise((resolve, reject) => {
    let isHung = false;
    const timer = setTimeout(() => {
      isHung = true;
      kill();
    }, limitMs);
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, kill);
    child.on("error", reject);
    child.on("close", (code) => {
      clearTimeout(timer);
      for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, kill);
      if (isHung) resolve("hung");
      else if (code === 0) resolve("survived");
      else resolve(hasFailedTest(report) ? "killed" : "broken");
    });
  });
}

function hasFailedTest(report: string): boolean {
  try {
    return JSON.parse(readFileSync(report, "utf8")).numFailedTests > 0;
  } catch {
    return false;
  }
}

/** Tries the mutants whose file or reason holds the text. @returns the exit code: 0 where the tests noticed each */
async function main(text: string, out: { write(line: string): unknown }): Promise<number> {
  const startedAt = performance.now();
  const chosen = MUTANTS.filter(({ file, why }) => `${file} ${why}`.includes(text));
  const unproven: string[] = [];
  rmSync(COPY, { recursive: true, force: true });
  mkdirSync(COPY, { recursive: true });
  try {
    for (const part of ["src", "package.json"]) cpSync(join(ROOT, part), join(COPY, part), { recursive: true });
    const verdict = await runTests([...new Set(chosen.flatMap(({ tests }) => tests))], MAX_MS);
    // Tests that fail anyway would notice everything.
    if (verdict !== "survived") throw new Error(`the tests of the product as it is: ${verdict}`);
    for (const [index, mutant] of chosen.entries()) {
      if (performance.now() - startedAt > MAX_MS) {
        unproven.push(`${chosen.length - index} were not tried in ${MAX_MS / 60_000} minutes`);
        break;
      }
      const verdict = await tryOut(mutant);
      out.write(`${String(index + 1).padStart(3)} of ${chosen.length}  ${verdict.padEnd(8)}  ${mutant.why}\n`);
      if (verdict !== "killed" && verdict !== "hung") unproven.push(`${verdict}: ${mutant.file}: ${mutant.why}`);
    }
  } finally {
    rmSync(COPY, { recursive: true, force: true });
  }
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
  out.write(`\n${chosen.length} mutants, ${unproven.length} not noticed, ${seconds} s\n`);
  for (const line of unproven) out.write(`${line}\n`);
  return chosen.length > 0 && unproven.length === 0 ? 0 : 1;
}

async function tryOut(mutant: Mutant): Promise<Verdict | string> {
  const restore = (() => {
    try {
      return applyEdit(join(COPY, "src"), mutant);
    } catch (error: unknown) {
      return error instanceof Error ? error.message : String(error);
    }
  })();
  if (typeof restore === "string") return restore;
  try {
    return await runTests(mutant.tests);
  } finally {
    restore();
  }
}

if (import.meta.main) process.exitCode = await main(process.argv[2] ?? "", process.stdout);

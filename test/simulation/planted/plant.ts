import { spawn } from "node:child_process";
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { applyEdit } from "../../edit.ts";
import { PLANTED_BUGS, type PlantedBug } from "./bugs.ts";

/** How the search for a planted bug ended. */
export interface Hunt {
  readonly bug: PlantedBug;
  /** Seeds that it took; undefined where it was not found. */
  readonly seeds: number | undefined;
  readonly output: string;
}

const ROOT = join(import.meta.dirname, "..", "..", "..");
const MOST_SEEDS = 200;

/**
 * Plants a bug in a copy of the product, and lets the simulation look for it there. A seed in which the product as it is
 * breaks the same rule proves nothing, and the hunt goes on behind it.
 */
export async function hunt(bug: PlantedBug): Promise<Hunt> {
  const copy = join(ROOT, "dist", "planted", bug.name.replaceAll(/[^a-z]+/gi, "-"));
  rmSync(copy, { recursive: true, force: true });
  mkdirSync(copy, { recursive: true });
  try {
    for (const part of ["src", "test/simulation", "package.json"]) {
      cpSync(join(ROOT, part), join(copy, part), { recursive: true });
    }
    for (const edit of bug.edits) applyEdit(join(copy, "src"), edit);
    let output = "";
    for (let from = 1; from <= MOST_SEEDS; ) {
      output = await simulate(copy, bug, { from, seeds: MOST_SEEDS + 1 - from });
      const found = seedOf(output);
      if (found === undefined) break;
      const isOwn = seedOf(await simulate(ROOT, bug, { from: found, seeds: 1 })) === undefined;
      if (isOwn) return { bug, seeds: found, output };
      from = found + 1;
    }
    return { bug, seeds: undefined, output };
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

function seedOf(output: string): number | undefined {
  const [, found] = /^found in seed (\d+)/m.exec(output) ?? [];
  return found === undefined ? undefined : Number(found);
}

function simulate(
  root: string,
  { features, breaks }: PlantedBug,
  { from, seeds }: { readonly from: number; readonly seeds: number },
): Promise<string> {
  const chosen = features.length === 0 ? "none" : features.join(",");
  const script = join(root, "test", "simulation", "simulate.ts");
  const which = ["--from", String(from), "--seeds", String(seeds), "--features", chosen];
  const argv = [script, ...which, "--until", breaks.join(","), "--stories", "0"];
  const child = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "pipe"] });
  const chunks: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => chunks.push(text));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", () => resolve(chunks.join("")));
  });
}

/** Hunts them all, or those whose names hold the text. @returns the exit code: 0 where each was found */
export async function main(text: string, out: { write(line: string): unknown }): Promise<number> {
  let missed = 0;
  for (const bug of PLANTED_BUGS.filter(({ name }) => name.includes(text))) {
    const startedAt = performance.now();
    const { seeds, output } = await hunt(bug);
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
    if (seeds === undefined) missed += 1;
    out.write(
      seeds === undefined
        ? `MISSED   ${bug.name}\n${output}\n`
        : `seed ${String(seeds).padStart(3)}  ${bug.name} (${seconds} s)\n`,
    );
  }
  return missed === 0 ? 0 : 1;
}

if (import.meta.main) process.exitCode = await main(process.argv[2] ?? "", process.stdout);

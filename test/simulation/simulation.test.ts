import { spawn } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { PLANTED_BUGS } from "./planted/bugs.ts";
import { hunt } from "./planted/plant.ts";

/** Runs the command in a process of its own: there the product gets its simulated surroundings. */
function simulate(...argv: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "simulate.ts"), ...argv], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    output += text;
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", () => resolve(output));
  });
}

test("200 seeds of 48 hours violate no invariant, and every decision and reason occurs in them", async () => {
  // Atlas' rate limit turns a resource away in the last of them, and in none of the first 200.
  const { violations, missing } = JSON.parse(await simulate("--from", "2", "--seeds", "200", "--json"));
  expect({ violations, missing }).toEqual({ violations: {}, missing: [] });
});

test("a seed gives the same run again, call by call", async () => {
  const runs = await Promise.all([1, 2].map(() => simulate("--from", "500", "--seeds", "5", "--json")));
  const fingerprints = runs.map((run): unknown => JSON.parse(run).fingerprint);
  expect(fingerprints[0]).toMatch(/^[0-9a-f]{40}$/);
  expect(fingerprints[1]).toBe(fingerprints[0]);
});

describe("finds the planted bug", () => {
  test.each(PLANTED_BUGS.filter(({ isSmoke }) => isSmoke))("$name", async (bug) => {
    const { seeds, output } = await hunt(bug);
    expect(seeds, output).toBeDefined();
  });
});

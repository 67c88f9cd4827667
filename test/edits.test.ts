import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { MUTANTS } from "./mutants/mutants.ts";
import { PLANTED_BUGS } from "./simulation/planted/bugs.ts";

test("each mutant and each planted bug still finds the text that it changes, exactly once", () => {
  const edits = [...MUTANTS, ...PLANTED_BUGS.flatMap((bug) => bug.edits)];
  const lost = edits.filter(({ file, search }) => {
    const text = readFileSync(join(import.meta.dirname, "..", "src", file), "utf8");
    return text.split(search).length !== 2;
  });
  expect(lost.map(({ file, search }) => `${file}: ${search}`)).toEqual([]);
});

test("each mutant names tests that are there", () => {
  const named = new Set(MUTANTS.flatMap(({ tests }) => tests));
  expect([...named].filter((file) => !existsSync(join(import.meta.dirname, "..", "src", file)))).toEqual([]);
});

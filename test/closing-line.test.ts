import { resolve } from "node:path";
import { expect, it } from "vitest";
import { closingLines } from "./closing-line.ts";

function module(states: readonly string[], state = states.includes("failed") ? "failed" : "passed") {
  const tests = states.map((its, index) => ({ fullName: `test ${index + 1}`, result: () => ({ state: its }) }));
  return { moduleId: resolve("a.test.ts"), state: () => state, children: { allTests: () => tests } };
}

it.each([
  ["all passed", [module(["passed", "passed"]), module(["passed"])], 0, "3 passed, 0 failed"],
  ["some failed", [module(["passed", "failed"])], 0, "1 passed, 1 failed"],
  ["some were skipped", [module(["passed", "skipped"])], 0, "1 passed, 0 failed, 1 skipped"],
  ["a file didn't load", [module(["passed"]), module([], "failed")], 0, "1 passed, 1 failed"],
  ["a hook failed where every test passed", [module(["passed"], "failed")], 0, "1 passed, 1 failed"],
  ["an error happened outside the tests", [module(["passed"])], 2, "1 passed, 2 failed"],
  ["the run was interrupted", [module(["passed", "pending"])], 0, "1 passed, 1 failed"],
  ["there was no test at all", [], 0, "0 passed, 0 failed"],
])("says so when %s", (_what, modules, errors, line) => {
  expect(closingLines(modules, errors).at(-1)).toBe(line);
});

it("names what failed", () => {
  const modules = [module(["passed", "failed"]), module([], "failed")];
  expect(closingLines(modules, 1)).toEqual([
    "failed: an error outside of the tests",
    "failed: a.test.ts > test 2",
    "failed: a.test.ts, outside of its tests",
    "1 passed, 3 failed",
  ]);
});

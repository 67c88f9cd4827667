import { expect, it } from "vitest";
import { closingLine } from "./closing-line.ts";

function module(states: readonly string[], state = states.includes("failed") ? "failed" : "passed") {
  const tests = states.map((its) => ({ result: () => ({ state: its }) }));
  return { state: () => state, children: { allTests: () => tests } };
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
  expect(closingLine(modules, errors)).toBe(line);
});

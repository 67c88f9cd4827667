import { expect, it } from "vitest";
import { faultTable } from "./fault-table.ts";
import type { Recovery } from "./integration/faults/recoveries.ts";

function test(name: string, recoveries: readonly Recovery[] | undefined, errors: readonly unknown[] = []) {
  return {
    name,
    result: () => ({ state: errors.length === 0 ? "passed" : "failed", errors }),
    diagnostic: () => ({ repeatCount: 1 }),
    meta: () => (recoveries === undefined ? {} : { recoveries }),
  };
}

const module = (...tests: ReturnType<typeof test>[]) => ({ children: { allTests: () => tests } });

it("shows the most that any run of a fault cost, and how many runs failed", () => {
  const killed = test("killed", [
    { creates: 2, orphansTold: 1, readyMs: 900 },
    { creates: 1, orphansTold: 0, readyMs: 2340 },
  ]);
  const stuck = test("frozen for a while", undefined, ["a failure", "another one"]);
  const harmless = test("looked at", undefined);
  expect(faultTable([module(killed, stuck, harmless)])).toBe(`
fault               runs  creates  orphans told  Ready after  violations
killed                 2        2             1        2.3 s           0
frozen for a while     2        -             -            -           2
`);
});

it("shows nothing of tests that recover from nothing", () => {
  expect(faultTable([module(test("parses a date", undefined))])).toBe("");
});

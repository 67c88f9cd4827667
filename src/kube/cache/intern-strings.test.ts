import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { internStrings } from "./intern-strings.ts";

const COUNT = 5000;

describe("internStrings", () => {
  it("changes no value", () => {
    const json = {
      name: "orders",
      none: null,
      count: 3,
      list: ["orders", { name: "orders" }, []],
      long: "x".repeat(500),
    };
    expect(internStrings(structuredClone(json))).toEqual(json);
    const at = new Date(0);
    expect(internStrings({ at })).toEqual({ at: new Date(0) });
    expect(internStrings("orders")).toBe("orders");
    expect(internStrings(undefined)).toBeUndefined();
  });

  it("keeps equal strings once", () => {
    expect(bytesOf(() => parsed("a".repeat(200)))).toBeGreaterThan(COUNT * 200);
    expect(bytesOf(() => internStrings(parsed("a".repeat(200))))).toBeLessThan(COUNT * 100);
  });

  it("keeps equal strings once after any number of others", () => {
    for (let index = 0; index < 30_000; index++) internStrings({ text: `text ${index}` });
    expect(bytesOf(() => internStrings(parsed("b".repeat(200))))).toBeLessThan(COUNT * 100);
  });

  it("keeps no long string, and no more strings than its limit", () => {
    const long = "c".repeat(1_000_000);
    expect(bytesOf(() => internStrings(JSON.parse(`{"text":"${long}"}`)) && undefined)).toBeLessThan(100_000);
    const short = () => {
      for (let index = 0; index < 100_000; index++) internStrings({ text: `${index}`.padStart(200, "d") });
    };
    expect(bytesOf(short)).toBeLessThan(4_000_000);
  });
});

function parsed(text: string): readonly unknown[] {
  return Array.from({ length: COUNT }, () => JSON.parse(`{"text":"${text}"}`));
}

/** How many bytes of the heap are in use for the value, and for whatever its making leaves behind. */
function bytesOf(make: () => unknown): number {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  collect();
  const before = process.memoryUsage().heapUsed;
  const made = [make()];
  collect();
  const bytes = process.memoryUsage().heapUsed - before;
  // Still in use here, so that it was not collected.
  expect(made).toHaveLength(1);
  return bytes;
}

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { shareTexts } from "./shared-texts.ts";

const COUNT = 5000;

describe("shareTexts", () => {
  it("changes no value", () => {
    const json = {
      name: "orders",
      none: null,
      count: 3,
      list: ["orders", { name: "orders" }, []],
      long: "x".repeat(500),
    };
    expect(shareTexts(structuredClone(json))).toEqual(json);
    const at = new Date(0);
    expect(shareTexts({ at })).toEqual({ at: new Date(0) });
    expect(shareTexts("orders")).toBe("orders");
    expect(shareTexts(undefined)).toBeUndefined();
  });

  it("keeps equal texts once", () => {
    expect(bytesOf(() => parsed("a".repeat(200)))).toBeGreaterThan(COUNT * 200);
    expect(bytesOf(() => shareTexts(parsed("a".repeat(200))))).toBeLessThan(COUNT * 100);
  });

  it("goes on sharing after any number of other texts", () => {
    for (let index = 0; index < 30_000; index++) shareTexts({ text: `text ${index}` });
    expect(bytesOf(() => shareTexts(parsed("b".repeat(200))))).toBeLessThan(COUNT * 100);
  });

  it("keeps no long text, and no more texts than it may", () => {
    const long = "c".repeat(1_000_000);
    expect(bytesOf(() => shareTexts(JSON.parse(`{"text":"${long}"}`)) && undefined)).toBeLessThan(100_000);
    const short = () => {
      for (let index = 0; index < 100_000; index++) shareTexts({ text: `${index}`.padStart(200, "d") });
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

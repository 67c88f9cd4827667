import { expect, it } from "vitest";
import { parseCpuMs, parseMemory } from "./process-usage.ts";

it("adds user and system time up, behind a name with spaces and brackets", () => {
  expect(parseCpuMs("4242 (node (a) b) S 1 2 3 4 5 6 7 8 9 10 120 30 7 8 20 0 11 0 99")).toBe(1500);
});

it("refuses what is no stat line", () => {
  expect(() => parseCpuMs("4242 (node) S 1 2 3")).toThrow("not the form");
});

it("reads resident memory, now and at its peak", () => {
  const status = "Name:\tnode\nVmPeak:\t  900 kB\nVmHWM:\t     300 kB\nVmRSS:\t     200 kB\nThreads:\t11\n";
  expect(parseMemory(status)).toEqual({ rssBytes: 200 * 1024, peakRssBytes: 300 * 1024 });
});

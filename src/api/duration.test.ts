import { expect, test } from "vitest";
import { describeDuration, parseDurationMs } from "./duration.ts";

test.each([
  ["720h", 720 * 3_600_000],
  ["1h30m", 5_400_000],
  ["90s", 90_000],
  ["500ms", 500],
  ["0s", 0],
])("reads %s", (text, ms) => {
  expect(parseDurationMs(text)).toBe(ms);
});

test.each(["", "1d", "-1h", "1.5h", "30m1h", "h", "1h ", "99999999h"])("refuses %j", (text) => {
  expect(parseDurationMs(text)).toBeUndefined();
});

test.each([
  [0, "0s"],
  [-5, "0s"],
  [45_000, "45s"],
  [5_400_000, "1h 30m"],
  [29 * 86_400_000 + 4 * 3_600_000 + 59_000, "29d 4h"],
  [86_400_000, "1d"],
])("writes %d ms as %s", (ms, text) => {
  expect(describeDuration(ms)).toBe(text);
});

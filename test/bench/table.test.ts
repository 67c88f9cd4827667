import { expect, it } from "vitest";
import { rounded, table } from "./table.ts";

it.each([
  [0, 0],
  [3, 3],
  [4801.4, 4801],
  [171.43, 171],
  [83.449, 83.4],
  [3.0049, 3],
  [0.48765, 0.488],
  [0.00012, 0],
  [-2.345, -2.35],
])("rounds %d to %d", (value, to) => {
  expect(rounded(value)).toBe(to);
});

it("sets names to the left, values to the right and notes behind them", () => {
  expect(
    table("figures", [
      ["one", "1"],
      ["twelve", "12", "a dozen"],
    ]),
  ).toBe("figures\n  one      1\n  twelve  12  a dozen\n");
});

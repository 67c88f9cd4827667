import { expect, it } from "vitest";
import { fitLine } from "./slope.ts";

it("finds the line that the points lie on", () => {
  const points = [0, 1, 2, 5].map((x) => ({ x, y: 3 + 2 * x }));
  expect(fitLine(points)?.slope).toBeCloseTo(2);
  expect(fitLine(points)?.base).toBeCloseTo(3);
});

it("evens out what lies beside it", () => {
  const points = [
    { x: 0, y: 1 },
    { x: 0, y: -1 },
    { x: 4, y: 5 },
    { x: 4, y: 3 },
  ];
  expect(fitLine(points)).toEqual({ slope: 1, base: 0 });
});

it.each([
  [[]],
  [[{ x: 1, y: 1 }]],
  [
    [
      { x: 1, y: 1 },
      { x: 1, y: 2 },
    ],
  ],
])("says nothing of %j", (points) => {
  expect(fitLine(points)).toBeUndefined();
});

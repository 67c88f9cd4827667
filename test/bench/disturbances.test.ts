import { expect, it } from "vitest";
import { parseFault } from "../../src/simulator/faults.ts";
import { Recurring, someFault } from "./disturbances.ts";
import { seededRandom } from "./random.ts";

it("disturbs Atlas only in ways that the simulator knows", () => {
  const random = seededRandom(1);
  for (let round = 0; round < 200; round++) expect(() => parseFault(someFault(random))).not.toThrow();
});

it("is due once each time, and between half of the time and one and a half of it", () => {
  const due: number[] = [];
  const recurring = new Recurring(100, seededRandom(7), 0);
  for (let now = 0; now <= 10_000; now++) if (recurring.isDue(now)) due.push(now);
  const waits = due.map((at, index) => at - (due[index - 1] ?? 0));
  expect(Math.min(...waits)).toBeGreaterThanOrEqual(50);
  expect(Math.max(...waits)).toBeLessThanOrEqual(151);
});

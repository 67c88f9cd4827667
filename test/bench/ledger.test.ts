import { expect, it } from "vitest";
import { Ledger } from "./ledger.ts";

const issued = (serialNumber: string) => ({ serialNumber });

it("accounts for what a Secret holds and for what was reported, and for nothing else", () => {
  const ledger = new Ledger();
  ledger.hold("1");
  ledger.report("2");
  expect(ledger.unaccounted(["1", "2", "3"].map(issued))).toEqual([issued("3")]);
});

it("knows what was held and reported all the same", () => {
  const ledger = new Ledger();
  for (const serialNumber of ["1", "2"]) ledger.hold(serialNumber);
  for (const serialNumber of ["2", "3"]) ledger.report(serialNumber);
  expect(ledger.falseAlarms).toBe(1);
});

it("counts a report once", () => {
  const ledger = new Ledger();
  ledger.report("2");
  ledger.report("2");
  expect(ledger.reported).toBe(1);
});

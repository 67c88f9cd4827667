import { expect, test } from "vitest";
import { settled } from "../testing/snapshots.ts";
import { DepartedHistories } from "./departed-histories.ts";

test("a deleted resource is remembered for its user, if its history names none", () => {
  const departed = new DepartedHistories({ monotonic: () => 0 });
  const adopted = { time: "2026-01-01T00:00:00Z", reason: "Adopted", serialNumber: "1001" };
  const { resource } = settled({ status: { recentIssuances: [adopted] } });
  departed.note(resource);
  expect(departed.of(resource.spec)).toMatchObject([{ issuances: [adopted] }]);
});

import { test } from "vitest";
import { rest } from "../../control-plane/control-plane.ts";
import { admissionPolicy, missingRight, quota } from "./obstacles.ts";
import { expectOneLostAndNoMore, expectParkedThenStored } from "./refused-write.ts";

/** The preflight has passed and the certificate exists; then the API server refuses its Secret. */

const OBSTACLES = [
  ["a quota", quota(rest)],
  ["an admission policy", admissionPolicy(rest)],
  ["a right that was taken away", missingRight(rest)],
] as const;

test.each(OBSTACLES)("a certificate that meets %s is parked, and stored once that has ended", async (_, obstacle) => {
  await expectParkedThenStored(obstacle);
});

test.each(OBSTACLES)(
  "killed while its certificate meets %s: one orphan, and no more until that has ended",
  async (_, obstacle) => {
    await expectOneLostAndNoMore(obstacle);
  },
);

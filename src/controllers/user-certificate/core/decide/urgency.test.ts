import { expect, test } from "vitest";
import { ABSENT, FACTS, settled } from "../../testing/snapshots.ts";
import { situationOf } from "./situation.ts";
import { urgencyOf } from "./urgency.ts";

test("a first certificate does not compete by expiry", () => {
  expect(urgencyOf(situationOf(settled({ secret: ABSENT })), { kind: "issue" })).toEqual({
    priority: "issue",
    turn: "shop",
  });
});

test("a renewal goes by the expiry of the certificate that it replaces", () => {
  expect(urgencyOf(situationOf(settled()), { kind: "issue" })).toEqual({
    priority: "renew",
    turn: "shop",
    expiresAt: FACTS.notAfter,
  });
});

test("a verification goes last", () => {
  expect(urgencyOf(situationOf(settled()), { kind: "keep" })).toMatchObject({ priority: "verify", turn: "shop" });
  expect(urgencyOf(situationOf(settled({ secret: ABSENT })), { kind: "blocked" })).toEqual({
    priority: "verify",
    turn: "shop",
  });
});

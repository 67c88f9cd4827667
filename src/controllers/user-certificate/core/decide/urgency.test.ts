import { expect, test } from "vitest";
import { ABSENT, FACTS, settled } from "../../testing/snapshots.ts";
import { urgencyOf } from "./urgency.ts";

test("an app without a certificate goes first, and does not compete by expiry", () => {
  expect(urgencyOf(settled({ secret: ABSENT }), { kind: "issue" })).toEqual({ priority: "issue" });
});

test("a renewal goes by the expiry of the certificate that it replaces", () => {
  expect(urgencyOf(settled(), { kind: "issue" })).toEqual({ priority: "renew", expiresAt: FACTS.notAfter });
});

test("a verification goes last", () => {
  expect(urgencyOf(settled(), { kind: "keep" })).toMatchObject({ priority: "verify" });
  expect(urgencyOf(settled({ secret: ABSENT }), { kind: "blocked" })).toEqual({ priority: "verify" });
});

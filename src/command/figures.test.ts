import { describe, expect, test } from "vitest";
import {
  FACTS,
  failure,
  issuance,
  listed,
  NOW,
  refused,
  resource,
  round,
  SETTLED_STATUS,
  settled,
} from "../controllers/user-certificate/testing/observations.ts";
import { reconcileFigures, resourceFigures } from "./figures.ts";

describe("a round counts", () => {
  test("as nothing done where nothing was to do", () => {
    expect(reconcileFigures(round(settled()))).toEqual({
      decision: "keep",
      outcome: "nothing",
      reason: "None",
      issuedFor: undefined,
    });
  });

  test("with the reason for which a certificate was issued", () => {
    const observed = settled({ atlas: listed(), secret: { kind: "absent" } });
    const open = issuance({ reason: "SecretMissing" });
    expect(reconcileFigures(round(observed, { kind: "issued", facts: FACTS, issuance: open }))).toMatchObject({
      decision: "issue",
      outcome: "issued",
      reason: "SecretMissing",
      issuedFor: "SecretMissing",
    });
  });

  test("with what stood in the way", () => {
    const observed = settled({ atlas: listed(), secret: { kind: "absent" } });
    expect(reconcileFigures(round(observed, failure("RoleMissing")))).toMatchObject({
      decision: "issue",
      outcome: "failed",
      reason: "RoleMissing",
      issuedFor: undefined,
    });
    expect(reconcileFigures(round({ ...observed, atlas: refused("AtlasUnavailable") }))).toMatchObject({
      decision: "blocked",
      outcome: "nothing",
      reason: "AtlasUnavailable",
    });
  });

  test("with no word in a label that is not the operator's own", () => {
    const observed = settled({ atlas: listed(), secret: { kind: "absent" } });
    const open = issuance({ reason: "written by somebody else" });
    expect(reconcileFigures(round(observed, { kind: "issued", facts: FACTS, issuance: open })).issuedFor).toBe("Other");
  });
});

function stalled(status: "True" | "False", reason: string) {
  return { type: "Stalled", status, reason, message: "", lastTransitionTime: new Date(NOW).toISOString() };
}

describe("a resource shows", () => {
  test("its times, its condition and what nobody accounts for", () => {
    const status = { ...SETTLED_STATUS, unaccountedCertificates: 2 };
    expect(resourceFigures(resource({ status }))).toEqual({
      namespace: "shop",
      name: "orders-api",
      ready: "True",
      reason: "Issued",
      notAfterMs: FACTS.notAfter.getTime(),
      renewalMs: Date.parse(SETTLED_STATUS.renewalTime ?? ""),
      stalled: undefined,
      suspended: false,
      unaccounted: 2,
    });
  });

  test.each([
    ["UserNotFound", "UserNotFound"],
    ["MadeUp", "Other"],
  ])("that it is stalled with reason %s, as %s", (reason, shown) => {
    expect(resourceFigures(resource({ status: { conditions: [stalled("True", reason)] } })).stalled).toBe(shown);
  });

  test("that it is not stalled, whatever the reason of the condition", () => {
    expect(resourceFigures(resource({ status: { conditions: [stalled("False", "RateLimited")] } })).stalled).toBe(
      undefined,
    );
  });

  test("that it is suspended", () => {
    expect(resourceFigures(resource({ spec: { suspend: true } })).suspended).toBe(true);
  });

  test("that it has no status yet", () => {
    expect(resourceFigures(resource())).toMatchObject({ ready: "Unknown", reason: "None", notAfterMs: undefined });
  });

  test("that it can't be read", () => {
    const { spec: _, status: __, ...identity } = resource();
    expect(resourceFigures({ ...identity, valid: false, problem: "spec: is not there" })).toMatchObject({
      ready: "Unknown",
      reason: "Unreadable",
      notAfterMs: undefined,
    });
  });

  test("no reason and no time that somebody else made up", () => {
    const conditions = [
      {
        type: "Ready",
        status: "False" as const,
        reason: "MadeUp",
        message: "",
        lastTransitionTime: new Date(NOW).toISOString(),
      },
    ];
    expect(resourceFigures(resource({ status: { conditions, notAfter: "tomorrow" } }))).toMatchObject({
      ready: "False",
      reason: "Other",
      notAfterMs: undefined,
    });
  });
});

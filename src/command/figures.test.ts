import { describe, expect, test } from "vitest";
import { timestamp } from "../api/timestamp.ts";
import {
  blocker,
  FACTS,
  failure,
  issuance,
  listed,
  NOW,
  recent,
  reconciled,
  refused,
  resource,
  SETTLED_STATUS,
  settled,
} from "../controllers/user-certificate/testing/snapshots.ts";
import { reconcileFigures, resourceFigures } from "./figures.ts";

describe("a reconcile counts", () => {
  test("as nothing done if nothing was due", () => {
    expect(reconcileFigures(reconciled(settled()))).toEqual({
      decision: "keep",
      outcome: "nothing",
      reason: "None",
      issuedFor: undefined,
    });
  });

  test("with the reason for which a certificate was issued", () => {
    const snapshot = settled({ atlas: listed(), secret: { kind: "absent" } });
    const open = issuance({ reason: "SecretMissing" });
    expect(reconcileFigures(reconciled(snapshot, { kind: "issued", facts: FACTS, attempt: open }))).toMatchObject({
      decision: "issue",
      outcome: "issued",
      reason: "SecretMissing",
      issuedFor: "SecretMissing",
    });
  });

  test("with its blocker", () => {
    const snapshot = settled({ atlas: listed(), secret: { kind: "absent" } });
    expect(reconcileFigures(reconciled(snapshot, failure("RoleMissing")))).toMatchObject({
      decision: "issue",
      outcome: "failed",
      reason: "RoleMissing",
      issuedFor: undefined,
    });
    expect(reconcileFigures(reconciled({ ...snapshot, atlas: refused("AtlasUnavailable") }))).toMatchObject({
      decision: "blocked",
      outcome: "nothing",
      reason: "AtlasUnavailable",
    });
  });

  test("with the blocker that keeps its certificate parked", () => {
    const snapshot = settled({ atlas: listed(), secret: { kind: "absent" } });
    const parked = {
      ...({ kind: "parked", facts: FACTS, attempt: issuance(), pod: "pod-1", nextTryMs: NOW } as const),
      blocker: blocker("SecretNotWritable", { needsPerson: true }),
    };
    expect(reconcileFigures(reconciled(snapshot, parked))).toMatchObject({
      outcome: "parked",
      reason: "SecretNotWritable",
      issuedFor: undefined,
    });
  });

  test("as Other if someone else wrote its reason", () => {
    const snapshot = settled({ atlas: listed(), secret: { kind: "absent" } });
    const open = issuance({ reason: "written by someone else" });
    expect(reconcileFigures(reconciled(snapshot, { kind: "issued", facts: FACTS, attempt: open })).issuedFor).toBe(
      "Other",
    );
  });
});

function stalled(status: "True" | "False", reason: string) {
  return { type: "Stalled", status, reason, message: "", lastTransitionTime: new Date(NOW).toISOString() };
}

describe("a resource shows", () => {
  test("its times, its condition and its unaccounted-for certificates", () => {
    const notAfter = "2030-04-01T00:00:00Z";
    const unaccounted = ["7", "8"].map((serialNumber) => ({ serialNumber, notAfter }));
    const status = { ...SETTLED_STATUS, unaccounted };
    expect(resourceFigures(resource({ status }))).toEqual({
      namespace: "shop",
      name: "orders-api",
      ready: "True",
      reason: "Issued",
      notAfterMs: FACTS.notAfter.getTime(),
      renewalMs: Date.parse(SETTLED_STATUS.renewalTime ?? ""),
      stalled: undefined,
      needsPerson: false,
      suspended: false,
      unaccounted: 2,
      withdrawnUntilMs: undefined,
      outdatedPods: undefined,
      outdatedUntilMs: undefined,
    });
  });

  test("how many pods use an old certificate, and until when they can", () => {
    const consumers = { pods: 3, outdated: 2, outdatedValidUntil: "2030-05-01T00:00:00Z", observedAt: timestamp(NOW) };
    expect(resourceFigures(resource({ status: { ...SETTLED_STATUS, consumers } }))).toMatchObject({
      outdatedPods: 2,
      outdatedUntilMs: Date.parse(consumers.outdatedValidUntil),
    });
  });

  test("until when its certificates can log in although the grant was withdrawn", () => {
    const ready = (reason: string) => [{ ...stalled("True", reason), type: "Ready" as const }];
    const recentIssuances = [recent({ notAfter: "2030-05-01T00:00:00Z" }), recent({})];
    const until = (reason: string) =>
      resourceFigures(resource({ status: { ...SETTLED_STATUS, recentIssuances, conditions: ready(reason) } }))
        .withdrawnUntilMs;
    expect(until("NotGranted")).toBe(Date.parse("2030-05-01T00:00:00Z"));
    expect(until("Issued")).toBeUndefined();
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

  test("that a person has to act although it is still Ready", () => {
    const attempt = {
      ...{ time: SETTLED_STATUS.notAfter ?? "", reason: "RoleMissing", message: "", failures: 1, generation: 1 },
      nextAttemptTime: SETTLED_STATUS.notAfter ?? "",
    };
    const shown = (needsPerson: boolean) =>
      resourceFigures(resource({ status: { ...SETTLED_STATUS, lastAttempt: { ...attempt, needsPerson } } }))
        .needsPerson;
    expect([shown(true), shown(false)]).toEqual([true, false]);
  });

  test("that it is suspended", () => {
    expect(resourceFigures(resource({ spec: { suspend: true } })).suspended).toBe(true);
  });

  test("that it has no status yet", () => {
    expect(resourceFigures(resource())).toMatchObject({ ready: "Unknown", reason: "None", notAfterMs: undefined });
  });

  test("that it cannot be parsed", () => {
    const { spec: _, status: __, ...identity } = resource();
    expect(resourceFigures({ ...identity, valid: false, problem: "spec: is missing" })).toMatchObject({
      ready: "Unknown",
      reason: "Unreadable",
      notAfterMs: undefined,
    });
  });

  test("no reason and no time that someone else made up", () => {
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

import { describe, expect, test } from "vitest";
import { timestamp } from "../api/timestamp.ts";
import {
  blocker,
  FACTS,
  failure,
  issuance,
  listed,
  NOW,
  PROJECT,
  recent,
  reconciled,
  refused,
  resource,
  SETTLED_STATUS,
  settled,
} from "../controllers/user-certificate/testing/snapshots.ts";
import { reconcileFigures, resourceFigures } from "./figures.ts";
import { IssuesLeft } from "./issues-left.ts";

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

const figuresOf = (certificate: Parameters<typeof resourceFigures>[0]) =>
  resourceFigures(certificate, NOW, new IssuesLeft());

function stalled(status: "True" | "False", reason: string) {
  return { type: "Stalled", status, reason, message: "", lastTransitionTime: new Date(NOW).toISOString() };
}

describe("a resource shows", () => {
  test("its times, its condition and its unaccounted-for certificates", () => {
    const notAfter = "2030-04-01T00:00:00Z";
    const unaccounted = ["7", "8"].map((serialNumber) => ({ serialNumber, notAfter }));
    const status = { ...SETTLED_STATUS, unaccounted };
    expect(figuresOf(resource({ status }))).toEqual({
      namespace: "shop",
      name: "orders-api",
      ready: "True",
      reason: "Issued",
      info: { secretName: "orders-api-mongodb", username: "orders-api", project: "", projectId: "" },
      notBeforeMs: FACTS.notBefore.getTime(),
      notAfterMs: FACTS.notAfter.getTime(),
      renewalMs: Date.parse(SETTLED_STATUS.renewalTime ?? ""),
      verifiedMs: Date.parse(SETTLED_STATUS.lastVerifiedTime ?? ""),
      stalled: undefined,
      actionReason: undefined,
      suspended: false,
      unaccounted: 2,
      orphaned: 0,
      budgetLeft: undefined,
      pendingRestarts: [],
      withdrawnUntilMs: undefined,
      outdatedPods: undefined,
      outdatedUntilMs: undefined,
    });
  });

  test("how many pods use an old certificate, and until when they can", () => {
    const consumers = { pods: 3, outdated: 2, outdatedValidUntil: "2030-05-01T00:00:00Z", observedAt: timestamp(NOW) };
    expect(figuresOf(resource({ status: { ...SETTLED_STATUS, consumers } }))).toMatchObject({
      outdatedPods: 2,
      outdatedUntilMs: Date.parse(consumers.outdatedValidUntil),
    });
  });

  test("until when its certificates can log in although the grant was withdrawn", () => {
    const ready = (reason: string) => [{ ...stalled("True", reason), type: "Ready" as const }];
    const recentIssuances = [recent({ notAfter: "2030-05-01T00:00:00Z" }), recent({})];
    const until = (reason: string) =>
      figuresOf(resource({ status: { ...SETTLED_STATUS, recentIssuances, conditions: ready(reason) } }))
        .withdrawnUntilMs;
    expect(until("NotGranted")).toBe(Date.parse("2030-05-01T00:00:00Z"));
    expect(until("Issued")).toBeUndefined();
  });

  test.each([
    ["UserNotFound", "UserNotFound"],
    ["MadeUp", "Other"],
  ])("that it is stalled with reason %s, as %s", (reason, shown) => {
    expect(figuresOf(resource({ status: { conditions: [stalled("True", reason)] } })).stalled).toBe(shown);
  });

  test("that it is not stalled, whatever the reason of the condition", () => {
    expect(figuresOf(resource({ status: { conditions: [stalled("False", "RateLimited")] } })).stalled).toBe(undefined);
  });

  test("that a person has to act although it is still Ready", () => {
    const attempt = {
      ...{ time: SETTLED_STATUS.notAfter ?? "", reason: "RoleMissing", message: "", failures: 1, generation: 1 },
      nextAttemptTime: SETTLED_STATUS.notAfter ?? "",
    };
    const shown = (needsPerson: boolean) =>
      figuresOf(resource({ status: { ...SETTLED_STATUS, lastAttempt: { ...attempt, needsPerson } } })).actionReason;
    expect([shown(true), shown(false)]).toEqual(["RoleMissing", undefined]);
  });

  test.each([
    ["NotGranted", "NotGranted"],
    ["KeystorePasswordMissing", "KeystorePasswordMissing"],
    ["RateLimited", undefined],
  ])("whether a person has to act for Ready's reason %s", (reason, shown) => {
    const conditions = [{ ...stalled("True", reason), type: "Ready" as const }];
    expect(figuresOf(resource({ status: { conditions } })).actionReason).toBe(shown);
  });

  test("the project in which Atlas issued its certificate, and not the one that its spec names", () => {
    const { serialNumber } = SETTLED_STATUS;
    const issued = recent({ serialNumber, projectId: PROJECT });
    const projectIdOf = (recentIssuances: (typeof issued)[]) =>
      figuresOf(resource({ status: { ...SETTLED_STATUS, recentIssuances } })).info?.projectId;
    expect(projectIdOf([recent({ serialNumber: "7", projectId: "f".repeat(24) }), issued])).toBe(PROJECT);
    expect(projectIdOf([recent({ serialNumber: "7", projectId: PROJECT })])).toBe("");
    const { serialNumber: _, ...nothingIssued } = SETTLED_STATUS;
    const lost = { time: timestamp(NOW), reason: "SecretMissing", projectId: PROJECT };
    const status = { ...nothingIssued, recentIssuances: [lost] };
    expect(figuresOf(resource({ status })).info?.projectId).toBe("");
  });

  test("the AtlasProjectX509 that it names", () => {
    expect(figuresOf(resource({ spec: { projectRef: { name: "production" } } })).info?.project).toBe("production");
  });

  test("its orphaned certificates until they expire", () => {
    const lost = { time: timestamp(NOW), reason: "SecretMissing", lost: "AnswerLost" };
    const recentIssuances = [
      lost,
      { ...lost, serialNumber: "7", notAfter: timestamp(NOW + 1000) },
      { ...lost, serialNumber: "8", notAfter: timestamp(NOW - 1000) },
      recent({ serialNumber: "9", notAfter: timestamp(NOW + 1000) }),
    ];
    expect(figuresOf(resource({ status: { ...SETTLED_STATUS, recentIssuances } })).orphaned).toBe(1);
  });

  test("why its workloads wait for their restarts", () => {
    const one = { kind: "Deployment" as const, name: "orders-api", writtenAt: timestamp(NOW) };
    const pendingRestarts = [one, { ...one, reason: "WorkloadPaused" }, { ...one, reason: "MadeUp" }];
    expect(figuresOf(resource({ status: { ...SETTLED_STATUS, pendingRestarts } })).pendingRestarts).toEqual([
      "RestartDue",
      "WorkloadPaused",
      "Other",
    ]);
  });

  test("that it is suspended", () => {
    expect(figuresOf(resource({ spec: { suspend: true } })).suspended).toBe(true);
  });

  test("that it has no status yet", () => {
    expect(figuresOf(resource())).toMatchObject({ ready: "Unknown", reason: "None", notAfterMs: undefined });
  });

  test("that it cannot be parsed", () => {
    const { spec: _, status: __, ...identity } = resource();
    expect(figuresOf({ ...identity, valid: false, problem: "spec: is missing" })).toMatchObject({
      ready: "Unknown",
      reason: "Unreadable",
      actionReason: "Unreadable",
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
    expect(figuresOf(resource({ status: { conditions, notAfter: "tomorrow" } }))).toMatchObject({
      ready: "False",
      reason: "Other",
      notAfterMs: undefined,
    });
  });
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { mergePatchOf } from "../../../../kube/merge-patch.ts";
import { decide, needsAtlas } from "./decide.ts";
import { backoffEndMs, identityChange, listedByAtlas, spentIssuances } from "./held.ts";
import { nextReconcileMs } from "../status/next-reconcile.ts";
import { nextStatus } from "../status/next-status.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { heldAfter, type Assessment, troubleOf } from "../status/assessment.ts";
import { DAY_MS, following, SECOND_MS } from "../../testing/snapshots.ts";
import { walks } from "../../testing/walks.ts";

const RUNS = { numRuns: 2000 };

/** For every state that a history of rounds can lead to. */
function always(property: (round: Assessment) => void): void {
  fc.assert(fc.property(walks, property), RUNS);
}

describe("never issues", () => {
  const never: readonly (readonly [string, (snapshot: Snapshot, nowMs: number) => boolean])[] = [
    ["while the resource is suspended", ({ resource }) => resource.spec.suspend],
    ["over a foreign Secret", ({ secret }) => secret.kind === "foreign"],
    ["into a Secret that another resource holds", ({ secretHolder }) => secretHolder !== undefined],
    ["without usable credentials", ({ credentials }) => credentials.kind !== "usable"],
    ["after Atlas has refused its list", ({ atlas }) => atlas.kind === "refused"],
    ["while a backoff runs", (snapshot, nowMs) => backoffEndMs(snapshot, nowMs) !== undefined],
    [
      "more certificates a day than the policy allows",
      (snapshot, nowMs) =>
        spentIssuances(snapshot).filter(({ time }) => Date.parse(time) > nowMs - DAY_MS).length >=
        snapshot.policy.maxIssuesPerDay,
    ],
    ["an eleventh unexpired certificate", ({ atlas }) => atlas.kind === "listed" && atlas.certificates.length >= 10],
  ];
  test.each(never)("%s", (_what, isForbidden) => {
    let seen = 0;
    always(({ snapshot, nowMs }) => {
      if (!isForbidden(snapshot, nowMs)) return;
      seen++;
      expect(decide(snapshot, nowMs).kind).not.toBe("issue");
    });
    expect(seen).toBeGreaterThan(0);
  });
});

test("issues only upon Atlas' list", () => {
  always(({ snapshot, nowMs }) => {
    const decision = decide(snapshot, nowMs);
    if (decision.kind === "issue") expect(needsAtlas(snapshot, decision, nowMs)).toBe(true);
  });
});

describe("the status", () => {
  /** What a second look writes, with nothing changed and nothing done; Atlas' refusal is not asked for twice. */
  const rewritten = (round: Assessment, laterMs = 0) => {
    const { snapshot } = round;
    const atlas = snapshot.atlas.kind === "refused" || laterMs > 0 ? { kind: "notAsked" as const } : snapshot.atlas;
    const again = following(reconciled, { atlas });
    const nowMs = round.nowMs + laterMs;
    const decision = decide(again, nowMs);
    const next = nextStatus({ ...reconciled, snapshot: again, decision, outcome: { kind: "nothing" }, nowMs });
    return { again, decision, patch: mergePatchOf(again.resource.status, next) };
  };

  test("is a fixpoint: a second look writes nothing", () => {
    always((round) => {
      // An outcome changes what is seen next: the look after it is another one.
      if (round.outcome.kind !== "nothing") return;
      expect(rewritten(round).patch).toBeUndefined();
    });
  });

  test("stays the same until the next look is due", () => {
    let quiet = 0;
    always((round) => {
      if (round.outcome.kind === "issued" || round.outcome.kind === "repaired") return;
      const lookMs = nextReconcileMs({ ...reconciled, snapshot: following(round) }) ?? Number.POSITIVE_INFINITY;
      // What is due within a second is looked at after that second.
      const laterMs = Math.min(lookMs - round.nowMs - SECOND_MS - 1, 60_000);
      if (laterMs < 0) return;
      const { again, decision, patch } = rewritten(reconciled, laterMs);
      // Those two go to Atlas first.
      if (decision.kind === "issue" || needsAtlas(again, decision, round.nowMs + laterMs)) return;
      if (decision.kind === "repair" || decision.kind === "finish") return;
      quiet++;
      expect(patch).toBeUndefined();
    });
    expect(quiet).toBeGreaterThan(RUNS.numRuns / 10);
  });

  test("says Ready only for a certificate that apps can log in with", () => {
    always((round) => {
      const ready = nextStatus(round).conditions?.find(({ type }) => type === "Ready");
      if (ready?.status !== "True") return;
      const held = heldAfter(round);
      expect(held?.notAfter.getTime()).toBeGreaterThan(round.nowMs);
      // Atlas has just handed it out: its list may lag.
      if (round.outcome.kind === "issued" && round.decision.kind !== "finish") return;
      expect(identityChange(round.snapshot)).toBeUndefined();
      expect(listedByAtlas(round.snapshot, held?.serialNumber ?? "")).not.toBe(false);
    });
  });

  test("says Stalled exactly while a person is needed, and names the blocker in Ready", () => {
    always((round) => {
      const { conditions = [] } = nextStatus(round);
      const blocker = troubleOf(round);
      const stalled = conditions.find(({ type }) => type === "Stalled");
      expect(stalled?.status).toBe(blocker?.needsPerson ? "True" : "False");
      if (blocker !== undefined) expect(conditions[0]).toMatchObject({ type: "Ready", reason: blocker.reason });
    });
  });

  test("has a backoff only with what it was made for, and it ends in the future", () => {
    always((round) => {
      const { failedAttempts, nextAttemptTime, lastAttempt } = nextStatus(round);
      expect(new Set([failedAttempts, nextAttemptTime, lastAttempt].map((field) => field === undefined)).size).toBe(1);
      if (troubleOf(round)?.retry.kind === "backoff") {
        expect(Date.parse(nextAttemptTime ?? "")).toBeGreaterThanOrEqual(round.nowMs + 3 * SECOND_MS);
      }
    });
  });
});

describe("the next look", () => {
  test("is neither in the past nor at once", () => {
    always((round) => {
      const atMs = nextReconcileMs({ ...reconciled, snapshot: following(round) });
      if (atMs === undefined) return;
      const expiryMs = heldAfter(round)?.notAfter.getTime();
      expect(atMs).toBeGreaterThanOrEqual(atMs === expiryMs ? round.nowMs + 1 : round.nowMs + SECOND_MS);
    });
  });

  test("comes, unless nothing but a change can help and no expiry is to be told", () => {
    always((round) => {
      if (nextReconcileMs({ ...reconciled, snapshot: following(round) }) !== undefined) return;
      const expiryMs = heldAfter(round)?.notAfter.getTime() ?? 0;
      expect(troubleOf(round)?.retry.kind).toBe("onChange");
      expect(expiryMs).toBeLessThanOrEqual(round.nowMs);
    });
  });

  test("comes when the certificate expires at the latest", () => {
    always((round) => {
      const expiryMs = heldAfter(round)?.notAfter.getTime() ?? 0;
      if (expiryMs <= round.nowMs) return;
      const hidesMore = round.outcome.kind === "repaired" || round.decision.kind === "finish";
      const latestMs = hidesMore ? Math.max(expiryMs, round.nowMs + SECOND_MS) : expiryMs;
      expect(nextReconcileMs({ ...reconciled, snapshot: following(round) })).toBeLessThanOrEqual(latestMs);
    });
  });
});

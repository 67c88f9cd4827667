import { describe, expect, test } from "vitest";
import { verificationDueMs } from "../decide/held.ts";
import { nextReconcileMs } from "./next-reconcile.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { Outcome } from "../model/decision.ts";
import {
  ABSENT,
  certificate,
  DAY_MS,
  FACTS,
  FOREIGN,
  failure,
  following,
  HOUR_MS,
  issuance,
  listed,
  managed,
  NOW,
  POLICY,
  RENEWAL_MS,
  refused,
  reconciled,
  SECOND_MS,
  settled,
  blocker,
} from "../../testing/snapshots.ts";

/** What the reconciler does: the look is computed from the status as it was written. */
function lookAfter(snapshot: Snapshot, outcome?: Outcome, nowMs = NOW): number | undefined {
  const done = reconciled(snapshot, outcome, nowMs);
  return nextReconcileMs({ ...done, snapshot: following(done) });
}

const EXPIRY_MS = FACTS.notAfter.getTime();

describe("a resource is looked at next", () => {
  test("when Atlas' list is due", () => {
    expect(lookAfter(settled())).toBe(verificationDueMs(settled(), NOW));
  });

  test("when the renewal is due, if that is sooner", () => {
    expect(lookAfter(settled({ atlas: listed("1001") }), undefined, RENEWAL_MS - HOUR_MS)).toBe(RENEWAL_MS);
  });

  test("when the new certificate's list or renewal is due, once one was issued", () => {
    const facts = certificate("1002", { notBefore: new Date(NOW), notAfter: new Date(NOW + 3 * HOUR_MS) });
    const outcome: Outcome = { kind: "issued", facts, issuance: issuance() };
    expect(lookAfter(settled({ secret: ABSENT, atlas: listed() }), outcome)).toBe(NOW + 2 * HOUR_MS);
  });

  test("soon after a repair, for what it hid", () => {
    const snapshot = settled({ secret: managed(FACTS, { labels: {} }) });
    expectSoon(lookAfter(snapshot, { kind: "repaired", differences: ["label"] }));
  });

  test("soon after Atlas refused a list that came before a repair: it needs nothing of Atlas", () => {
    const unlabelled = { secret: managed(FACTS, { labels: {} }) };
    const snapshot = settled({ ...unlabelled, atlas: refused("AtlasUnavailable") });
    expectSoon(lookAfter(snapshot));
    const next = following(reconciled(snapshot), { atlas: { kind: "notAsked" } });
    expect(reconciled(next).decision.kind).toBe("repair");
  });

  test("soon after it was overtaken", () => {
    expectSoon(lookAfter(settled(), { kind: "overtaken" }));
  });

  test("soon after an issuance of an earlier process was finished: what changed meanwhile was not looked at", () => {
    const snapshot = settled({ status: { issuance: issuance() } });
    expectSoon(lookAfter(snapshot, { kind: "issued", facts: FACTS, issuance: issuance() }));
  });

  test.each([
    ["renewal", settled({ atlas: listed("1001") }), RENEWAL_MS - 2],
    ["list", settled({ atlas: { kind: "notAsked" } }), verificationDueMs(settled(), NOW) - 2],
  ])("soon where the %s came due while the round was under way", (_what, snapshot, decidedAtMs) => {
    const done = { ...reconciled(snapshot, undefined, decidedAtMs), nowMs: decidedAtMs + 5 };
    expect(done.decision).toEqual({ kind: "keep" });
    expectSoon(nextReconcileMs(done), done.nowMs);
  });

  test("soon where the wait of a blocker was over while the round was under way", () => {
    const recentIssuances = Array.from({ length: 4 }, () => ({ time: iso(NOW - DAY_MS + 2), reason: "x" }));
    const done = { ...reconciled(settled({ secret: ABSENT, status: { recentIssuances } })), nowMs: NOW + SECOND_MS };
    expect(done.decision.kind).toBe("blocked");
    expectSoon(nextReconcileMs(done), done.nowMs);
  });

  test("a minute after a list that lacks the certificate, for a second one", () => {
    const snapshot = settled({ atlas: listed() });
    expect(lookAfter(snapshot)).toBe(NOW + 60_000);
    const later = following(reconciled(snapshot), { atlas: { kind: "notAsked" } });
    expect(lookAfter(later, undefined, NOW + 30_000)).toBe(NOW + 60_000);
    // An API server with another version's CRD drops it from the status.
    expect(nextReconcileMs(reconciled(snapshot))).toBe(NOW + 60_000);
  });

  test("when the backoff is over", () => {
    const snapshot = settled({ secret: ABSENT, atlas: listed() });
    const atMs = lookAfter(snapshot, failure("AtlasUnavailable"));
    expect(atMs).toBe(
      Date.parse(following(reconciled(snapshot, failure("AtlasUnavailable"))).resource.status.nextAttemptTime ?? ""),
    );
    expect(atMs).toBeGreaterThan(NOW + 3 * SECOND_MS);
  });

  test("when an earlier attempt's backoff is over, at every look in between too", () => {
    const failed = following(reconciled(settled({ secret: ABSENT, atlas: listed() }), failure("AtlasUnavailable")));
    const later = { ...failed, atlas: { kind: "notAsked" as const } };
    expect(lookAfter(later, undefined, NOW + SECOND_MS)).toBe(Date.parse(later.resource.status.nextAttemptTime ?? ""));
  });

  test("after a while although the API server did not keep the backoff", () => {
    const done = reconciled(
      settled({ secret: ABSENT, atlas: listed() }),
      failure("CrdOutdated", {
        blocker: blocker("CrdOutdated", { needsPerson: true }),
      }),
    );
    const { nextAttemptTime: _n, lastAttempt: _l, ...kept } = following(done).resource.status;
    const snapshot = { ...done.snapshot, resource: { ...done.snapshot.resource, status: kept } };
    expect(nextReconcileMs({ ...done, snapshot })).toBe(NOW + POLICY.recheckIntervalMs);
  });

  test("when the list is due, where that comes before the end of a fight over labels", () => {
    const nowMs = verificationDueMs(settled(), NOW) - 60_000;
    const recentRepairs = Array.from({ length: 5 }, () => nowMs - 60_000);
    const snapshot = settled({ secret: managed(FACTS, { labels: {} }), recentRepairs });
    expect(lookAfter(snapshot, undefined, nowMs)).toBe(nowMs + 60_000);
    const unlisted = lookAfter({ ...snapshot, atlas: listed() }, undefined, nowMs);
    expect(unlisted).toBe(Math.floor(nowMs / SECOND_MS) * SECOND_MS + 60_000);
  });

  test("when the budget has room again", () => {
    const recentIssuances = Array.from({ length: 4 }, () => ({ time: iso(NOW - HOUR_MS), reason: "x" }));
    expect(lookAfter(settled({ secret: ABSENT, status: { recentIssuances } }))).toBe(NOW + 23 * HOUR_MS);
  });

  test.each([
    ["it is suspended", settled({ spec: { suspend: true } })],
    ["its credentials are gone", settled({ credentials: { kind: "unusable", version: undefined, problem: "" } })],
  ])("when the certificate expires, while %s: Ready must turn False then", (_what, snapshot) => {
    expect(lookAfter(snapshot)).toBe(EXPIRY_MS);
  });

  test("when the certificate expires, where the backoff lasts longer", () => {
    const snapshot = settled({ atlas: listed("1001") });
    const wait = blocker("RateLimited", { retry: { kind: "backoff", atLeastMs: 2 * HOUR_MS } });
    expect(lookAfter(snapshot, failure("RateLimited", { blocker: wait }), EXPIRY_MS - HOUR_MS)).toBe(EXPIRY_MS);
  });

  test.each([
    ["a foreign Secret is in the way", settled({ secret: FOREIGN })],
    ["another resource holds the Secret", settled({ secretHolder: "billing" })],
    ["it is suspended without a certificate", settled({ spec: { suspend: true }, secret: ABSENT })],
  ])("never by itself, while %s", (_what, snapshot) => {
    expect(lookAfter(snapshot)).toBeUndefined();
  });

  test("when the backoff of a failed verification is over, although the certificate is good", () => {
    const atMs = lookAfter(settled({ atlas: refused("AtlasUnavailable") }), undefined, NOW + DAY_MS);
    expect(atMs).toBeGreaterThan(NOW + DAY_MS);
    expect(atMs).toBeLessThan(NOW + DAY_MS + 10 * SECOND_MS);
  });
});

/** Not in the past, not at once (a cache that lags would be asked again and again), and not much later. */
function expectSoon(atMs: number | undefined, nowMs = NOW): void {
  expect(atMs).toBeGreaterThanOrEqual(nowMs);
  expect(atMs).toBeLessThanOrEqual(nowMs + 2 * SECOND_MS);
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

import { describe, expect, test } from "vitest";
import { verificationDueMs } from "./facts.ts";
import { nextLookMs } from "./next-look.ts";
import type { Observed } from "./observed.ts";
import type { Outcome } from "./outcome.ts";
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
  round,
  SECOND_MS,
  settled,
  trouble,
} from "./testing/observations.ts";

/** What the reconciler does: the look is computed from the status as it was written. */
function lookAfter(observed: Observed, outcome?: Outcome, nowMs = NOW): number | undefined {
  const done = round(observed, outcome, nowMs);
  return nextLookMs({ ...done, observed: following(done) });
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
    const observed = settled({ secret: managed(FACTS, { labels: {} }) });
    expectSoon(lookAfter(observed, { kind: "repaired", differences: ["label"] }));
  });

  test("soon after Atlas refused a list that came before a repair: it needs nothing of Atlas", () => {
    const unlabelled = { secret: managed(FACTS, { labels: {} }) };
    const observed = settled({ ...unlabelled, atlas: refused("AtlasUnavailable") });
    expectSoon(lookAfter(observed));
    const next = following(round(observed), { atlas: { kind: "notAsked" } });
    expect(round(next).decision.kind).toBe("repair");
  });

  test("soon after it was overtaken", () => {
    expectSoon(lookAfter(settled(), { kind: "overtaken" }));
  });

  test("soon after an issuance of an earlier process was finished: what changed meanwhile was not looked at", () => {
    const observed = settled({ status: { issuance: issuance() } });
    expectSoon(lookAfter(observed, { kind: "issued", facts: FACTS, issuance: issuance() }));
  });

  test.each([
    ["renewal", settled({ atlas: listed("1001") }), RENEWAL_MS - 2],
    ["list", settled({ atlas: { kind: "notAsked" } }), verificationDueMs(settled(), NOW) - 2],
  ])("soon where the %s came due while the round was under way", (_what, observed, decidedAtMs) => {
    const done = { ...round(observed, undefined, decidedAtMs), nowMs: decidedAtMs + 5 };
    expect(done.decision).toEqual({ kind: "keep" });
    expectSoon(nextLookMs(done), done.nowMs);
  });

  test("soon where the wait of a trouble was over while the round was under way", () => {
    const recentIssuances = Array.from({ length: 4 }, () => ({ time: iso(NOW - DAY_MS + 2), reason: "x" }));
    const done = { ...round(settled({ secret: ABSENT, status: { recentIssuances } })), nowMs: NOW + SECOND_MS };
    expect(done.decision.kind).toBe("blocked");
    expectSoon(nextLookMs(done), done.nowMs);
  });

  test("a minute after a list that lacks the certificate, for a second one", () => {
    const observed = settled({ atlas: listed() });
    expect(lookAfter(observed)).toBe(NOW + 60_000);
    const later = following(round(observed), { atlas: { kind: "notAsked" } });
    expect(lookAfter(later, undefined, NOW + 30_000)).toBe(NOW + 60_000);
    // An API server with another version's CRD drops it from the status.
    expect(nextLookMs(round(observed))).toBe(NOW + 60_000);
  });

  test("when the backoff is over", () => {
    const observed = settled({ secret: ABSENT, atlas: listed() });
    const atMs = lookAfter(observed, failure("AtlasUnavailable"));
    expect(atMs).toBe(
      Date.parse(following(round(observed, failure("AtlasUnavailable"))).resource.status.nextAttemptTime ?? ""),
    );
    expect(atMs).toBeGreaterThan(NOW + 3 * SECOND_MS);
  });

  test("when an earlier attempt's backoff is over, at every look in between too", () => {
    const failed = following(round(settled({ secret: ABSENT, atlas: listed() }), failure("AtlasUnavailable")));
    const later = { ...failed, atlas: { kind: "notAsked" as const } };
    expect(lookAfter(later, undefined, NOW + SECOND_MS)).toBe(Date.parse(later.resource.status.nextAttemptTime ?? ""));
  });

  test("after a while although the API server did not keep the backoff", () => {
    const done = round(
      settled({ secret: ABSENT, atlas: listed() }),
      failure("CrdOutdated", {
        trouble: trouble("CrdOutdated", { needsPerson: true }),
      }),
    );
    const { nextAttemptTime: _n, lastAttempt: _l, ...kept } = following(done).resource.status;
    const observed = { ...done.observed, resource: { ...done.observed.resource, status: kept } };
    expect(nextLookMs({ ...done, observed })).toBe(NOW + POLICY.recheckIntervalMs);
  });

  test("when the list is due, where that comes before the end of a fight over labels", () => {
    const nowMs = verificationDueMs(settled(), NOW) - 60_000;
    const recentRepairs = Array.from({ length: 5 }, () => nowMs - 60_000);
    const observed = settled({ secret: managed(FACTS, { labels: {} }), recentRepairs });
    expect(lookAfter(observed, undefined, nowMs)).toBe(nowMs + 60_000);
    const unlisted = lookAfter({ ...observed, atlas: listed() }, undefined, nowMs);
    expect(unlisted).toBe(Math.floor(nowMs / SECOND_MS) * SECOND_MS + 60_000);
  });

  test("when the budget has room again", () => {
    const recentIssuances = Array.from({ length: 4 }, () => ({ time: iso(NOW - HOUR_MS), reason: "x" }));
    expect(lookAfter(settled({ secret: ABSENT, status: { recentIssuances } }))).toBe(NOW + 23 * HOUR_MS);
  });

  test.each([
    ["it is suspended", settled({ spec: { suspend: true } })],
    ["its credentials are gone", settled({ credentials: { kind: "unusable", version: undefined, problem: "" } })],
  ])("when the certificate expires, while %s: Ready must turn False then", (_what, observed) => {
    expect(lookAfter(observed)).toBe(EXPIRY_MS);
  });

  test("when the certificate expires, where the backoff lasts longer", () => {
    const observed = settled({ atlas: listed("1001") });
    const wait = trouble("RateLimited", { retry: { kind: "backoff", atLeastMs: 2 * HOUR_MS } });
    expect(lookAfter(observed, failure("RateLimited", { trouble: wait }), EXPIRY_MS - HOUR_MS)).toBe(EXPIRY_MS);
  });

  test.each([
    ["a foreign Secret is in the way", settled({ secret: FOREIGN })],
    ["another resource holds the Secret", settled({ secretHolder: "billing" })],
    ["it is suspended without a certificate", settled({ spec: { suspend: true }, secret: ABSENT })],
  ])("never by itself, while %s", (_what, observed) => {
    expect(lookAfter(observed)).toBeUndefined();
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

import { describe, expect, test } from "vitest";
import { findCondition } from "../../../../api/conditions.ts";
import type { UserCertificateStatus } from "../../../../api/user-certificate-status.ts";
import { DAY_MS } from "../../../../clock.ts";
import { mergePatchOf } from "../../../../kube/merge-patch.ts";
import { following, SECOND_MS, statusAfter } from "../../testing/snapshots.ts";
import { alwaysEnded, alwaysReported, RUNS } from "../../testing/walk-properties.ts";
import { decide, needsAtlas } from "../decide/decide.ts";
import { isForged, isWithin } from "../decide/held.ts";
import { situationOf } from "../decide/situation.ts";
import { isOfFormerUser } from "../decide/unaccounted.ts";
import { type Assessment, assess } from "./assessment.ts";
import { nextReconcileMs } from "./next-reconcile.ts";

function nextMs(done: Assessment): number | undefined {
  return nextReconcileMs(done);
}

describe("the status", () => {
  /** The decision and status of the next reconcile if nothing was changed, done or asked meanwhile. */
  const rewritten = (done: Assessment, laterMs: number) => {
    const nowMs = done.nowMs + laterMs;
    const parked = done.outcome.kind === "discarded" ? undefined : done.situation.parked;
    const situation = situationOf(following(done, { nowMs, parked }));
    const decision = decide(situation);
    const next = assess({ ...done, situation, decision, outcome: { kind: "nothing" }, nowMs });
    return { situation, decision, before: situation.resource.status, after: statusAfter(next) };
  };

  /** Entries that time alone removes leave the lists of the status with the next write. */
  const withoutLists = ({
    recentIssuances: _recent,
    unaccounted: _named,
    leftBehind: _left,
    ...rest
  }: UserCertificateStatus) => rest;
  const listsOf = ({ recentIssuances = [], unaccounted = [], leftBehind = [] }: UserCertificateStatus) => [
    ...recentIssuances,
    ...unaccounted,
    ...leftBehind,
  ];

  test("stays the same until the next reconcile is due", () => {
    let quiet = 0;
    alwaysReported((done) => {
      // An outcome changes what is seen next.
      if (done.outcome.kind === "issued" || done.outcome.kind === "repaired" || done.outcome.kind === "parked") return;
      const dueMs = nextMs(done) ?? Number.POSITIVE_INFINITY;
      // Anything due within a second is reconciled after that second.
      const waitMs = Math.min(dueMs - done.nowMs - SECOND_MS - 1, 60_000);
      for (const laterMs of waitMs < 0 ? [] : [0, waitMs]) {
        const { situation, decision, before, after } = rewritten(done, laterMs);
        if (needsAtlas(situation, decision, false) || decision.kind === "repair" || decision.kind === "store") continue;
        // A list counts certificates that were issued elsewhere, which the caches do not know.
        if (situation.usage.issuedMs.length !== done.situation.usage.issuedMs.length) continue;
        quiet++;
        expect(mergePatchOf(withoutLists(before), withoutLists(after))).toBeUndefined();
        expect(listsOf(before)).toEqual(expect.arrayContaining(listsOf(after)));
      }
    });
    expect(quiet).toBeGreaterThan(RUNS.numRuns / 20);
  });

  test("says Ready only for an unexpired certificate of the user that Atlas returned or listed", () => {
    let ready = 0;
    alwaysReported((done) => {
      if (findCondition(statusAfter(done), "Ready")?.status !== "True") return;
      ready++;
      const { held, situation } = done;
      expect(held?.notAfter.getTime()).toBeGreaterThan(done.nowMs);
      if (held === undefined || done.outcome.kind === "issued") return;
      expect(situation.identityChange).toBeUndefined();
      expect(isForged(situation.resource.status, held)).toBe(false);
      expect(situation.isListed || situation.resource.status.fingerprint === held.fingerprint).toBe(true);
    });
    expect(ready).toBeGreaterThan(RUNS.numRuns / 20);
  });

  test("describes no certificate but one that Atlas returned or listed", () => {
    alwaysReported((done) => {
      const { outcome, situation } = done;
      const { fingerprint, serialNumber } = statusAfter(done);
      if (outcome.kind === "issued") {
        expect(fingerprint).toBe(outcome.facts.fingerprint);
      } else if (fingerprint !== situation.resource.status.fingerprint) {
        expect(done.held).toMatchObject({ fingerprint, serialNumber });
        expect(situation.isListed).toBe(true);
      }
    });
  });

  test("says Stalled while a certificate is parked, or a person is needed and apps are affected", () => {
    const seen = { True: 0, False: 0 };
    alwaysReported((done) => {
      const status = statusAfter(done);
      const { blocker, parked, renewalDueMs = Number.POSITIVE_INFINITY } = done;
      const isAffected = findCondition(status, "Ready")?.status === "False" || renewalDueMs <= done.nowMs;
      const expected = parked !== undefined || (blocker?.needsPerson === true && isAffected) ? "True" : "False";
      seen[expected]++;
      expect(findCondition(status, "Stalled")?.status).toBe(expected);
    });
    expect(Math.min(seen.True, seen.False)).toBeGreaterThan(RUNS.numRuns / 50);
  });

  test("names the blocker in Ready", () => {
    alwaysReported((done) => {
      const ready = findCondition(statusAfter(done), "Ready");
      if (done.blocker === undefined) return;
      expect(ready?.reason).toBe(done.blocker.reason);
      expect(ready?.message).toContain(done.blocker.problem);
    });
  });

  test("has a failed attempt exactly while a backoff runs, and the backoff ends in the future", () => {
    alwaysReported((done) => {
      const { lastAttempt } = statusAfter(done);
      if (done.outcome.kind === "recorded") return;
      const isWaiting = done.blocker?.retry.kind === "backoff" || done.blocker?.retry.kind === "running";
      expect(lastAttempt !== undefined).toBe(isWaiting);
      if (done.blocker?.retry.kind !== "backoff") return;
      const atLeastMs = Math.max(done.blocker.retry.atLeastMs ?? 0, 2 * SECOND_MS);
      expect(Date.parse(lastAttempt?.nextAttemptTime ?? "")).toBeGreaterThanOrEqual(done.nowMs + atLeastMs);
    });
  });

  test("does not replace a reason that needs a person by a rate limit or an outage", () => {
    let kept = 0;
    alwaysReported((done) => {
      const { atlas, resource, credentials } = done.situation;
      const before = resource.status.lastAttempt;
      // A Secret that need not be written any more is no reason.
      if (before?.reason === "SecretNotWritable") return;
      if (before?.needsPerson !== true || before.generation !== resource.generation) return;
      if (before.renewRequest !== resource.renewRequest || before.credentialsVersion !== credentials.version) return;
      const { lastAttempt } = statusAfter(done);
      const isInconclusive = lastAttempt?.reason === "RateLimited" || lastAttempt?.reason === "AtlasUnavailable";
      // A create that is turned away comes after a list, which has refuted what the list before it said.
      expect(isInconclusive).toBe(false);
      if (atlas.kind === "refused") kept++;
    });
    expect(kept).toBeGreaterThan(0);
  });

  test("never forgets an attempt unless Atlas plainly refused it", () => {
    let closed = 0;
    alwaysReported((done) => {
      const { issuance } = done.situation.resource.status;
      const after = statusAfter(done);
      if (issuance === undefined || after.issuance?.id === issuance.id) return;
      // One that began a day ago no longer counts.
      if (done.outcome.kind === "issued" && done.outcome.attempt.id === issuance.id) return;
      if (!isWithin(DAY_MS, Date.parse(issuance.startedAt), done.situation.nowMs)) return;
      closed++;
      expect(after.recentIssuances?.map(({ time }) => time)).toContain(issuance.startedAt);
    });
    expect(closed).toBeGreaterThan(0);
  });

  test("never forgets an issuance of the last 24 hours", () => {
    alwaysReported((done) => {
      const times = (statusAfter(done).recentIssuances ?? []).map(({ time }) => time);
      for (const { time } of done.situation.resource.status.recentIssuances ?? []) {
        if (isWithin(DAY_MS, Date.parse(time), done.situation.nowMs)) expect(times).toContain(time);
      }
    });
  });

  test("names an unaccounted-for certificate until it expires, is explained or was a former user's", () => {
    alwaysReported((done) => {
      const { atlas, nowMs, others, resource, secret } = done.situation;
      const after = statusAfter(done);
      if (atlas.kind === "listed" && isOfFormerUser(done.situation)) return;
      const named = new Set(after.unaccounted?.map(({ serialNumber }) => serialNumber));
      const explained = new Set([
        ...others.explained,
        ...(after.recentIssuances ?? []).filter(({ lost }) => lost === undefined).map((entry) => entry.serialNumber),
        ...[resource.status.serialNumber, done.held?.serialNumber, done.parked?.serialNumber],
        secret.kind === "managed" && secret.content.kind === "pair" && secret.content.facts.serialNumber,
      ]);
      for (const { serialNumber, notAfter } of resource.status.unaccounted ?? []) {
        if (Date.parse(notAfter) > nowMs && !explained.has(serialNumber)) expect(named).toContain(serialNumber);
      }
    });
  });

  test("makes no certificate news that it named before", () => {
    alwaysReported((done) => {
      const named = new Set(statusAfter(done).unaccounted?.map(({ serialNumber }) => serialNumber));
      for (const { certificate } of done.findings) expect(named).toContain(certificate.serialNumber);
      const known = new Set(done.situation.resource.status.unaccounted?.map(({ serialNumber }) => serialNumber));
      for (const { certificate } of done.findings) expect(known).not.toContain(certificate.serialNumber);
    });
  });
});

describe("the next reconcile", () => {
  test("is neither in the past nor at once", () => {
    alwaysEnded((done) => {
      const atMs = nextMs(done);
      if (atMs === undefined) return;
      const isExpiry = atMs === done.held?.notAfter.getTime();
      const soonestMs = isExpiry || done.outcome.kind === "parked" ? 1 : SECOND_MS;
      expect(atMs).toBeGreaterThanOrEqual(done.nowMs + soonestMs);
    });
  });

  test("comes, unless only a change can help and no expiry is to be reported", () => {
    alwaysEnded((done) => {
      if (nextMs(done) !== undefined) return;
      expect(done.blocker?.retry.kind).toBe("onChange");
      expect(done.held?.notAfter.getTime() ?? 0).toBeLessThanOrEqual(done.nowMs);
    });
  });

  test("comes when the certificate expires at the latest", () => {
    alwaysEnded((done) => {
      const expiryMs = done.held?.notAfter.getTime() ?? 0;
      if (expiryMs <= done.nowMs) return;
      const hidesMore = done.outcome.kind === "repaired" || done.outcome.kind === "discarded";
      const latestMs = hidesMore ? Math.max(expiryMs, done.nowMs + SECOND_MS) : expiryMs;
      expect(nextMs(done)).toBeLessThanOrEqual(latestMs);
    });
  });

  test("comes within a second or a recheck interval for an open attempt, unless a wait has an end of its own", () => {
    alwaysEnded((done) => {
      const { blocker, outcome, situation } = done;
      const isOpen = statusAfter(done).issuance !== undefined && outcome.kind === "nothing";
      const retry = blocker?.retry.kind;
      if (!isOpen || situation.credentials.kind !== "usable" || retry === "backoff" || retry === "running") return;
      if (situation.isParkedHere || situation.isParkedElsewhere) return;
      expect(nextMs(done)).toBeLessThanOrEqual(done.nowMs + situation.policy.recheckIntervalMs);
    });
  });
});

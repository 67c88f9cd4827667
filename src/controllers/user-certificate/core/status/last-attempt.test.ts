import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { BlockedReason } from "../../../../api/reasons.ts";
import { timestamp } from "../../../../api/timestamp.ts";
import type { LastAttempt } from "../../../../api/user-certificate-status.ts";
import { HOUR_MS } from "../../../../clock.ts";
import {
  ABSENT,
  blocker,
  FOREIGN,
  failure,
  following,
  issuance,
  issued,
  listed,
  managed,
  NOW,
  parked,
  recent,
  reconciled,
  refused,
  SECOND_MS,
  serials,
  settled,
  statusAfter,
} from "../../testing/snapshots.ts";
import type { Outcome } from "../model/decision.ts";
import type { Snapshot } from "../model/snapshot.ts";

/** `status.lastAttempt`: what failed last, and until when the next try waits. */

const missing = (change: Parameters<typeof settled>[0] = {}) =>
  settled({ secret: ABSENT, atlas: listed("1001"), ...change });
const person = (reason: BlockedReason, remedy?: string) =>
  failure(reason, { blocker: blocker(reason, { needsPerson: true, ...(remedy !== undefined && { remedy }) }) });
const lastAttempt = (snapshot: Snapshot, outcome?: Outcome, nowMs?: number, random?: number) =>
  statusAfter(reconciled(snapshot, outcome, nowMs, random)).lastAttempt;

/** The third failure, whose backoff runs for another hour unless it says otherwise. */
function failed(change: Partial<LastAttempt> = {}) {
  return {
    lastAttempt: {
      time: timestamp(NOW - HOUR_MS),
      reason: "AtlasUnavailable",
      message: "Atlas is away.",
      needsPerson: false,
      failures: 3,
      nextAttemptTime: timestamp(NOW + HOUR_MS),
      generation: 1,
      credentialsVersion: "31",
      ...change,
    },
  };
}
const over = { nextAttemptTime: timestamp(NOW) };

describe("a failed attempt", () => {
  test("is recorded with its reason, its message and what it was made for", () => {
    const snapshot = missing({ renewRequest: "a", generation: 4 });
    expect(lastAttempt(snapshot, person("RoleMissing", "Grant the role."))).toEqual({
      time: "2030-01-11T00:00:00Z",
      reason: "RoleMissing",
      message: "RoleMissing happened.",
      remedy: "Grant the role.",
      needsPerson: true,
      failures: 1,
      nextAttemptTime: "2030-01-11T00:00:04Z",
      generation: 4,
      credentialsVersion: "31",
      renewRequest: "a",
    });
  });

  test("is recorded for a list that Atlas refuses", () => {
    expect(lastAttempt(settled({ atlas: refused("AtlasUnavailable") }))).toMatchObject({ reason: "AtlasUnavailable" });
  });

  test("waits no shorter than Atlas asks for, at any millisecond and with any jitter", () => {
    const parts = fc.record({
      ms: fc.integer({ min: 0, max: 999 }),
      random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      atLeastMs: fc.integer({ min: 5000, max: 120_000 }),
    });
    fc.assert(
      fc.property(parts, ({ ms, random, atLeastMs }) => {
        const asked = failure("RateLimited", {
          blocker: blocker("RateLimited", { retry: { kind: "backoff", atLeastMs } }),
        });
        const snapshot = missing({ nowMs: NOW + ms });
        const next = Date.parse(lastAttempt(snapshot, asked, NOW + ms, random)?.nextAttemptTime ?? "");
        expect(next).toBeGreaterThanOrEqual(NOW + ms + atLeastMs);
        expect(next).toBeLessThanOrEqual(NOW + ms + 1.25 * atLeastMs + SECOND_MS);
      }),
    );
  });

  test("is counted with those before it, at odd times and with jitter", () => {
    let snapshot = missing({ nowMs: NOW + 337 });
    const waits: number[] = [];
    for (let attempt = 1; attempt <= 14; attempt++) {
      const done = reconciled(snapshot, failure("AtlasUnavailable"), snapshot.nowMs + 41, (attempt * 0.37) % 1);
      const next = following(done, { atlas: listed("1001") });
      const { failures, nextAttemptTime = "" } = next.resource.status.lastAttempt ?? {};
      expect(failures).toBe(attempt);
      waits.push(Date.parse(nextAttemptTime) - done.nowMs);
      snapshot = { ...next, nowMs: Date.parse(nextAttemptTime) + 7 };
    }
    for (const [index, ms] of waits.entries()) {
      const wholeMs = Math.min(5 * SECOND_MS * 2 ** index, HOUR_MS);
      expect(ms).toBeGreaterThanOrEqual(0.5 * wholeMs);
      expect(ms).toBeLessThanOrEqual(wholeMs + SECOND_MS);
    }
  });

  test("stays as it is while its backoff runs", () => {
    expect(statusAfter(reconciled(missing({ status: failed() })))).toMatchObject(failed());
    expect(statusAfter(reconciled(missing({ status: failed(), atlas: { kind: "notAsked" } })))).toMatchObject(failed());
  });

  test("is counted on although the next attempt is on record", () => {
    const outcome: Outcome = { kind: "recorded", attempt: issuance() };
    expect(lastAttempt(missing({ status: failed(over) }), outcome)?.failures).toBe(3);
    expect(lastAttempt(missing({ status: failed(over) }), failure("AnswerLost"))?.failures).toBe(4);
  });

  test.each([
    ["the spec", { generation: 2 }],
    ["the renewal request", { renewRequest: "now" }],
    ["the credentials", { credentials: { kind: "usable" as const, version: "99" } }],
  ])("is the first one again after a change of %s", (_what, change) => {
    expect(lastAttempt(missing({ status: failed(), ...change }), failure("AtlasUnavailable"))?.failures).toBe(1);
  });

  const forgotten: Readonly<Record<string, readonly [Snapshot, Outcome?]>> = {
    "once a certificate is issued": [missing({ status: failed(over) }), issued()],
    "once Atlas lists the certificate": [settled({ status: failed(over), atlas: listed("1001") })],
    "if only a change helps": [settled({ status: failed(), secret: FOREIGN })],
    "if the end of the wait is known": [
      missing({
        status: { ...failed(over), recentIssuances: serials(4).map((serialNumber) => recent({ serialNumber })) },
      }),
    ],
    "once its time has passed and there is nothing to do": [settled({ status: failed(over) })],
    "while a certificate is parked: its writes have a backoff of their own": [
      missing({ status: failed(over) }),
      parked(),
    ],
  };
  test.each(Object.entries(forgotten))("is forgotten %s", (_what, [snapshot, outcome]) => {
    expect(statusAfter(reconciled(snapshot, outcome))).not.toHaveProperty("lastAttempt");
  });
});

describe("a failure that needs a person", () => {
  const NOT_FOUND = { reason: "UserNotFound", message: "There is no such user.", needsPerson: true } as const;
  const before = missing({ status: failed({ ...NOT_FOUND, ...over }) });
  const time = timestamp(NOW - HOUR_MS);

  test.each([
    ["a rate limit on the list", { ...before, atlas: refused("RateLimited") }, undefined, "RateLimited"],
    ["an outage at the list", { ...before, atlas: refused("AtlasUnavailable") }, undefined, "AtlasUnavailable"],
    ["a rate limit on the create", before, failure("RateLimited"), "RateLimited"],
  ] as const)("is not replaced by %s, which is added", (_what, snapshot: Snapshot, outcome, cause) => {
    const done = reconciled(snapshot, outcome);
    const notRechecked = `Not rechecked since ${time}: ${cause} happened.`;
    expect(statusAfter(done).lastAttempt).toMatchObject({ ...NOT_FOUND, time, notRechecked, failures: 4 });
    expect(done.blocker).toMatchObject({ reason: "UserNotFound", problem: NOT_FOUND.message, notRechecked });
  });

  test("stays through two rate limits in a row, and names the latest", () => {
    const first = following(reconciled({ ...before, atlas: refused("AtlasUnavailable") }));
    const second = { ...first, nowMs: NOW + 12 * 60_000, atlas: refused("RateLimited") };
    expect(lastAttempt(second)).toMatchObject({
      ...NOT_FOUND,
      time,
      notRechecked: `Not rechecked since ${time}: RateLimited happened.`,
      failures: 5,
    });
  });

  test("keeps what was added while the backoff runs", () => {
    const first = following(reconciled({ ...before, atlas: refused("RateLimited") }));
    expect(reconciled(first).blocker?.notRechecked).toContain("RateLimited happened.");
  });

  test("waits as long as the rate limit asks for", () => {
    const retry = { kind: "backoff", atLeastMs: 2 * HOUR_MS } as const;
    const next = lastAttempt(
      { ...before, atlas: refused("RateLimited", { retry }) },
      undefined,
      NOW,
      0,
    )?.nextAttemptTime;
    expect(next).toBe(timestamp(NOW + 2 * HOUR_MS));
  });

  test("is replaced by another failure that needs a person", () => {
    const attempt = lastAttempt({ ...before, atlas: refused("RoleMissing", { needsPerson: true }) });
    expect(attempt).toMatchObject({ reason: "RoleMissing", time: timestamp(NOW), failures: 4 });
    expect(attempt).not.toHaveProperty("notRechecked");
  });

  test("is renewed with the time at which Atlas said so again", () => {
    const limited = following(reconciled({ ...before, atlas: refused("RateLimited") }));
    const again = lastAttempt({
      ...limited,
      nowMs: NOW + HOUR_MS,
      atlas: refused("UserNotFound", { needsPerson: true }),
    });
    expect(again).toMatchObject({ reason: "UserNotFound", time: timestamp(NOW + HOUR_MS) });
    expect(again).not.toHaveProperty("notRechecked");
  });

  test("is refuted by a list that holds the certificate", () => {
    const refuted = { ...before, secret: managed(), atlas: listed("1001") };
    expect(statusAfter(reconciled(refuted))).not.toHaveProperty("lastAttempt");
  });

  test("is not refuted by a recorded attempt", () => {
    const done = reconciled(before, { kind: "recorded", attempt: issuance() });
    expect(done.blocker?.reason).toBe("UserNotFound");
    expect(statusAfter(done).lastAttempt).toMatchObject(NOT_FOUND);
  });

  test("is taken as it is while its backoff runs, although another version of the operator gave its reason", () => {
    const running = missing({ status: failed({ ...NOT_FOUND, reason: "ReasonOfTheFuture" }) });
    expect(reconciled(running).blocker).toMatchObject({ problem: NOT_FOUND.message, needsPerson: true });
    expect(reconciled(running).blocker?.notRechecked).toBeUndefined();
    expect(lastAttempt(running)).toEqual(running.resource.status.lastAttempt);
  });

  test("does not outlive a change of the spec", () => {
    const changed = { ...before, resource: { ...before.resource, generation: 2 }, atlas: refused("RateLimited") };
    expect(lastAttempt(changed)).toMatchObject({ reason: "RateLimited", failures: 1 });
  });
});

import { describe, expect, test } from "vitest";
import { timestamp } from "../../../../api/timestamp.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../../../clock.ts";
import {
  ABSENT,
  blocker,
  certificate,
  FACTS,
  FOREIGN,
  FRESH,
  failure,
  firstReconcile,
  following,
  issuance,
  issued,
  listed,
  managed,
  NOW,
  POLICY,
  parked,
  RENEWAL_MS,
  recent,
  reconciled,
  refused,
  SECOND_MS,
  serials,
  settled,
  statusAfter,
} from "../../testing/snapshots.ts";
import { listDueMs } from "../decide/held.ts";
import { situationOf } from "../decide/situation.ts";
import type { Outcome } from "../model/decision.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { nextReconcileMs } from "./next-reconcile.ts";

const next = (snapshot: Snapshot, outcome?: Outcome, nowMs?: number) =>
  nextReconcileMs(reconciled(snapshot, outcome, nowMs));

const EXPIRY_MS = FACTS.notAfter.getTime();
const listDue = listDueMs(situationOf(settled()), situationOf(settled()).provenMs, undefined);
const missing = settled({ secret: ABSENT, atlas: listed("1001") });
const unlabelled = { secret: managed(FACTS, { labels: {} }) };
const fourToday = { recentIssuances: serials(4).map((serialNumber) => recent({ serialNumber })) };
const person = failure("RoleMissing", { blocker: blocker("RoleMissing", { needsPerson: true }) });

describe("a resource is reconciled next", () => {
  test("when Atlas' list is due", () => {
    expect(next(settled())).toBe(listDue);
  });

  test("when the renewal is due, if that is sooner", () => {
    expect(next(settled({ atlas: listed("1001"), nowMs: RENEWAL_MS - HOUR_MS - 1 }))).toBe(RENEWAL_MS);
  });

  test("when the new certificate's renewal is due, once one was issued", () => {
    const facts = certificate("1002", { notBefore: new Date(NOW), notAfter: new Date(NOW + 3 * HOUR_MS) });
    expect(next(missing, issued({}, facts))).toBe(NOW + 2 * HOUR_MS);
  });

  test("when the certificate before expires, if that is sooner", () => {
    const notAfter = timestamp(NOW + MINUTE_MS);
    const previous = { serialNumber: "1000", notAfter, replacedAt: timestamp(NOW - DAY_MS) };
    expect(next(settled({ status: { previous } }))).toBe(NOW + MINUTE_MS);
  });

  test("seven and a half minutes after a list that lacks the certificate, for another one", () => {
    const lacking = settled({ atlas: listed(), nowMs: NOW + 333 });
    expect(next(lacking)).toBe(NOW + 333 + 7.5 * MINUTE_MS);
    const later = following(reconciled(lacking), { nowMs: NOW + MINUTE_MS });
    expect(next(later)).toBe(NOW + 7.5 * MINUTE_MS);
  });

  test("after the recheck interval, while the lists lack a replacement too", () => {
    const unlisted = {
      serialNumber: "1001",
      since: timestamp(NOW - DAY_MS),
      latest: timestamp(NOW - HOUR_MS),
      lists: 5,
    };
    const replaced = settled({ atlas: listed(), status: { unlisted: { ...unlisted, replaced: true } } });
    expect(next(replaced)).toBe(NOW + POLICY.recheckIntervalMs);
  });

  test("when the backoff is over", () => {
    const done = reconciled(missing, failure("AtlasUnavailable"), NOW + 345, 0.87);
    const { nextAttemptTime = "" } = statusAfter(done).lastAttempt ?? {};
    expect(nextReconcileMs(done)).toBe(Date.parse(nextAttemptTime));
    expect(nextReconcileMs(done)).toBeGreaterThan(NOW + 3 * SECOND_MS);
  });

  test("when an earlier attempt's backoff is over, after every reconcile in between too", () => {
    const failed = following(reconciled(missing, failure("AtlasUnavailable")), { nowMs: NOW + SECOND_MS });
    expect(next(failed)).toBe(Date.parse(failed.resource.status.lastAttempt?.nextAttemptTime ?? ""));
  });

  test("when the budget has room again", () => {
    expect(next(settled({ secret: ABSENT, status: fourToday }))).toBe(NOW + 23 * HOUR_MS);
  });

  test("after the recheck interval, while the user has too many unexpired certificates", () => {
    expect(next(settled({ secret: ABSENT, atlas: listed(...serials(10)) }))).toBe(NOW + POLICY.recheckIntervalMs);
  });

  test("when the write of a parked certificate is due, and no sooner for a list or a renewal", () => {
    expect(next(missing, parked())).toBe(NOW + 1500);
    expect(
      next(settled({ atlas: listed("1001"), nowMs: RENEWAL_MS }), { ...parked(), nextTryMs: RENEWAL_MS + 240_000 }),
    ).toBe(RENEWAL_MS + 240_000);
  });

  test("when the process before gives up its parked certificate", () => {
    const inPod = { pod: "pod-0", serialNumber: "1002", notAfter: timestamp(NOW + 90 * DAY_MS) };
    const waits = issuance({ parked: { ...inPod, until: timestamp(NOW + 90_000) } });
    expect(next(settled({ secret: ABSENT, atlas: listed("1001"), status: { issuance: waits } }))).toBe(NOW + 90_000);
  });

  test("when the renewal is due, while a person has to act: Stalled turns True then", () => {
    const credentials = { kind: "unnamed", version: undefined } as const;
    expect(next(settled({ credentials }))).toBe(RENEWAL_MS);
    expect(next(settled({ credentials, nowMs: RENEWAL_MS }))).toBe(EXPIRY_MS);
  });

  test("when the certificate expires, if the resource is suspended and the renewal is overdue", () => {
    expect(next(settled({ spec: { suspend: true }, nowMs: RENEWAL_MS + 1 }))).toBe(EXPIRY_MS);
  });

  test("when the certificate expires, if the backoff lasts longer", () => {
    const wait = blocker("RateLimited", { retry: { kind: "backoff", atLeastMs: 2 * HOUR_MS } });
    const late = settled({ atlas: listed("1001"), nowMs: EXPIRY_MS - HOUR_MS });
    expect(next(late, failure("RateLimited", { blocker: wait }))).toBe(EXPIRY_MS);
  });

  test("when the backoff is over, if the certificate has expired: there is no second expiry", () => {
    const late = settled({ atlas: listed(), nowMs: EXPIRY_MS });
    expect(next(late, failure("AtlasUnavailable"))).toBeGreaterThan(EXPIRY_MS + 3 * SECOND_MS);
  });

  test("at the expiry to the millisecond, if that is within a second", () => {
    expect(next(settled({ atlas: listed("1001"), nowMs: EXPIRY_MS - 3 }), person)).toBe(EXPIRY_MS);
  });

  test("when the list is due, if that comes before the end of a fight over labels", () => {
    const nowMs = listDue - MINUTE_MS;
    const recentRepairs = serials(5).map(() => nowMs - MINUTE_MS);
    expect(next(settled({ ...unlabelled, recentRepairs, nowMs }))).toBe(listDue);
  });

  test("when the backoff of a failed verification is over, although the certificate is good", () => {
    const atMs = next(settled({ atlas: refused("AtlasUnavailable"), nowMs: NOW + DAY_MS }));
    expect(atMs).toBeGreaterThan(NOW + DAY_MS);
    expect(atMs).toBeLessThan(NOW + DAY_MS + 10 * SECOND_MS);
  });
});

describe("a resource is reconciled again soon", () => {
  const open = { status: { issuance: issuance({ knownSerials: ["1001"] }) } };
  const cases: Readonly<Record<string, readonly [Snapshot, (Outcome | undefined)?, number?]>> = {
    "after a repair, for anything that it hid": [settled(unlabelled), { kind: "repaired", differences: ["label"] }],
    "after it was overtaken": [settled(), { kind: "overtaken" }],
    "after a parked certificate was discarded": [settled(), { kind: "discarded" }],
    "for the list that settles an open attempt": [settled(open)],
    "for the list that settles an open attempt of a suspended resource": [
      settled({ ...open, spec: { suspend: true } }),
    ],
    "for the list that settles an open attempt over a foreign Secret": [settled({ ...open, secret: FOREIGN })],
    "for the first list of a certificate that was never proven": [firstReconcile()],
    "if the renewal came due during the reconcile": [
      settled({ atlas: listed("1001"), nowMs: RENEWAL_MS - 2 }),
      undefined,
      RENEWAL_MS + 3,
    ],
    "if the list came due during the reconcile": [settled({ nowMs: listDue - 2 }), undefined, listDue + 3],
    "if the wait of a blocker ended during the reconcile": [
      settled({ secret: ABSENT, status: fourToday, nowMs: NOW + 23 * HOUR_MS - 2 }),
      undefined,
      NOW + 23 * HOUR_MS + 3,
    ],
  };
  test.each(Object.entries(cases))("%s", (_what, [snapshot, outcome, endMs = snapshot.nowMs]) => {
    // A cache that lags behind a write is not asked without a pause.
    expect(next(snapshot, outcome, endMs)).toBe(endMs + SECOND_MS);
  });

  test("after Atlas refused a list that came before a repair: the repair does not need Atlas", () => {
    const snapshot = settled({ ...unlabelled, atlas: refused("AtlasUnavailable") });
    expect(next(snapshot, { kind: "repaired", differences: ["label"] })).toBe(NOW + SECOND_MS);
    expect(reconciled(following(reconciled(snapshot))).decision.kind).toBe("repair");
  });
});

describe("while Atlas refuses the list, a resource is not reconciled every second", () => {
  const open = { status: { issuance: issuance({ knownSerials: ["1001"] }) }, atlas: refused("AtlasUnavailable") };
  const due = { atlas: refused("AtlasUnavailable"), nowMs: NOW + DAY_MS };
  const cases: Readonly<Record<string, Snapshot>> = {
    "with an open attempt, if it is suspended": settled({ ...open, spec: { suspend: true } }),
    "with an open attempt, if its Secret is foreign": settled({ ...open, secret: FOREIGN }),
    "with an open attempt, if another resource holds its Secret": settled({
      ...open,
      secretHolder: { name: "billing" },
    }),
    "with an open attempt for another user": settled({
      atlas: listed("1001"),
      attempted: refused("RateLimited"),
      status: { issuance: issuance({ username: "billing" }) },
    }),
    "with a list that is due, if its Secret is being deleted": settled({
      ...due,
      secret: managed(FACTS, { deleting: true }),
    }),
    "with a list that is due, if its labels are fought over": settled({
      ...due,
      ...unlabelled,
      recentRepairs: serials(5).map(() => NOW + DAY_MS),
    }),
  };
  test.each(Object.entries(cases))("%s", (_what, snapshot) => {
    expect(next(snapshot)).toBe(snapshot.nowMs + POLICY.recheckIntervalMs);
  });
});

test.each([
  ["a foreign Secret has its name", settled({ secret: FOREIGN })],
  ["another resource holds its Secret", settled({ secretHolder: { name: "billing" } })],
  ["it is suspended without a certificate", settled({ spec: { suspend: true }, secret: ABSENT })],
  ["its parked certificate waits for a foreign Secret to go", waitsBehindForeign()],
])("a resource waits for a change alone while %s", (_what, snapshot) => {
  expect(next(snapshot)).toBeUndefined();
});

function waitsBehindForeign(): Snapshot {
  const attempt = issuance();
  return settled({ secret: FOREIGN, parked: { facts: FRESH, attempt }, status: { issuance: attempt } });
}

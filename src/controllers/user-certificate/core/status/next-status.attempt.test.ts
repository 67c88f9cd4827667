import { describe, expect, test } from "vitest";
import { timestamp } from "../../../../api/timestamp.ts";
import {
  entryFor,
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
  reconciled,
  refused,
  SECOND_MS,
  SETTLED_STATUS,
  settled,
} from "../../testing/snapshots.ts";
import { missing, open, provenFields, statusOf } from "../../testing/statuses.ts";
import type { Outcome } from "../model/decision.ts";
import type { Snapshot } from "../model/snapshot.ts";

describe("a certificate of an open attempt that a crash left in the Secret", () => {
  const found = settled({ secret: managed(FRESH), status: { issuance: open } });
  const adopted = statusOf({
    ...found,
    atlas: listed("1001", entryFor(FRESH)),
    attempted: listed("1001", entryFor(FRESH)),
  });

  test("is adopted once a list holds it, as a new revision with the time of its attempt", () => {
    expect(adopted).toMatchObject({
      serialNumber: "1002",
      fingerprint: "AB:1002",
      revision: 2,
      lastVerifiedTime: timestamp(NOW),
      recentIssuances: [{ time: open.startedAt, reason: "SecretMissing", serialNumber: "1002" }],
    });
    expect(adopted).not.toHaveProperty("issuance");
    expect(adopted).not.toHaveProperty("unaccounted");
  });

  test("counts as a revision only with the report that follows the next attempt's record", () => {
    const atlas = listed("1001", entryFor(FRESH));
    const attempt = issuance({ id: "attempt-2", reason: "RenewRequested" });
    const recorded = statusOf({ ...found, atlas, attempted: atlas }, { kind: "recorded", attempt });
    expect(recorded).toMatchObject({ revision: 1, issuance: attempt });
  });

  test("changes nothing in the status before a list holds it", () => {
    const before = statusOf(found);
    expect(provenFields(before)).toEqual(provenFields(SETTLED_STATUS));
    expect(before).toMatchObject({ revision: 1, issuance: open });
  });

  test("changes nothing in the status if the list lacks it", () => {
    const lacking = statusOf({ ...found, atlas: listed("1001"), attempted: listed("1001") });
    expect(provenFields(lacking)).toEqual(provenFields(SETTLED_STATUS));
    expect(lacking.unlisted).toEqual({ serialNumber: "1002", since: timestamp(NOW), latest: timestamp(NOW), lists: 1 });
  });
});

describe("a renewal request", () => {
  test("is answered by the attempt that saw it", () => {
    expect(statusOf(missing(), issued({ renewRequest: "a" })).renewRequest).toBe("a");
  });

  test("stays open if it came during the attempt", () => {
    const snapshot = missing({ renewRequest: "b", status: { renewRequest: "a" } });
    expect(statusOf(snapshot, issued({ renewRequest: "a" })).renewRequest).toBe("a");
  });

  test("is remembered as answered when the annotation is removed", () => {
    expect(statusOf(missing({ status: { renewRequest: "a" } }), issued()).renewRequest).toBe("a");
  });

  test("is not answered by a failure", () => {
    expect(statusOf(missing({ renewRequest: "a" }), failure("AtlasUnavailable")).renewRequest).toBeUndefined();
  });

  test("is not answered by a certificate that is parked", () => {
    expect(statusOf(missing({ renewRequest: "a" }), parked({ renewRequest: "a" })).renewRequest).toBeUndefined();
  });

  test("is answered by the attempt whose process died after it stored its certificate", () => {
    const attempt = issuance({ knownSerials: ["1001"], renewRequest: "a" });
    const snapshot = settled({ renewRequest: "a", secret: managed(FRESH), status: { issuance: attempt } });
    const list = listed("1001", entryFor(FRESH));
    expect(statusOf({ ...snapshot, atlas: list, attempted: list }).renewRequest).toBe("a");
    const empty = listed("1001");
    expect(statusOf({ ...snapshot, atlas: empty, attempted: empty }).renewRequest).toBeUndefined();
  });

  test("counts as answered in the first reconcile of a good Secret", () => {
    const snapshot = firstReconcile({ atlas: listed("1001") });
    const first = { ...snapshot, resource: { ...snapshot.resource, renewRequest: "old" } };
    expect(statusOf(first)).toMatchObject({ renewRequest: "old", revision: 1 });
  });

  test("acts twice for two values and once for one value", () => {
    const list = listed("1001");
    const once = following(reconciled(settled({ renewRequest: "a", atlas: list }), issued({ renewRequest: "a" })), {
      secret: managed(FRESH),
    });
    expect(reconciled(once).decision).toEqual({ kind: "keep" });
    const again = { ...once, resource: { ...once.resource, renewRequest: "b" } };
    expect(reconciled(again).decision).toMatchObject({ kind: "issue", reason: "RenewRequested" });
  });
});

describe("the record of the attempt", () => {
  const opened = { status: { issuance: open } };
  const cases: Readonly<Record<string, readonly [Snapshot, Outcome | undefined, boolean]>> = {
    "stays while Atlas was not asked": [settled(opened), undefined, true],
    "stays while Atlas refuses its list": [settled({ ...opened, atlas: refused("RateLimited") }), undefined, true],
    "is closed once a list was compared": [settled({ ...opened, atlas: listed("1001") }), undefined, false],
    "is closed once a list was compared, although the resource is suspended": [
      settled({ ...opened, atlas: listed("1001"), spec: { suspend: true } }),
      undefined,
      false,
    ],
    "stays through a repair": [settled(opened), { kind: "repaired", differences: [] }, true],
    "stays through a repair that fails": [
      settled({ ...opened, secret: managed(FACTS, { labels: {} }) }),
      failure("SecretNotWritable"),
      true,
    ],
    "stays if the answer got lost": [missing(), failure("AnswerLost", { attempt: open, staysOpen: true }), true],
    "is closed if Atlas plainly refused": [missing(opened), failure("UserNotFound", { attempt: open }), false],
    "is closed if the preflight failed after a list was compared": [
      missing(opened),
      failure("SecretNotWritable"),
      false,
    ],
    "stays while its certificate is parked here": [
      settled({ ...opened, secret: FOREIGN, atlas: listed(), parked: { facts: FRESH, attempt: open } }),
      undefined,
      true,
    ],
    "stays after its parked certificate was discarded, until a list tells": [
      settled({ ...opened, parked: { facts: FRESH, attempt: open } }),
      { kind: "discarded" },
      true,
    ],
  };
  test.each(Object.entries(cases))("%s", (_what, [snapshot, outcome, stays]) => {
    expect(statusOf(snapshot, outcome).issuance !== undefined).toBe(stays);
  });

  test("is written before Atlas is asked", () => {
    expect(statusOf(missing(), { kind: "recorded", attempt: open }).issuance).toEqual(open);
  });

  test("names the pod in which its certificate is parked", () => {
    expect(statusOf(missing(), parked()).issuance).toEqual({
      ...issuance(),
      parked: { pod: "pod-1", serialNumber: "1002", notAfter: "2030-04-11T00:00:00Z" },
    });
  });

  test("of a new attempt takes the place of a settled one, which becomes a lost answer", () => {
    const second = issuance({ id: "attempt-2", startedAt: timestamp(NOW), knownSerials: ["1001"] });
    expect(statusOf(missing(opened), { kind: "recorded", attempt: second })).toMatchObject({
      issuance: { id: "attempt-2" },
      recentIssuances: [{ time: open.startedAt, lost: "AnswerLost" }],
    });
  });

  test("stops a process that dies again and again in the middle of it", () => {
    let snapshot = missing();
    let creates = 0;
    for (; creates < 20; creates++) {
      const known = ["1001", ...Array.from({ length: creates }, (_, index) => String(3000 + index))];
      const nowMs = NOW + creates * 10 * SECOND_MS + 123;
      const done = reconciled({ ...snapshot, nowMs, atlas: listed(...known), attempted: listed(...known) });
      if (done.decision.kind !== "issue") break;
      // The record is written, Atlas creates, the process dies.
      const attempt = issuance({ id: `attempt-${creates}`, startedAt: timestamp(nowMs), knownSerials: known });
      snapshot = following({ ...done, outcome: { kind: "recorded", attempt } });
    }
    expect(creates).toBe(POLICY.maxIssuesPerDay);
  });
});

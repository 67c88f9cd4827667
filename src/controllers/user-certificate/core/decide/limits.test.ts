import { describe, expect, test } from "vitest";
import { timestamp } from "../../../../api/timestamp.ts";
import { DAY_MS, HOUR_MS } from "../../../../clock.ts";
import {
  ABSENT,
  certificate,
  entryFor,
  FACTS,
  FRESH,
  failure,
  firstReconcile,
  following,
  issuance,
  issued,
  listed,
  managed,
  NO_OTHERS,
  NOW,
  RENEWAL_MS,
  recent,
  reconciled,
  settled,
} from "../../testing/snapshots.ts";
import type { ListedCertificate, OthersOfUser, Snapshot } from "../model/snapshot.ts";
import { isExempt } from "./limits.ts";
import { situationOf } from "./situation.ts";

const usage = (snapshot: Snapshot) => situationOf(snapshot).usage;

const at = (ms: number) => new Date(NOW + ms);
const created = (serialNumber: string, agoMs: number): ListedCertificate =>
  entryFor(certificate(serialNumber), { createdAt: at(-agoMs) });
const others = (change: Partial<OthersOfUser>) => ({ others: { ...NO_OTHERS, ...change } });
const own = (...recentIssuances: ReturnType<typeof recent>[]) => ({ status: { recentIssuances } });
const open = issuance({ knownSerials: ["1001"] });
const inPod = (serialNumber: string) => ({ pod: "pod-2", serialNumber, notAfter: timestamp(NOW + 90 * DAY_MS) });

describe("certificates that count as issued in the last 24 hours", () => {
  const cases: Readonly<Record<string, readonly [Snapshot, number]>> = {
    "none if nothing was issued": [settled({ atlas: listed("1001") }), 0],
    "each that Atlas created within 24 hours": [
      settled({ atlas: listed(created("1001", DAY_MS), created("5", DAY_MS - 1), created("6", 0)) }),
      2,
    ],
    "each that Atlas created within 24 hours, for a resource without a status": [
      firstReconcile({ secret: ABSENT, atlas: listed(created("5", HOUR_MS), created("6", 0)) }),
      2,
    ],
    "none that Atlas lists without a creation time": [settled({ atlas: listed("1001", "5", "6") }), 0],
    "own ones, although the list lacks them": [
      settled({ atlas: listed(), ...own(recent({ serialNumber: "5" }), recent({ serialNumber: "6" })) }),
      2,
    ],
    "own ones that are listed, once": [
      settled({ atlas: listed(created("5", HOUR_MS)), ...own(recent({ serialNumber: "5" })) }),
      1,
    ],
    "those of other resources": [settled(others({ issuances: [recent({ serialNumber: "5" })] })), 1],
    "one that two resources remember, once": [
      settled({ ...own(recent({ serialNumber: "5" })), ...others({ issuances: [recent({ serialNumber: "5" })] }) }),
      1,
    ],
    "the open attempt before a list settles it": [settled({ status: { issuance: open } }), 1],
    "the open attempt once, after a list settled it": [
      settled({ status: { issuance: open }, atlas: listed("1001") }),
      1,
    ],
    "the open attempt once, if the list shows its certificate": [
      settled({ status: { issuance: open }, atlas: listed("1001", created("5", 60_000)) }),
      1,
    ],
    "open attempts of other resources": [settled(others({ attempts: [open, issuance({ id: "attempt-7" })] })), 2],
    "the open attempt of another resource, once, if the list shows its certificate": [
      settled({ atlas: listed("1001", created("5", 60_000)), ...others({ attempts: [open] }) }),
      1,
    ],
    "the certificate that another resource has parked, once": [
      settled({ atlas: listed(created("5", 60_000)), ...others({ attempts: [issuance({ parked: inPod("5") })] }) }),
      1,
    ],
    "the certificate that is parked in this process, once": [
      settled({
        atlas: listed(created("1002", 60_000)),
        parked: { facts: FRESH, attempt: open },
        status: { issuance: { ...open, parked: inPod("1002") } },
      }),
      1,
    ],
    "a lost answer, although no list shows a certificate": [settled(own(recent({ lost: "AnswerLost" }))), 1],
    "none that was there before its resource": [settled(own(recent({ serialNumber: "1001", reason: "Adopted" }))), 0],
    "not an attempt that began a day ago": [
      settled({ status: { issuance: issuance({ startedAt: timestamp(NOW - DAY_MS) }) } }),
      0,
    ],
  };
  test.each(Object.entries(cases))("%s", (_what, [snapshot, count]) => {
    expect(usage(snapshot).issuedMs).toHaveLength(count);
  });

  test.each([
    ["a day ago", -DAY_MS, 0],
    ["a second less than a day ago", -DAY_MS + 1000, 1],
    ["a second less than a day ahead, by another clock", DAY_MS - 1000, 1],
    ["a day ahead, by a wrong clock", DAY_MS, 0],
  ])("a certificate that was issued %s", (_what, ms, count) => {
    expect(usage(settled(own(recent({ time: timestamp(NOW + ms), serialNumber: "5" })))).issuedMs).toHaveLength(count);
    expect(usage(settled({ atlas: listed(entryFor(certificate("5"), { createdAt: at(ms) })) })).issuedMs).toHaveLength(
      count,
    );
  });

  test("are dated by the attempt where one is on record, else by Atlas, so that a list moves no limit", () => {
    const snapshot = settled({
      atlas: listed(created("5", 1234), created("7", 4321)),
      ...own(recent({ serialNumber: "5" }), recent({ serialNumber: "6" })),
    });
    expect(usage(snapshot).issuedMs.toSorted()).toEqual([NOW - HOUR_MS, NOW - HOUR_MS, NOW - 4321]);
  });

  const missing = settled({ secret: ABSENT, atlas: listed("1001") });
  const ends: Readonly<Record<string, readonly [ReturnType<typeof failure>, number]>> = {
    "a certificate that was stored": [issued({ knownSerials: ["1001"] }), 1],
    "an attempt whose answer was lost": [failure("AnswerLost", { attempt: open, staysOpen: true }), 1],
    "an attempt with an unusable answer": [failure("AnswerUnusable", { attempt: open, staysOpen: true }), 1],
    "not an attempt that Atlas plainly refused": [failure("RoleMissing", { attempt: open }), 0],
    "not an attempt that the preflight ended": [failure("SecretNotWritable"), 0],
  };
  test.each(Object.entries(ends))("after the reconcile: %s", (_what, [outcome, count]) => {
    expect(usage(following(reconciled(missing, outcome))).issuedMs).toHaveLength(count);
    expect(usage(following(reconciled(missing, outcome), { atlas: listed("1001") })).issuedMs).toHaveLength(count);
  });

  test("grow by one with each process that dies right after it recorded its attempt", () => {
    let snapshot = missing;
    for (let crash = 1; crash <= 4; crash++) {
      const attempt = issuance({ id: `attempt-${crash}`, startedAt: timestamp(NOW), knownSerials: ["1001"] });
      snapshot = following(reconciled(snapshot, { kind: "recorded", attempt }), { atlas: listed("1001") });
      expect(usage(snapshot).issuedMs).toHaveLength(crash);
    }
    expect(reconciled(snapshot).blocker?.reason).toBe("IssuanceBudgetSpent");
  });
});

test("the daily limit grows by one with each further living resource of the user", () => {
  expect(usage(settled()).maxPerDay).toBe(4);
  expect(usage(settled(others({ count: 3 }))).maxPerDay).toBe(7);
});

describe("certificates that count as unexpired", () => {
  const cases: Readonly<Record<string, readonly [Snapshot, number]>> = {
    "those that Atlas lists": [settled({ atlas: listed("1001", "5") }), 2],
    "own ones of the last day that the list lacks": [
      settled({ atlas: listed("1001"), ...own(recent({ serialNumber: "5", notAfter: timestamp(NOW + 1000) })) }),
      2,
    ],
    "not own ones of the last day that have expired": [
      settled({ atlas: listed("1001"), ...own(recent({ serialNumber: "5", notAfter: timestamp(NOW) })) }),
      1,
    ],
    "not older ones that the list lacks: the user was deleted and created again": [
      settled({
        atlas: listed(),
        ...own(recent({ time: timestamp(NOW - DAY_MS), serialNumber: "5", notAfter: timestamp(NOW + DAY_MS) })),
      }),
      0,
    ],
    "open attempts": [settled({ atlas: listed("1001"), ...others({ attempts: [open] }) }), 2],
    "lost answers": [settled({ atlas: listed("1001"), ...own(recent({ lost: "AnswerLost" })) }), 2],
    "a parked certificate that is listed, once": [
      settled({ atlas: listed("1001", "5"), ...others({ attempts: [issuance({ parked: inPod("5") })] }) }),
      2,
    ],
  };
  test.each(Object.entries(cases))("%s", (_what, [snapshot, count]) => {
    expect(usage(snapshot).unexpired).toBe(count);
  });
});

describe("exempt from the limits is", () => {
  const due = settled({ atlas: listed("1001"), nowMs: RENEWAL_MS });
  const replaced = recent({ time: timestamp(RENEWAL_MS - HOUR_MS), replaces: "1001" });

  test("the renewal of a listed certificate that is due by time", () => {
    expect(isExempt(situationOf(due), "NearingExpiry")).toBe(true);
  });

  test("a requested renewal only once it is due by time", () => {
    expect(isExempt(situationOf(due), "RenewRequested")).toBe(true);
    expect(isExempt(situationOf({ ...due, nowMs: RENEWAL_MS - 1 }), "RenewRequested")).toBe(false);
  });

  test("no other issue, although the renewal is due", () => {
    for (const reason of ["SecretMissing", "SecretReverted", "IdentityChanged", "KeyMismatch"] as const) {
      expect(isExempt(situationOf(due), reason)).toBe(false);
    }
  });

  const not: Readonly<Record<string, Snapshot>> = {
    "that the list lacks": { ...due, atlas: listed("5") },
    "that the list has with another expiry": {
      ...due,
      atlas: listed(entryFor(FACTS, { notAfter: new Date(FACTS.notAfter.getTime() + 1000) })),
    },
    "whose Secret belongs to another resource": { ...due, secretHolder: { name: "billing" } },
    "that is not in the Secret": { ...due, secret: ABSENT },
  };
  test.each(Object.entries(not))("not the renewal of a certificate %s", (_what, snapshot) => {
    expect(isExempt(situationOf(snapshot), "NearingExpiry")).toBe(false);
  });

  test("the renewal of a certificate while Atlas was not asked: the list decides before anything is issued", () => {
    expect(isExempt(situationOf({ ...due, atlas: { kind: "notAsked" } }), "NearingExpiry")).toBe(true);
  });

  test("one attempt a day for each certificate", () => {
    const renewed = (entry: ReturnType<typeof recent>) =>
      settled({ atlas: listed("1001"), nowMs: RENEWAL_MS, ...own(entry) });
    expect(isExempt(situationOf(renewed(replaced)), "NearingExpiry")).toBe(false);
    expect(isExempt(situationOf(renewed({ ...replaced, time: timestamp(RENEWAL_MS - DAY_MS) })), "NearingExpiry")).toBe(
      true,
    );
  });

  test("the next certificate, although the one before was renewed today", () => {
    const next = settled({ nowMs: RENEWAL_MS, ...own(replaced) });
    const held = { secret: managed(certificate("1002")), atlas: listed("1002") };
    expect(isExempt(situationOf({ ...next, ...held }), "NearingExpiry")).toBe(true);
  });

  test("one attempt a day although the resource was deleted and applied again meanwhile", () => {
    const attempt = issuance({ startedAt: timestamp(RENEWAL_MS - HOUR_MS), reason: "NearingExpiry", replaces: "1001" });
    expect(isExempt(situationOf({ ...due, ...others({ issuances: [replaced] }) }), "NearingExpiry")).toBe(false);
    expect(isExempt(situationOf({ ...due, ...others({ attempts: [attempt] }) }), "NearingExpiry")).toBe(false);
  });
});

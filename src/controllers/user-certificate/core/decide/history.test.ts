import { describe, expect, test } from "vitest";
import { timestamp } from "../../../../api/timestamp.ts";
import type { Issuance } from "../../../../api/user-certificate-status.ts";
import { DAY_MS, HOUR_MS } from "../../../../clock.ts";
import {
  ABSENT,
  certificate,
  entryFor,
  FACTS,
  FRESH,
  failure,
  following,
  issuance,
  listed,
  managed,
  NO_OTHERS,
  NOW,
  PROJECT,
  recent,
  reconciled,
  refused,
  settled,
} from "../../testing/snapshots.ts";
import type { ListedCertificate, Snapshot } from "../model/snapshot.ts";
import { situationOf } from "./situation.ts";

const history = (snapshot: Snapshot) => situationOf(snapshot).history;
const isParkedHere = (snapshot: Snapshot) => situationOf(snapshot).isParkedHere;

const STARTED_MS = Date.parse("2030-01-10T23:59:00Z");
const EXPIRES = "2030-04-01T00:00:00Z";
const open = (change: Partial<Issuance> = {}) => issuance({ knownSerials: ["1001"], ...change });
const attempting = (change: Parameters<typeof settled>[0] = {}, attempt = open()) =>
  settled({ ...change, status: { issuance: attempt, ...change.status } });
const created = (serialNumber: string, ms: number): ListedCertificate =>
  entryFor(certificate(serialNumber), { createdAt: new Date(STARTED_MS + ms) });
const parkedIn = (change: Partial<NonNullable<Issuance["parked"]>> = {}) =>
  open({ parked: { pod: "pod-0", serialNumber: "1002", notAfter: EXPIRES, ...change } });
const ofOtherUser = open({ username: "billing" });

describe("an open attempt", () => {
  const user = { projectId: PROJECT, username: "orders-api" };
  const entry = { time: "2030-01-10T23:59:00Z", reason: "SecretMissing", ...user };

  test("is no entry of the history before a list settles it", () => {
    expect(history(attempting())).toEqual([]);
  });

  test("becomes an entry with the serial number of its certificate if the Secret and the list hold that", () => {
    const snapshot = attempting({ secret: managed(certificate("1002")), atlas: listed("1001", "1002") });
    expect(history(snapshot)).toEqual([{ ...entry, serialNumber: "1002", notAfter: EXPIRES }]);
  });

  test("becomes a lost answer if the list shows nothing new: it may lag behind", () => {
    expect(history(attempting({ atlas: listed("1001") }))).toEqual([{ ...entry, lost: "AnswerLost" }]);
  });

  test("becomes a lost answer with the serial number of the certificate that no one holds", () => {
    const snapshot = attempting({ atlas: listed("1001", "1002") });
    expect(history(snapshot)).toEqual([{ ...entry, serialNumber: "1002", notAfter: EXPIRES, lost: "AnswerLost" }]);
  });

  test("is not believed to have made a certificate in the Secret that the list lacks", () => {
    const snapshot = attempting({ secret: managed(certificate("1002")), atlas: listed("1001") });
    expect(history(snapshot)).toEqual([{ ...entry, lost: "AnswerLost" }]);
  });

  test("is not believed to have made a certificate that carries a listed serial number with another expiry", () => {
    const forged = certificate("1002", { notAfter: new Date("2036-01-01T00:00:00Z") });
    const [only] = history(attempting({ secret: managed(forged), atlas: listed("1001", "1002") }));
    expect(only?.lost).toBe("AnswerLost");
  });

  test("keeps the serial number of its parked certificate, as not stored, if no process holds that any more", () => {
    const snapshot = attempting({ atlas: listed("1001", "1002") }, parkedIn());
    expect(history(snapshot)).toEqual([{ ...entry, serialNumber: "1002", notAfter: EXPIRES, lost: "NotStored" }]);
  });

  test("is stored if the Secret holds its parked certificate, although the list lags behind", () => {
    const snapshot = attempting({ secret: managed(certificate("1002")), atlas: listed("1001") }, parkedIn());
    expect(history(snapshot)).toEqual([{ ...entry, serialNumber: "1002", notAfter: EXPIRES }]);
  });

  test("says which certificate it replaces", () => {
    const snapshot = attempting({ atlas: listed("1001") }, open({ replaces: "1001" }));
    expect(history(snapshot)).toMatchObject([{ replaces: "1001" }]);
  });

  test("is an entry once, after the reconcile that settled it", () => {
    const once = history(following(reconciled(attempting({ atlas: listed("1001") })), { atlas: listed("1001") }));
    expect(once.filter(({ lost }) => lost !== undefined)).toEqual([{ ...entry, lost: "AnswerLost" }]);
  });
});

describe("an attempt is settled", () => {
  const cases: Readonly<Record<string, readonly [Snapshot, boolean]>> = {
    "by a list of its user": [attempting({ atlas: listed() }), true],
    "not before Atlas was asked": [attempting(), false],
    "not while Atlas refuses the list of its user, even for good": [
      attempting({ atlas: refused("RoleMissing", { needsPerson: true }) }),
      false,
    ],
    "by a list of its user, if the spec names another one by now": [
      attempting({ atlas: refused("RateLimited"), attempted: listed() }, ofOtherUser),
      true,
    ],
    "not by a list of the user that the spec names by now": [
      attempting({ atlas: listed(), attempted: refused("RateLimited") }, ofOtherUser),
      false,
    ],
    "if the list of its user is refused for good and the spec names another user by now": [
      attempting({ atlas: listed(), attempted: refused("RoleMissing", { needsPerson: true }) }, ofOtherUser),
      true,
    ],
    "not while its certificate is parked in this process": [
      attempting({ atlas: listed(), parked: { facts: FRESH, attempt: open() } }),
      false,
    ],
    "not while the process before stores its certificate": [
      attempting({ atlas: listed() }, parkedIn({ until: timestamp(NOW + 1000) })),
      false,
    ],
    "although a certificate of another attempt is parked in this process": [
      attempting({ atlas: listed(), parked: { facts: FRESH, attempt: open({ id: "attempt-0" }) } }),
      true,
    ],
    "not if there is none": [settled({ atlas: listed() }), false],
  };
  test.each(Object.entries(cases))("%s", (_what, [snapshot, expected]) => {
    expect(situationOf(snapshot).settled !== undefined).toBe(expected);
  });
});

describe("an attempt for a user that the spec no longer names", () => {
  const moved = { username: "billing" };
  const attempt = open({ username: "orders-api" });

  test("becomes an entry with its certificate in the Secret, upon the list of its own user", () => {
    const snapshot = attempting(
      { spec: moved, secret: managed(FRESH), atlas: listed("1"), attempted: listed("1001", entryFor(FRESH)) },
      attempt,
    );
    expect(history(snapshot)).toMatchObject([{ serialNumber: "1002" }]);
    expect(history(snapshot)[0]).not.toHaveProperty("lost");
  });

  test("becomes a lost answer with the orphan in the list of its own user", () => {
    const snapshot = attempting({ spec: moved, atlas: listed("1"), attempted: listed("1001", "1002") }, attempt);
    expect(history(snapshot)).toMatchObject([{ serialNumber: "1002", lost: "AnswerLost" }]);
  });

  test("becomes a lost answer without a serial number if that list is forbidden", () => {
    const attempted = refused("RoleMissing", { needsPerson: true });
    const [only] = history(attempting({ spec: moved, atlas: listed(), attempted }, attempt));
    expect(only).toMatchObject({ lost: "AnswerLost" });
    expect(only).not.toHaveProperty("serialNumber");
  });
});

describe("a lost answer is given the serial number of", () => {
  const lost = recent({ time: timestamp(STARTED_MS), lost: "AnswerLost" });
  const serialsOf = (snapshot: Snapshot) => history(snapshot).map(({ serialNumber }) => serialNumber);
  const remembered = (atlas: Snapshot["atlas"], change: Parameters<typeof settled>[0] = {}) =>
    settled({ atlas, ...change, status: { recentIssuances: [lost], ...change.status } });

  const ofFormerUser = {
    spec: { username: "billing" },
    status: { recentIssuances: [{ ...lost, projectId: PROJECT, username: "orders-api" }] },
  };
  const fits: Readonly<Record<string, ListedCertificate>> = {
    "a certificate that Atlas created in the second of the attempt": created("5", 0),
    "a certificate that Atlas dated two seconds before the attempt": created("5", -2000),
    "a certificate that Atlas created almost an hour later": created("5", HOUR_MS - 1),
    "a certificate without a creation time": entryFor(certificate("5")),
  };
  test.each(Object.entries(fits))("%s", (_what, certificateOfList) => {
    expect(serialsOf(remembered(listed("1001", certificateOfList)))).toEqual(["5"]);
  });

  const misfits: Readonly<Record<string, Snapshot>> = {
    "that Atlas created before the attempt": remembered(listed("1001", created("5", -2001))),
    "that Atlas created an hour later": remembered(listed("1001", created("5", HOUR_MS))),
    "that belongs to another resource's lost answer": remembered(listed("1001", created("5", 0)), {
      others: { ...NO_OTHERS, issuances: [recent({ serialNumber: "5", lost: "AnswerLost" })] },
    }),
    "that another resource explains": remembered(listed("1001", created("5", 0)), {
      others: { ...NO_OTHERS, explained: new Set(["5"]) },
    }),
    "that another resource's open attempt may have made": remembered(listed("1001", created("5", 30_000)), {
      others: { ...NO_OTHERS, attempts: [issuance({ id: "attempt-9", knownSerials: ["1001"] })] },
    }),
    "that is in the Secret": remembered(listed("1001", created("5", 0)), { secret: managed(certificate("5")) }),
    "that the status describes, although the Secret is absent": remembered(listed(created("1001", 0)), {
      secret: ABSENT,
    }),
    "without a creation time that was unaccounted for before": remembered(listed("1001", "5"), {
      status: { unaccounted: [{ serialNumber: "5", notAfter: EXPIRES }] },
    }),
    "of the user that the spec names by now": remembered(listed("1001", created("5", 0)), ofFormerUser),
    "of the user that the spec names by now, without a creation time": remembered(listed("1001", "5"), ofFormerUser),
    "without a creation time, a day after the attempt": remembered(listed("1001", "5"), {
      nowMs: STARTED_MS + DAY_MS,
    }),
  };
  test.each(Object.entries(misfits))("not of a certificate %s", (_what, snapshot) => {
    expect(serialsOf(snapshot).filter((serial) => serial !== undefined)).toEqual([]);
  });

  test("one certificate each", () => {
    const recentIssuances = [lost, recent({ time: timestamp(STARTED_MS + 10_000), lost: "AnswerLost" })];
    const given = (...certificates: readonly ListedCertificate[]) =>
      serialsOf(settled({ atlas: listed("1001", ...certificates), status: { recentIssuances } }));
    expect(given(created("5", 500), created("6", 11_000))).toEqual(["5", "6"]);
    expect(given(created("5", 500))).toEqual(["5", undefined]);
  });

  test("a certificate that was listed before the attempt only if Atlas says that it is newer", () => {
    const attempt = open({ knownSerials: ["1001", "5"] });
    expect(serialsOf(attempting({ atlas: listed("1001", "5") }, attempt))).toEqual([undefined]);
  });

  test("the certificate that is listed late, in a later reconcile", () => {
    const first = following(reconciled(attempting({ atlas: listed("1001") })), { atlas: listed("1001", "5") });
    expect(history(first).find(({ lost }) => lost !== undefined)).toMatchObject({
      serialNumber: "5",
      lost: "AnswerLost",
    });
  });
});

describe("the history", () => {
  test("forgets an entry a day after it was issued and a day after it expires", () => {
    const entry = recent({
      time: timestamp(NOW - 90 * DAY_MS),
      serialNumber: "5",
      notAfter: timestamp(NOW - DAY_MS + 1000),
    });
    const snapshot = settled({ status: { recentIssuances: [entry] } });
    expect(history(snapshot)).toEqual([entry]);
    expect(history({ ...snapshot, nowMs: NOW + 1000 })).toEqual([]);
  });

  test("forgets nothing by a clock that no answer of Atlas has confirmed", () => {
    const entries = [recent({ serialNumber: "5", notAfter: EXPIRES }), recent({ lost: "AnswerLost" })];
    const ahead = settled({ nowMs: NOW + 400 * DAY_MS, isClockMeasured: false, status: { recentIssuances: entries } });
    expect(history(ahead)).toEqual(entries);
  });

  test("forgets a lost answer without a serial number after a day", () => {
    const snapshot = settled({ status: { recentIssuances: [recent({ lost: "AnswerLost" })] } });
    expect(history({ ...snapshot, nowMs: NOW + 23 * HOUR_MS - 1 })).toHaveLength(1);
    expect(history({ ...snapshot, nowMs: NOW + 23 * HOUR_MS })).toEqual([]);
  });

  test("keeps the newest 40 entries", () => {
    const recentIssuances = Array.from({ length: 60 }, (_, index) => recent({ serialNumber: String(index) }));
    const kept = history(settled({ status: { recentIssuances } }));
    expect(kept.map(({ serialNumber }) => serialNumber)).toEqual(
      recentIssuances.slice(20).map(({ serialNumber }) => serialNumber),
    );
  });

  test("holds no attempt that Atlas plainly refused", () => {
    const refusedAttempt = failure("RoleMissing", { attempt: open() });
    const next = following(reconciled(settled({ secret: ABSENT, atlas: listed("1001") }), refusedAttempt));
    expect(history({ ...next, atlas: listed("1001"), attempted: listed("1001") })).toEqual([]);
  });
});

describe("a certificate is parked", () => {
  test("in this process if its attempt is the one on record", () => {
    expect(isParkedHere(attempting({ parked: { facts: FRESH, attempt: open() } }))).toBe(true);
    expect(isParkedHere(attempting({ parked: { facts: FRESH, attempt: open({ id: "attempt-0" }) } }))).toBe(false);
    expect(isParkedHere(attempting())).toBe(false);
  });

  const until = (ms: number) => parkedIn({ until: timestamp(NOW + ms) });
  const cases: Readonly<Record<string, readonly [Snapshot, boolean]>> = {
    "until the time that the process before has announced": [attempting({}, until(1000)), true],
    "not at that time any more": [attempting({}, until(0)), false],
    "not if that process announced nothing": [attempting({}, parkedIn()), false],
    "not if the time is an hour away: a wrong clock wrote it": [attempting({}, until(HOUR_MS)), false],
    "not once the Secret holds it": [attempting({ secret: managed(certificate("1002")) }, until(60_000)), false],
    "not if it is parked in this process": [
      attempting({ parked: { facts: FRESH, attempt: open() } }, until(60_000)),
      false,
    ],
    "not without an attempt": [settled({ secret: managed(FACTS) }), false],
  };
  test.each(Object.entries(cases))("in another process %s", (_what, [snapshot, expected]) => {
    expect(situationOf(snapshot).isParkedElsewhere).toBe(expected);
  });
});

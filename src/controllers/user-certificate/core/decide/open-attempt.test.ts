import { describe, expect, test } from "vitest";
import { timestamp } from "../../../../api/timestamp.ts";
import type { Issuance } from "../../../../api/user-certificate-status.ts";
import { HOUR_MS } from "../../../../clock.ts";
import { attempting, EXPIRES, historyOf, open } from "../../testing/open-attempts.ts";
import {
  certificate,
  entryFor,
  FACTS,
  FRESH,
  following,
  listed,
  managed,
  NOW,
  PROJECT,
  reconciled,
  refused,
  settled,
} from "../../testing/snapshots.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { situationOf } from "./situation.ts";

const isParkedHere = (snapshot: Snapshot) => situationOf(snapshot).isParkedHere;
const parkedIn = (change: Partial<NonNullable<Issuance["parked"]>> = {}) =>
  open({ parked: { pod: "pod-0", serialNumber: "1002", notAfter: EXPIRES, ...change } });
const ofOtherUser = open({ username: "billing" });

describe("an open attempt", () => {
  const user = { projectId: PROJECT, username: "orders-api" };
  const entry = { time: "2030-01-10T23:59:00Z", reason: "SecretMissing", ...user };

  test("is no entry of the history before a list settles it", () => {
    expect(historyOf(attempting())).toEqual([]);
  });

  test("becomes an entry with the serial number of its certificate if the Secret and the list hold that", () => {
    const snapshot = attempting({ secret: managed(certificate("1002")), atlas: listed("1001", "1002") });
    expect(historyOf(snapshot)).toEqual([{ ...entry, serialNumber: "1002", notAfter: EXPIRES }]);
  });

  test("becomes a lost answer if the list shows nothing new: it may lag behind", () => {
    expect(historyOf(attempting({ atlas: listed("1001") }))).toEqual([{ ...entry, lost: "AnswerLost" }]);
  });

  test("becomes a lost answer with the serial number of the certificate that no one holds", () => {
    const snapshot = attempting({ atlas: listed("1001", "1002") });
    expect(historyOf(snapshot)).toEqual([{ ...entry, serialNumber: "1002", notAfter: EXPIRES, lost: "AnswerLost" }]);
  });

  test("is not believed to have made a certificate in the Secret that the list lacks", () => {
    const snapshot = attempting({ secret: managed(certificate("1002")), atlas: listed("1001") });
    expect(historyOf(snapshot)).toEqual([{ ...entry, lost: "AnswerLost" }]);
  });

  test("is not believed to have made a certificate that carries a listed serial number with another expiry", () => {
    const forged = certificate("1002", { notAfter: new Date("2036-01-01T00:00:00Z") });
    const [only] = historyOf(attempting({ secret: managed(forged), atlas: listed("1001", "1002") }));
    expect(only?.lost).toBe("AnswerLost");
  });

  test("keeps the serial number of its parked certificate, as not stored, if no process holds that any more", () => {
    const snapshot = attempting({ atlas: listed("1001", "1002") }, parkedIn());
    expect(historyOf(snapshot)).toEqual([{ ...entry, serialNumber: "1002", notAfter: EXPIRES, lost: "NotStored" }]);
  });

  test("is stored if the Secret holds its parked certificate, although the list lags behind", () => {
    const snapshot = attempting({ secret: managed(certificate("1002")), atlas: listed("1001") }, parkedIn());
    expect(historyOf(snapshot)).toEqual([{ ...entry, serialNumber: "1002", notAfter: EXPIRES }]);
  });

  test("says which certificate it replaces", () => {
    const snapshot = attempting({ atlas: listed("1001") }, open({ replaces: "1001" }));
    expect(historyOf(snapshot)).toMatchObject([{ replaces: "1001" }]);
  });

  test("is an entry once, after the reconcile that settled it", () => {
    const once = historyOf(following(reconciled(attempting({ atlas: listed("1001") })), { atlas: listed("1001") }));
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
    expect(historyOf(snapshot)).toMatchObject([{ serialNumber: "1002" }]);
    expect(historyOf(snapshot)[0]).not.toHaveProperty("lost");
  });

  test("becomes a lost answer with the orphan in the list of its own user", () => {
    const snapshot = attempting({ spec: moved, atlas: listed("1"), attempted: listed("1001", "1002") }, attempt);
    expect(historyOf(snapshot)).toMatchObject([{ serialNumber: "1002", lost: "AnswerLost" }]);
  });

  test("becomes a lost answer without a serial number if that list is forbidden", () => {
    const attempted = refused("RoleMissing", { needsPerson: true });
    const [only] = historyOf(attempting({ spec: moved, atlas: listed(), attempted }, attempt));
    expect(only).toMatchObject({ lost: "AnswerLost" });
    expect(only).not.toHaveProperty("serialNumber");
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

import { describe, expect, test } from "vitest";
import { timestamp } from "../../../../api/timestamp.ts";
import type { UnaccountedCertificate } from "../../../../api/user-certificate-status.ts";
import { DAY_MS, HOUR_MS } from "../../../../clock.ts";
import {
  certificate,
  entryFor,
  FRESH,
  firstReconcile,
  following,
  issuance,
  issued,
  listed,
  managed,
  NO_OTHERS,
  NOW,
  PROJECT,
  recent,
  reconciled,
  refused,
  settled,
  statusAfter,
} from "../../testing/snapshots.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { situationOf } from "./situation.ts";
import { findings, unaccounted } from "./unaccounted.ts";

const REFUSED = refused("RateLimited");
const EXPIRES = "2030-04-01T00:00:00Z";
const all = (snapshot: Snapshot) => unaccounted(situationOf(snapshot), situationOf(snapshot).history);
const serialsOf = (snapshot: Snapshot) => all(snapshot).map(({ serialNumber }) => serialNumber);
const news = (snapshot: Snapshot) => findings(snapshot, all(snapshot), situationOf(snapshot).history);
const newSerials = (snapshot: Snapshot) => news(snapshot).map(({ certificate: { serialNumber } }) => serialNumber);
const known = (serialNumber: string, change: Partial<UnaccountedCertificate> = {}) => ({
  serialNumber,
  notAfter: EXPIRES,
  ...change,
});
const createdAt = (ms: number) => new Date(Date.parse("2030-01-01T00:00:00Z") + ms);
const since = (serialNumber: string, ms: number) => entryFor(certificate(serialNumber), { createdAt: createdAt(ms) });
const attempt = issuance({ knownSerials: ["1001"] });

describe("unaccounted for is", () => {
  const cases: Readonly<Record<string, readonly [Snapshot, readonly string[]]>> = {
    "no certificate in the Secret": [settled({ atlas: listed("1001") }), []],
    "no certificate that this resource had before": [
      settled({ atlas: listed("1001", "1000"), status: { recentIssuances: [recent({ serialNumber: "1000" })] } }),
      [],
    ],
    "no certificate of a Secret that was damaged": [settled({ secret: { kind: "absent" }, atlas: listed("1001") }), []],
    "no certificate that another resource explains": [
      settled({ atlas: listed("1001", "5"), others: { ...NO_OTHERS, explained: new Set(["5"]) } }),
      [],
    ],
    "no certificate that another resource's open attempt may have just made": [
      settled({ atlas: listed("1001", "5"), others: { ...NO_OTHERS, attempts: [attempt] } }),
      [],
    ],
    "no certificate that is parked in this process": [
      settled({
        atlas: listed("1001", "1002"),
        parked: { facts: FRESH, attempt },
        status: { issuance: attempt },
      }),
      [],
    ],
    "no expired one": [settled({ atlas: listed("1001", entryFor(certificate("5", { notAfter: new Date(NOW) }))) }), []],
    "a certificate that was there before another resource's attempt": [
      settled({
        atlas: listed("1001", "5"),
        others: { ...NO_OTHERS, attempts: [issuance({ knownSerials: ["1001", "5"] })] },
      }),
      ["5"],
    ],
    "a certificate that another resource's attempt may have made an hour ago": [
      settled({
        atlas: listed("1001", "5"),
        others: { ...NO_OTHERS, attempts: [{ ...attempt, startedAt: timestamp(NOW - HOUR_MS) }] },
      }),
      ["5"],
    ],
    "the certificate of a lost answer": [settled({ atlas: listed("1001", "5"), status: { issuance: attempt } }), ["5"]],
    "any other": [settled({ atlas: listed("1001", "5") }), ["5"]],
    "nothing, if nothing was known and Atlas refused its list": [settled({ atlas: refused("RateLimited") }), []],
  };
  test.each(Object.entries(cases))("%s", (_what, [snapshot, expected]) => {
    expect(serialsOf(snapshot)).toEqual(expected);
  });

  test("named with its times, to the second", () => {
    const certificateOfList = entryFor(certificate("5", { notAfter: new Date("2030-03-01T10:11:12.345Z") }), {
      createdAt: createdAt(1999),
    });
    expect(all(settled({ atlas: listed("1001", certificateOfList) }))).toEqual([
      { serialNumber: "5", createdAt: "2030-01-01T00:00:01Z", notAfter: "2030-03-01T10:11:12Z" },
    ]);
  });

  test("also of the open attempt's user, if the spec names another one by now: what is newer than the attempt", () => {
    const snapshot = settled({
      spec: { username: "billing" },
      status: { issuance: issuance({ knownSerials: ["1001", "7"] }) },
      atlas: listed("1", "2"),
      attempted: listed("1001", "7", "8"),
    });
    expect(serialsOf(snapshot).toSorted()).toEqual(["1", "2", "8"]);
  });
});

describe("certificates that are unaccounted for stay in the status", () => {
  const status = { unaccounted: [known("5"), known("6", { notAfter: timestamp(NOW + 1000) })] };

  test.each([
    ["while Atlas is not asked", settled({ status })],
    ["while Atlas refuses its list", settled({ status, atlas: refused("AtlasUnavailable") })],
    ["over an empty list", settled({ status, atlas: listed() })],
    [
      "while another resource's attempt is open that does not know them",
      settled({ status, atlas: listed("1001", "5", "6"), others: { ...NO_OTHERS, attempts: [attempt] } }),
    ],
  ])("%s", (_what, snapshot) => {
    expect(serialsOf(snapshot)).toEqual(["6", "5"]);
  });

  test("until they expire", () => {
    expect(serialsOf(settled({ status, nowMs: NOW + 1000 }))).toEqual(["5"]);
  });

  test("until something explains them", () => {
    expect(serialsOf(settled({ status, others: { ...NO_OTHERS, explained: new Set(["5"]) } }))).toEqual(["6"]);
    expect(serialsOf(settled({ status, secret: managed(certificate("6")) }))).toEqual(["5"]);
  });

  test.each([
    ["and the Secret is the former one's", settled({ status, spec: { username: "billing" }, atlas: listed("6", "7") })],
    [
      "and the Secret is gone",
      settled({
        status: {
          ...status,
          recentIssuances: [recent({ serialNumber: "1001", projectId: PROJECT, username: "orders-api" })],
        },
        spec: { username: "billing" },
        secret: { kind: "absent" },
        atlas: listed("6", "7"),
      }),
    ],
  ])("until a list of the user arrives, if the resource names another one by now %s", (_what, snapshot) => {
    expect(serialsOf({ ...snapshot, atlas: REFUSED, attempted: REFUSED })).toEqual(["6", "5"]);
    expect(serialsOf(snapshot)).toEqual(["6", "7"]);
    const after = statusAfter(reconciled(snapshot, issued({ username: "billing" })));
    expect(after.unaccounted?.map(({ serialNumber }) => serialNumber)).toEqual(["6", "7"]);
  });

  test("in an order that does not depend on Atlas'", () => {
    const serials = ["9007199254740993", "9007199254740992", "77", "78"];
    const orders = [serials, serials.toReversed()].map((order) =>
      serialsOf(settled({ atlas: listed("1001", ...order) })),
    );
    expect(orders[0]).toEqual(orders[1]);
    expect(orders[0]).toHaveLength(4);
  });

  test("as far as there are no more than 100 of them: those that expire last", () => {
    const many = Array.from({ length: 120 }, (_, index) =>
      entryFor(certificate(String(3000 + index), { notAfter: new Date(NOW + (index + 1) * HOUR_MS) })),
    );
    const named = serialsOf(settled({ atlas: listed("1001", ...many) }));
    expect(named).toHaveLength(100);
    expect(named[0]).toBe("3020");
    const next = following(reconciled(settled({ atlas: listed("1001", ...many) })), { atlas: listed("1001", ...many) });
    expect(newSerials(next)).toEqual([]);
  });
});

describe("news is", () => {
  test("a certificate that Atlas created after the resource", () => {
    expect(newSerials(settled({ atlas: listed("1001", since("5", 0), since("6", DAY_MS)) }))).toEqual(["5", "6"]);
  });

  test("not a certificate that Atlas created before the resource", () => {
    expect(newSerials(settled({ atlas: listed("1001", since("5", -1000)) }))).toEqual([]);
    expect(newSerials(firstReconcile({ atlas: listed("1001", since("5", -DAY_MS)) }))).toEqual([]);
  });

  test("not a certificate without a creation time: it may have been there before the resource", () => {
    expect(newSerials(settled({ atlas: listed("1001", "5") }))).toEqual([]);
  });

  test("not a certificate that the status names", () => {
    const status = { unaccounted: [known("5")] };
    expect(newSerials(settled({ status, atlas: listed("1001", since("5", 0)) }))).toEqual([]);
  });

  test("a certificate once, even if the list lacks it in between", () => {
    const found = settled({ atlas: listed("1001", since("5", 0)) });
    expect(newSerials(found)).toEqual(["5"]);
    const empty = following(reconciled(found), { atlas: listed() });
    expect(newSerials(empty)).toEqual([]);
    expect(newSerials(following(reconciled(empty), { atlas: found.atlas }))).toEqual([]);
  });

  test("the certificate of a lost answer, with its attempt, whether or not Atlas says when it was created", () => {
    const lost = settled({ atlas: listed("1001", "5"), status: { issuance: attempt } });
    expect(news(lost)).toEqual([
      { certificate: known("5"), attempt: expect.objectContaining({ time: attempt.startedAt, lost: "AnswerLost" }) },
    ]);
  });

  test("the parked certificate that died with its process, with its attempt", () => {
    const parked = { pod: "pod-0", serialNumber: "5", notAfter: EXPIRES };
    const lost = settled({ atlas: listed("1001", "5"), status: { issuance: { ...attempt, parked } } });
    expect(news(lost)).toMatchObject([{ certificate: { serialNumber: "5" }, attempt: { lost: "NotStored" } }]);
  });

  test("the certificate of a lost answer although the resource is suspended or its Secret is foreign", () => {
    const lost = { atlas: listed("1001", "5"), status: { issuance: attempt } };
    expect(newSerials(settled({ ...lost, spec: { suspend: true } }))).toEqual(["5"]);
    expect(newSerials(settled({ ...lost, secretHolder: { name: "billing" } }))).toEqual(["5"]);
  });

  test("not the certificate of another resource's open attempt, although an own answer was lost before", () => {
    const others = { ...NO_OTHERS, attempts: [issuance({ id: "attempt-9", knownSerials: ["1001"] })] };
    const lost = recent({ time: timestamp(NOW - 120_000), lost: "AnswerLost" });
    const made = entryFor(certificate("5"), { createdAt: new Date(NOW - 30_000) });
    expect(newSerials(settled({ atlas: listed("1001", made), others, status: { recentIssuances: [lost] } }))).toEqual(
      [],
    );
  });
});

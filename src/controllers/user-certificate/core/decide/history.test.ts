import { describe, expect, test } from "vitest";
import { timestamp } from "../../../../api/timestamp.ts";
import { DAY_MS, HOUR_MS } from "../../../../clock.ts";
import { attempting, EXPIRES, historyOf, open, STARTED_MS } from "../../testing/open-attempts.ts";
import {
  ABSENT,
  certificate,
  entryFor,
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
  settled,
} from "../../testing/snapshots.ts";
import type { ListedCertificate, Snapshot } from "../model/snapshot.ts";

const created = (serialNumber: string, ms: number): ListedCertificate =>
  entryFor(certificate(serialNumber), { createdAt: new Date(STARTED_MS + ms) });

describe("a lost answer is given the serial number of", () => {
  const lost = recent({ time: timestamp(STARTED_MS), lost: "AnswerLost" });
  const serialsOf = (snapshot: Snapshot) => historyOf(snapshot).map(({ serialNumber }) => serialNumber);
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
    expect(historyOf(first).find(({ lost }) => lost !== undefined)).toMatchObject({
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
    expect(historyOf(snapshot)).toEqual([entry]);
    expect(historyOf({ ...snapshot, nowMs: NOW + 1000 })).toEqual([]);
  });

  test("forgets nothing by a clock that no answer of Atlas has confirmed", () => {
    const entries = [recent({ serialNumber: "5", notAfter: EXPIRES }), recent({ lost: "AnswerLost" })];
    const ahead = settled({ nowMs: NOW + 400 * DAY_MS, isClockMeasured: false, status: { recentIssuances: entries } });
    expect(historyOf(ahead)).toEqual(entries);
  });

  test("forgets a lost answer without a serial number after a day", () => {
    const snapshot = settled({ status: { recentIssuances: [recent({ lost: "AnswerLost" })] } });
    expect(historyOf({ ...snapshot, nowMs: NOW + 23 * HOUR_MS - 1 })).toHaveLength(1);
    expect(historyOf({ ...snapshot, nowMs: NOW + 23 * HOUR_MS })).toEqual([]);
  });

  test("keeps the newest 40 entries", () => {
    const recentIssuances = Array.from({ length: 60 }, (_, index) => recent({ serialNumber: String(index) }));
    const kept = historyOf(settled({ status: { recentIssuances } }));
    expect(kept.map(({ serialNumber }) => serialNumber)).toEqual(
      recentIssuances.slice(20).map(({ serialNumber }) => serialNumber),
    );
  });

  test("holds no attempt that Atlas plainly refused", () => {
    const refusedAttempt = failure("RoleMissing", { attempt: open() });
    const next = following(reconciled(settled({ secret: ABSENT, atlas: listed("1001") }), refusedAttempt));
    expect(historyOf({ ...next, atlas: listed("1001"), attempted: listed("1001") })).toEqual([]);
  });
});

import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { MIN_RENEW_BEFORE, parseDurationMs } from "../../../../api/duration.ts";
import { MIN_BEFORE_MS } from "../../../../certificate/renewal-time.ts";
import {
  abandonedIssuance,
  backoffEndMs,
  heldCertificate,
  lastVerifiedMs,
  latecomers,
  orphans,
  renewalDueMs,
  renewRequested,
  spentIssuances,
  unaccounted,
  verificationDueMs,
} from "./held.ts";
import type { Snapshot } from "../model/snapshot.ts";
import {
  ABSENT,
  certificate,
  DAY_MS,
  damaged,
  FACTS,
  FOREIGN,
  failure,
  firstLook,
  following,
  HOUR_MS,
  issuance,
  listed,
  managed,
  NOW,
  OTHER_PROJECT,
  POLICY,
  refused,
  reconciled,
  SECOND_MS,
  SETTLED_STATUS,
  settled,
} from "../../testing/snapshots.ts";

test("the CRD accepts a renewBefore from exactly that on which is used as it is", () => {
  expect(parseDurationMs(MIN_RENEW_BEFORE)).toBe(MIN_BEFORE_MS);
});

test("a stored renewBefore of 1s renews a day before the expiry", () => {
  expect(renewalDueMs(settled({ spec: { renewBefore: "1s" } }))).toBe(FACTS.notAfter.getTime() - DAY_MS);
});

describe("the held certificate is", () => {
  test.each([
    ["the one in the operator's Secret", settled(), FACTS],
    ["none without a Secret", settled({ secret: ABSENT }), undefined],
    ["none in a foreign Secret", settled({ secret: FOREIGN }), undefined],
    ["none in a damaged one", settled({ secret: damaged("mismatch") }), undefined],
    ["not that of another resource's Secret", settled({ secretHolder: "billing" }), undefined],
  ])("%s", (_what, snapshot: Snapshot, held) => {
    expect(heldCertificate(snapshot)).toBe(held);
  });
});

describe("a certificate was verified last", () => {
  test("when the status says so", () => {
    expect(lastVerifiedMs(settled())).toBe(NOW - HOUR_MS);
  });

  test("never, where the status speaks of another one", () => {
    expect(lastVerifiedMs(settled({ secret: managed(certificate("1002")) }))).toBeUndefined();
    expect(verificationDueMs(settled({ secret: managed(certificate("1002")) }), NOW)).toBe(0);
  });

  test("and each resource has a time of its own for the next, in the last fifth of the interval", () => {
    const due = Array.from({ length: 100 }, (_, index) => {
      const snapshot = settled();
      return verificationDueMs({ ...snapshot, resource: { ...snapshot.resource, uid: uuid(index) } }, NOW);
    });
    const last = NOW - HOUR_MS;
    expect(Math.min(...due)).toBeGreaterThanOrEqual(last + 0.8 * POLICY.verifyIntervalMs);
    expect(Math.max(...due)).toBeLessThanOrEqual(last + POLICY.verifyIntervalMs);
    expect(Math.max(...due) - Math.min(...due)).toBeGreaterThan(0.15 * POLICY.verifyIntervalMs);
  });
});

describe("a time that a clock far ahead has written", () => {
  const ahead = (ms: number) => new Date(NOW + ms).toISOString();

  test("does not put off the next list", () => {
    expect(verificationDueMs(settled({ status: { lastVerifiedTime: ahead(100 * DAY_MS) } }), NOW)).toBe(0);
    const alittle = settled({ status: { lastVerifiedTime: ahead(2 * 60_000) } });
    expect(verificationDueMs(alittle, NOW)).toBeGreaterThan(NOW);
  });

  test("is no backoff: none lasts longer than a day", () => {
    const failed = following(reconciled(settled({ secret: ABSENT, atlas: listed() }), failure("AtlasUnavailable")));
    const until = (nextAttemptTime: string, change: Partial<Snapshot> = {}) => ({
      ...failed,
      resource: { ...failed.resource, status: { ...failed.resource.status, nextAttemptTime } },
      ...change,
    });
    expect(backoffEndMs(until(ahead(365 * DAY_MS)), NOW)).toBeUndefined();
    expect(backoffEndMs(until(ahead(DAY_MS + SECOND_MS)), NOW)).toBe(NOW + DAY_MS + SECOND_MS);
    const patient = { policy: { ...POLICY, maxBackoffMs: 3 * DAY_MS } };
    expect(backoffEndMs(until(ahead(3 * DAY_MS), patient), NOW)).toBe(NOW + 3 * DAY_MS);
  });
});

/** As random as a real one, and the same in each run. */
function uuid(index: number): string {
  return createHash("sha256").update(String(index)).digest("hex").slice(0, 32);
}

describe("a backoff", () => {
  const failed = following(reconciled(settled({ secret: ABSENT, atlas: listed() }), failure("UserNotFound")));
  const { resource } = failed;

  test("runs until its time", () => {
    const endMs = backoffEndMs(failed, NOW);
    expect(endMs).toBeGreaterThan(NOW);
    expect(backoffEndMs(failed, endMs ?? 0)).toBeUndefined();
  });

  test.each([
    ["a change of the spec", { ...failed, resource: { ...resource, generation: 2 } }],
    ["a renew request", { ...failed, resource: { ...resource, renewRequest: "now" } }],
    ["other credentials", { ...failed, credentials: { kind: "usable", version: "32" } }],
    ["the loss of the credentials", { ...failed, credentials: { kind: "unusable", version: undefined, problem: "" } }],
  ] as const)("is ended by %s", (_what, snapshot: Snapshot) => {
    expect(backoffEndMs(snapshot, NOW)).toBeUndefined();
  });
});

describe("a renewal is requested", () => {
  test.each([
    ["by a value that was not answered", settled({ renewRequest: "b", status: { renewRequest: "a" } }), true],
    ["by an empty value too", settled({ renewRequest: "" }), true],
    ["not by an answered value", settled({ renewRequest: "a", status: { renewRequest: "a" } }), false],
    ["not without the annotation", settled({ status: { renewRequest: "a" } }), false],
  ])("%s", (_what, snapshot, expected) => {
    expect(renewRequested(snapshot)).toBe(expected);
  });

  test("not on the first look: that request was answered in another life", () => {
    const snapshot = firstLook({ atlas: listed("1001") });
    const first = { ...snapshot, resource: { ...snapshot.resource, renewRequest: "old" } };
    expect(renewRequested(first)).toBe(false);
    expect(renewRequested(following(reconciled(first)))).toBe(false);
  });
});

describe("of the certificates that Atlas lists", () => {
  test.each([
    ["the held one is accounted for", settled({ atlas: listed("1001") }), []],
    [
      "one that this resource was issued before is",
      settled({
        atlas: listed("1001", "1000"),
        status: { recentIssuances: [{ time: "2030-01-01T00:00:00Z", reason: "x", serialNumber: "1000" }] },
      }),
      [],
    ],
    [
      "one of another resource with the same user is",
      settled({ atlas: listed("1001", "1000"), serialsOfOthers: new Set(["1000"]) }),
      [],
    ],
    [
      "one that another resource's attempt may have just made is",
      settled({ atlas: listed("1001", "1000"), attemptsOfOthers: [issuance({ knownSerials: ["1001"] })] }),
      [],
    ],
    [
      "one that was there before another resource's attempt is not",
      settled({ atlas: listed("1001", "1000"), attemptsOfOthers: [issuance({ knownSerials: ["1001", "1000"] })] }),
      ["1000"],
    ],
    ["any other is not", settled({ atlas: listed("1001", "1000") }), ["1000"]],
    ["nothing is known without the list", settled({ atlas: refused("RateLimited") }), []],
  ])("%s", (_what, snapshot: Snapshot, serials) => {
    expect(unaccounted(snapshot).map(({ serialNumber }) => serialNumber)).toEqual(serials);
  });
});

const lost = (change: Partial<Snapshot> = {}, open = issuance({ knownSerials: ["1001"] })) =>
  settled({ status: { issuance: open }, ...change });

describe("orphans of the open issuance are", () => {
  const serials = (snapshot: Snapshot) => orphans(snapshot)?.map(({ serialNumber }) => serialNumber);

  test("what was not there before it and nobody holds", () => {
    expect(serials(lost({ atlas: listed("1001", "1002") }))).toEqual(["1002"]);
  });

  test.each([
    ["without an issuance", settled({ atlas: listed("1001", "1002") })],
    ["where nothing new is listed", lost({ atlas: listed("1001") })],
    [
      "where another resource accounts for what is new",
      lost({ atlas: listed("1002"), serialsOfOthers: new Set(["1002"]) }),
    ],
  ])("none %s", (_what, snapshot) => {
    expect(serials(snapshot)).toEqual([]);
  });

  test.each([
    ["without the list", lost()],
    ["where the list is another user's by now", lost({ atlas: listed("5") }, issuance({ username: "billing" }))],
    [
      "where the list is another project's by now",
      lost({ atlas: listed("5") }, issuance({ projectId: OTHER_PROJECT })),
    ],
  ])("unknown %s", (_what, snapshot) => {
    expect(serials(snapshot)).toBeUndefined();
  });
});

describe("latecomers are", () => {
  const serials = (snapshot: Snapshot) => latecomers(snapshot).map(({ serialNumber }) => serialNumber);
  test("unaccounted certificates that the status does not know", () => {
    expect(serials(settled({ atlas: listed("1001", "8") }))).toEqual(["8"]);
    const seen = { unaccountedCertificates: 1, unaccountedSerials: ["7"] };
    expect(serials(settled({ status: seen, atlas: listed("1001", "7", "8") }))).toEqual(["8"]);
  });

  test.each([
    ["where the spec has changed", settled({ generation: 2, atlas: listed("1001", "8") })],
    [
      "where the spec has changed and there is no Secret",
      settled({ secret: ABSENT, generation: 2, atlas: listed("8") }),
    ],
    [
      "that were there when the open issuance began, unknown to the status",
      settled({ status: { issuance: issuance({ knownSerials: ["1001", "8"] }) }, atlas: listed("1001", "8") }),
    ],
  ])("also %s", (_what, snapshot) => {
    expect(serials(snapshot)).toEqual(["8"]);
  });

  test.each([
    ["without the list", settled()],
    ["where all is accounted for", settled({ atlas: listed("1001") })],
    ["at the first list of all", firstLook({ atlas: listed("1001", "7") })],
    [
      "where an earlier version wrote the number alone",
      settled({ status: { unaccountedCertificates: 0, countedUser: undefined }, atlas: listed("1001", "7") }),
    ],
    [
      "where there were too many to name",
      settled({ status: { unaccountedCertificates: 101 }, atlas: listed("1001", "7", "8") }),
    ],
    ["where the list is another user's by now", settled({ spec: { username: "billing" }, atlas: listed("7") })],
    ["where it is another project's", settled({ spec: { projectId: OTHER_PROJECT }, atlas: listed("7") })],
    [
      "where the open issuance explains it",
      settled({ status: { issuance: issuance({ knownSerials: ["1001"] }) }, atlas: listed("1001", "7") }),
    ],
  ])("none %s", (_what, snapshot) => {
    expect(serials(snapshot)).toEqual([]);
  });

  test("none after the round that told of them", () => {
    const found = settled({ atlas: listed("1001", "8") });
    expect(serials(following(reconciled(found)))).toEqual([]);
  });

  test("none that was told of before another resource's attempt began that does not know it", () => {
    const found = following(reconciled(settled({ atlas: listed("1001", "8") })));
    const others = { attemptsOfOthers: [issuance({ knownSerials: ["1001"] })] };
    const meanwhile = following(reconciled({ ...found, ...others }));
    expect(meanwhile.resource.status.unaccountedSerials).toEqual(["8"]);
    expect(serials({ ...meanwhile, attemptsOfOthers: [] })).toEqual([]);
  });
});

describe("an open issuance is abandoned", () => {
  const of = (username: string, change: Partial<Snapshot> = {}) =>
    abandonedIssuance(settled({ status: { issuance: issuance({ username, knownSerials: ["1001"] }) }, ...change }));

  test("where the list is another user's by now", () => {
    expect(of("billing", { atlas: listed("1001") })).toMatchObject({ username: "billing" });
  });

  test.each([
    ["where it is for the user that is listed", of("orders-api", { atlas: listed("1001") })],
    ["before there is a list", of("billing")],
    [
      "where its certificate is in the Secret",
      of("billing", { atlas: listed(), secret: managed(certificate("1002")) }),
    ],
    ["where there is none", abandonedIssuance(settled({ atlas: listed("1001") }))],
  ])("not %s", (_what, abandoned) => {
    expect(abandoned).toBeUndefined();
  });
});

describe("what was spent holds", () => {
  const reasons = (snapshot: Snapshot) => spentIssuances(snapshot).map(({ reason }) => reason);
  const known = { time: "2030-01-10T12:00:00Z", reason: "SecretMissing", serialNumber: "1001" };

  test("the issuances of the status", () => {
    expect(spentIssuances(settled({ status: { recentIssuances: [known] } }))).toEqual([known]);
  });

  test("an attempt whose process died between the answer and the Secret", () => {
    expect(spentIssuances(lost({ atlas: listed("1001", "1002") }))).toEqual([
      { time: issuance().startedAt, reason: "AnswerLost", notAfter: "2030-04-01T00:00:00Z" },
    ]);
  });

  test("an attempt for another user, of which the list can't tell any more", () => {
    expect(reasons(lost({ atlas: listed("5") }, issuance({ username: "billing" })))).toEqual(["AnswerLost"]);
  });

  test("an attempt whose certificate may be another resource's as well", () => {
    const both = lost({ atlas: listed("1001", "1002"), attemptsOfOthers: [issuance({ knownSerials: ["1001"] })] });
    expect(orphans(both)).toEqual([]);
    expect(reasons(both)).toEqual(["AnswerLost"]);
  });

  test("not an attempt that came to nothing", () => {
    expect(reasons(lost({ atlas: listed("1001") }))).toEqual([]);
  });

  test("not an open attempt before the list has told", () => {
    expect(reasons(lost())).toEqual([]);
  });

  test("an attempt once, where the failure was noted when it happened", () => {
    const noted = following(
      reconciled(
        settled({ secret: ABSENT, atlas: listed("1001") }),
        failure("AnswerLost", { spent: true, staysOpen: true, issuance: issuance({ knownSerials: ["1001"] }) }),
      ),
      { atlas: listed("1001", "1002") },
    );
    expect(reasons(noted)).toEqual(["AnswerLost"]);
  });
});

test("the settled status of these tests speaks of the certificate", () => {
  expect(SETTLED_STATUS).toMatchObject({ serialNumber: "1001", revision: 1, unexpiredCertificates: 1 });
});

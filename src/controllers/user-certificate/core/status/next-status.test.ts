import { describe, expect, test } from "vitest";
import type { UserCertificateStatus } from "../../../../api/user-certificate.ts";
import { nextStatus } from "./next-status.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { Outcome } from "../model/decision.ts";
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
  POLICY,
  PROJECT,
  refused,
  reconciled,
  SECOND_MS,
  SETTLED_STATUS,
  settled,
  blocker,
} from "../../testing/snapshots.ts";

const FRESH = certificate("1002", { notBefore: new Date(NOW), notAfter: new Date(NOW + 90 * DAY_MS) });
const issued = (change = {}): Outcome => ({ kind: "issued", facts: FRESH, issuance: issuance(change) });
const statusAfter = (snapshot: Snapshot, outcome?: Outcome, nowMs = NOW): UserCertificateStatus =>
  nextStatus(reconciled(snapshot, outcome, nowMs));
const missing = (change: Parameters<typeof settled>[0] = {}) =>
  settled({ secret: ABSENT, atlas: listed("1001"), ...change });

describe("a certificate that was issued", () => {
  const status = statusAfter(
    missing({ status: { issuance: issuance(), failedAttempts: 3, nextAttemptTime: iso(NOW) } }),
    issued(),
  );

  test("is described as the Secret holds it", () => {
    expect(status).toMatchObject({
      secretName: "orders-api-mongodb",
      serialNumber: "1002",
      fingerprint: "AB:CD",
      notBefore: "2030-01-11T00:00:00Z",
      notAfter: "2030-04-11T00:00:00Z",
      renewalTime: "2030-03-12T00:00:00Z",
      lastVerifiedTime: "2030-01-11T00:00:00Z",
    });
  });

  test("counts as a revision and as an unexpired certificate that is accounted for", () => {
    expect(status).toMatchObject({ revision: 2, unexpiredCertificates: 2, unaccountedCertificates: 0 });
  });

  test("closes its record and ends the row of failures", () => {
    expect(status).not.toHaveProperty("issuance");
    expect(status).not.toHaveProperty("failedAttempts");
    expect(status).not.toHaveProperty("nextAttemptTime");
    expect(status).not.toHaveProperty("lastAttempt");
  });

  test("is remembered until a day after it expires, for the budget and for the accounts", () => {
    const [entry] = status.recentIssuances ?? [];
    expect(entry).toEqual({
      time: iso(NOW),
      reason: "SecretMissing",
      serialNumber: "1002",
      notAfter: "2030-04-11T00:00:00Z",
    });
    const later = (ms: number) =>
      statusAfter(settled({ status, secret: managed(FRESH) }), undefined, ms).recentIssuances;
    const end = FRESH.notAfter.getTime() + DAY_MS;
    expect(later(end - SECOND_MS)).toEqual([entry]);
    expect(later(end)).toBeUndefined();
  });

  test("is counted once where a crash came after it and Atlas lists it already", () => {
    const found: Outcome = { kind: "issued", facts: FACTS, issuance: issuance() };
    const snapshot = settled({ atlas: listed("1001"), status: { issuance: issuance() } });
    expect(statusAfter(snapshot, found)).toMatchObject({ revision: 2, unexpiredCertificates: 1 });
  });
});

describe("a certificate whose issuance is finished after a crash", () => {
  const found: Outcome = { kind: "issued", facts: FRESH, issuance: issuance() };
  const unknown = { secret: managed(FRESH), status: { issuance: issuance() } };

  test("is not verified: nobody has seen it in Atlas' list", () => {
    const status = statusAfter(settled(unknown), found);
    expect(status).toMatchObject({ serialNumber: "1002", revision: 2 });
    expect(status).not.toHaveProperty("lastVerifiedTime");
    expect(status.conditions?.[0]).toMatchObject({ type: "Ready", status: "False", reason: "NotListedByAtlas" });
  });

  test("is verified where this round's list holds it", () => {
    const status = statusAfter(settled({ ...unknown, atlas: listed("1002") }), found);
    expect(status.lastVerifiedTime).toBe(iso(NOW));
    expect(status.conditions?.[0]).toMatchObject({ type: "Ready", status: "True" });
  });
});

test("a certificate whose issuance is finished after a crash is remembered with the time of its attempt", () => {
  const found: Outcome = { kind: "issued", facts: FACTS, issuance: issuance() };
  const snapshot = settled({ status: { issuance: issuance() } });
  expect(statusAfter(snapshot, found, NOW + DAY_MS).recentIssuances).toMatchObject([
    { time: issuance().startedAt, serialNumber: "1001" },
  ]);
});

describe("a renew request", () => {
  test("is answered by the attempt that saw it", () => {
    expect(statusAfter(missing(), issued({ renewRequest: "a" })).renewRequest).toBe("a");
  });

  test("that came during the attempt stays open", () => {
    const snapshot = missing({ renewRequest: "b", status: { renewRequest: "a" } });
    expect(statusAfter(snapshot, issued({ renewRequest: "a" })).renewRequest).toBe("a");
  });

  test("that was answered is remembered when the annotation is taken away", () => {
    expect(statusAfter(missing({ status: { renewRequest: "a" } }), issued()).renewRequest).toBe("a");
  });

  test("is not answered by a failure", () => {
    expect(statusAfter(missing({ renewRequest: "a" }), failure("AtlasUnavailable")).renewRequest).toBeUndefined();
  });

  test("of another life counts as answered on the first look at a good Secret", () => {
    const snapshot = firstLook({ atlas: listed("1001") });
    const first = { ...snapshot, resource: { ...snapshot.resource, renewRequest: "old" } };
    expect(statusAfter(first)).toMatchObject({ renewRequest: "old", revision: 1 });
  });

  test("acts twice for two values and once for the same value", () => {
    const once = following(
      reconciled(settled({ renewRequest: "a", atlas: listed("1001") }), issued({ renewRequest: "a" })),
      {
        secret: managed(FRESH),
        atlas: { kind: "notAsked" },
      },
    );
    expect(reconciled(once).decision).toEqual({ kind: "keep" });
    const again = { ...once, resource: { ...once.resource, renewRequest: "b" } };
    expect(reconciled(again).decision).toMatchObject({ kind: "issue", reason: "RenewRequested" });
  });
});

describe("the record of the attempt", () => {
  const open = issuance({ knownSerials: ["1001"] });
  const cases: readonly (readonly [string, Snapshot, Outcome | undefined, boolean])[] = [
    ["stays while Atlas was not asked", settled({ status: { issuance: open } }), undefined, true],
    [
      "stays while Atlas does not answer",
      settled({ status: { issuance: open }, atlas: refused("RateLimited") }),
      undefined,
      true,
    ],
    [
      "is closed once the list has been compared",
      settled({ status: { issuance: open }, atlas: listed("1001") }),
      undefined,
      false,
    ],
    ["stays through a repair", settled({ status: { issuance: open } }), { kind: "repaired", differences: [] }, true],
    [
      "stays through a repair that fails",
      settled({ status: { issuance: open }, secret: managed(FACTS, { labels: {} }) }),
      failure("SecretNotWritable"),
      true,
    ],
    [
      "stays where the answer got lost",
      missing(),
      failure("AnswerLost", { issuance: open, staysOpen: true, spent: true }),
      true,
    ],
    [
      "is closed where Atlas refused",
      missing({ status: { issuance: open } }),
      failure("UserNotFound", { issuance: open }),
      false,
    ],
    [
      "is closed where the preflight failed after the list was compared",
      missing({ status: { issuance: open } }),
      failure("SecretNotWritable"),
      false,
    ],
  ];
  test.each(cases)("%s", (_what, snapshot, outcome, stays) => {
    expect(statusAfter(snapshot, outcome).issuance !== undefined).toBe(stays);
  });
});

describe("a certificate that got lost", () => {
  test("is counted against the budget when the create failed", () => {
    const lost = failure("AnswerLost", { spent: true, staysOpen: true, issuance: issuance() });
    expect(statusAfter(missing(), lost).recentIssuances).toEqual([{ time: iso(NOW), reason: "AnswerLost" }]);
  });

  test("is counted against the budget when the process died", () => {
    const snapshot = missing({
      status: { issuance: issuance({ knownSerials: ["1001"] }) },
      atlas: listed("1001", "1002"),
    });
    expect(statusAfter(snapshot)).toMatchObject({
      recentIssuances: [{ time: issuance().startedAt, reason: "AnswerLost", notAfter: "2030-04-01T00:00:00Z" }],
      unaccountedCertificates: 1,
    });
  });

  test("stops a process that dies again and again in the middle of it", () => {
    let snapshot = missing();
    let creates = 0;
    for (; creates < 20; creates++) {
      const known = ["1001", ...numbers(creates)];
      const nowMs = NOW + creates * 10 * SECOND_MS;
      const done = reconciled({ ...snapshot, atlas: listed(...known) }, undefined, nowMs);
      if (done.decision.kind !== "issue") break;
      // The record is written, Atlas creates, the process dies.
      const status = { ...nextStatus(done), issuance: issuance({ startedAt: iso(nowMs), knownSerials: known }) };
      snapshot = { ...snapshot, resource: { ...snapshot.resource, status } };
    }
    expect(creates).toBe(POLICY.maxIssuesPerDay);
  });
});

describe("the backoff", () => {
  const first = missing({ secret: ABSENT });
  const wait = (snapshot: Snapshot, outcome: Outcome, nowMs = NOW) =>
    Date.parse(statusAfter(snapshot, outcome, nowMs).nextAttemptTime ?? "") - nowMs;
  const soon = blocker("AtlasUnavailable");

  test("begins at about 5 seconds", () => {
    expect(wait(first, failure("AtlasUnavailable"))).toBeGreaterThanOrEqual(3 * SECOND_MS);
    expect(wait(first, failure("AtlasUnavailable"))).toBeLessThanOrEqual(6 * SECOND_MS);
  });

  test("doubles up to an hour", () => {
    const waits: number[] = [];
    let snapshot = first;
    for (let attempt = 0; attempt < 14; attempt++) {
      waits.push(wait(snapshot, failure("AtlasUnavailable")));
      snapshot = following({ ...reconciled(snapshot, failure("AtlasUnavailable")) });
    }
    for (const [index, ms] of waits.entries()) {
      const whole = Math.min(5 * SECOND_MS * 2 ** index, POLICY.maxBackoffMs);
      expect(ms).toBeGreaterThanOrEqual(0.75 * whole);
      expect(ms).toBeLessThanOrEqual(whole + SECOND_MS);
    }
    expect(snapshot.resource.status.failedAttempts).toBe(14);
  });

  test("is at most ten minutes where a person has to mend something at Atlas", () => {
    const person = failure("RoleMissing", { blocker: blocker("RoleMissing", { needsPerson: true }) });
    expect(wait(missing({ status: failing(20) }), person)).toBeLessThanOrEqual(POLICY.recheckIntervalMs + SECOND_MS);
  });

  test("is shorter when the expiry is near", () => {
    const near = settled({ atlas: listed("1001"), status: failing(20) });
    const ms = wait(near, failure("AtlasUnavailable"), FACTS.notAfter.getTime() - 10 * 60_000);
    expect(ms).toBeLessThanOrEqual(61 * SECOND_MS);
    expect(ms).toBeGreaterThanOrEqual(45 * SECOND_MS);
  });

  test("is never shorter than Atlas asks for", () => {
    const asked = failure("RateLimited", { blocker: { ...soon, retry: { kind: "backoff", atLeastMs: 2 * HOUR_MS } } });
    expect(wait(first, asked)).toBeGreaterThanOrEqual(2 * HOUR_MS);
  });

  test("lasts an hour at least where a certificate was spent for nothing, however near the expiry", () => {
    const spent = failure("AnswerUnusable", { spent: true, staysOpen: true, issuance: issuance() });
    expect(wait(first, spent)).toBeGreaterThanOrEqual(HOUR_MS);
    const near = settled({ atlas: listed("1001") });
    expect(wait(near, spent, FACTS.notAfter.getTime() - 60_000)).toBeGreaterThanOrEqual(HOUR_MS);
    const simulated = missing({ secret: ABSENT, policy: { ...POLICY, monthMs: 600_000 } });
    expect(wait(simulated, spent)).toBeGreaterThanOrEqual(20_000);
    expect(wait(simulated, spent)).toBeLessThanOrEqual(21_000);
  });

  test("ends no sooner than it says: the API server keeps whole seconds", () => {
    for (let ms = 0; ms < 1000; ms += 37) {
      const asked = failure("RateLimited", { blocker: { ...soon, retry: { kind: "backoff", atLeastMs: 60_000 } } });
      expect(wait(first, asked, NOW + ms)).toBeGreaterThanOrEqual(60_000);
    }
  });

  const kept = failing(3);
  const over: readonly (readonly [string, Snapshot, Outcome | undefined])[] = [
    ["is over once a certificate was issued", missing({ status: { ...kept, nextAttemptTime: iso(NOW) } }), issued()],
    ["is over once Atlas lists the certificate", settled({ status: kept, atlas: listed("1001") }), undefined],
    ["is over where nothing but a change helps", settled({ status: kept, secret: FOREIGN }), undefined],
    [
      "is over once its time has passed and nothing is to be done",
      settled({ status: { ...kept, nextAttemptTime: iso(NOW) } }),
      undefined,
    ],
  ];
  test.each(over)("%s", (_what, snapshot, outcome) => {
    const status = statusAfter(snapshot, outcome);
    expect(status).not.toHaveProperty("failedAttempts");
    expect(status).not.toHaveProperty("nextAttemptTime");
    expect(status).not.toHaveProperty("lastAttempt");
  });

  test("goes on while it runs", () => {
    expect(statusAfter(missing({ status: kept, atlas: { kind: "notAsked" } }))).toMatchObject(kept);
  });

  test("goes on doubling although the next attempt is on record", () => {
    const atEnd = { ...kept, nextAttemptTime: iso(NOW) };
    expect(statusAfter(missing({ status: atEnd }))).toMatchObject({ failedAttempts: 3 });
  });

  test.each([
    ["of the spec", { generation: 2 }],
    ["of the renew request", { renewRequest: "now" }],
    ["of the credentials", { credentials: { kind: "usable" as const, version: "99" } }],
  ])("begins again after a change %s", (_what, change) => {
    expect(statusAfter(missing({ status: kept, ...change }), failure("AtlasUnavailable")).failedAttempts).toBe(1);
  });
});

describe("what Atlas lists", () => {
  test("is counted, and what nobody accounts for", () => {
    expect(statusAfter(settled({ atlas: listed("1001", "7", "8"), serialsOfOthers: new Set(["7"]) }))).toMatchObject({
      unexpiredCertificates: 3,
      unaccountedCertificates: 1,
      unaccountedSerials: ["8"],
      lastVerifiedTime: iso(NOW),
    });
  });

  test("and nobody accounts for is named in an order that does not depend on Atlas'", () => {
    const serials = ["9007199254740993", "9007199254740992", "10", "9"];
    for (const order of [serials, serials.toReversed()]) {
      expect(statusAfter(settled({ atlas: listed("1001", ...order) }))).toMatchObject({
        unaccountedCertificates: 4,
        unaccountedSerials: ["9", "10", "9007199254740992", "9007199254740993"],
      });
    }
  });

  test("and nobody accounts for is counted alone where there are too many to name", () => {
    const serials = Array.from({ length: 101 }, (_, index) => String(2000 + index));
    const named = statusAfter(settled({ atlas: listed("1001", ...serials.slice(1)) }));
    expect(named.unaccountedSerials).toHaveLength(100);
    const counted = statusAfter(settled({ atlas: listed("1001", ...serials) }));
    expect(counted).toMatchObject({ unaccountedCertificates: 101 });
    expect(counted).not.toHaveProperty("unaccountedSerials");
  });

  test("is noted with the user that it is of", () => {
    const { countedUser } = statusAfter(settled({ spec: { username: "billing" }, atlas: listed("7") }));
    expect(countedUser).toEqual({ projectId: PROJECT, username: "billing" });
  });

  test("takes no room where all is accounted for", () => {
    const status = { unaccountedCertificates: 1, unaccountedSerials: ["7"] };
    expect(statusAfter(settled({ status, atlas: listed("1001") }))).not.toHaveProperty("unaccountedSerials");
  });

  test("is remembered while Atlas is not asked", () => {
    const countedUser = { projectId: PROJECT, username: "billing" };
    const status = {
      unexpiredCertificates: 5,
      unaccountedCertificates: 2,
      unaccountedSerials: ["7", "8"],
      countedUser,
    };
    expect(statusAfter(settled({ status }))).toMatchObject({
      ...status,
      lastVerifiedTime: SETTLED_STATUS.lastVerifiedTime,
    });
  });

  test("begins to lack the certificate with the first list that does, until one holds it", () => {
    const first = following(reconciled(settled({ atlas: listed() })));
    expect(first.resource.status.unlistedSince).toBe(iso(NOW));
    const second = reconciled(first, failure("RoleMissing"), NOW + HOUR_MS);
    expect(nextStatus(second).unlistedSince).toBe(iso(NOW));
    const unasked = reconciled({ ...first, atlas: { kind: "notAsked" } }, undefined, NOW + HOUR_MS);
    expect(nextStatus(unasked).unlistedSince).toBe(iso(NOW));
    const found = reconciled({ ...first, atlas: listed("1001") }, undefined, NOW + HOUR_MS);
    expect(nextStatus(found)).not.toHaveProperty("unlistedSince");
    expect(nextStatus(reconciled(first, issued(), NOW + HOUR_MS))).not.toHaveProperty("unlistedSince");
  });

  test("takes the verification back where there is no such user, and only there", () => {
    expect(statusAfter(settled({ atlas: refused("UserNotFound") }))).not.toHaveProperty("lastVerifiedTime");
    expect(statusAfter(settled({ atlas: refused("RoleMissing") }))).toHaveProperty("lastVerifiedTime");
  });

  test("takes the verification back where the certificate is not in it", () => {
    expect(statusAfter(settled({ atlas: listed("7") }))).not.toHaveProperty("lastVerifiedTime");
  });
});

describe("without a certificate", () => {
  test.each([
    ["when the Secret is gone", missing({ spec: { suspend: true } })],
    ["when it is damaged", settled({ secret: damaged("missing"), spec: { suspend: true } })],
    ["when it is foreign", settled({ secret: FOREIGN })],
    ["when it is another resource's", settled({ secretHolder: "billing" })],
  ])("the status speaks of none: %s", (_what, snapshot) => {
    const status = statusAfter(snapshot);
    for (const field of ["serialNumber", "fingerprint", "notBefore", "notAfter", "renewalTime", "lastVerifiedTime"]) {
      expect(status).not.toHaveProperty(field);
    }
  });

  test("a resource that never had one has no revision and has answered nothing", () => {
    const first = firstLook({ secretHolder: "billing" });
    const status = statusAfter({ ...first, resource: { ...first.resource, renewRequest: "a" } });
    expect(status).not.toHaveProperty("revision");
    expect(status).not.toHaveProperty("renewRequest");
  });
});

describe("a certificate that was there before its resource", () => {
  const adopted = following(reconciled(firstLook({ atlas: listed("1001") })));

  test("is taken over with the time of its issue", () => {
    expect(adopted.resource.status).toMatchObject({
      revision: 1,
      recentIssuances: [
        { time: "2030-01-01T00:00:00Z", reason: "TakenOver", serialNumber: "1001", notAfter: "2030-04-01T00:00:00Z" },
      ],
    });
  });

  test("stays accounted for when the next one has replaced it", () => {
    const renewed = following(reconciled({ ...adopted, secret: ABSENT, atlas: listed("1001") }, issued()));
    const verified = { ...renewed, secret: managed(FRESH), atlas: listed("1001", "1002") };
    expect(statusAfter(verified)).toMatchObject({ unexpiredCertificates: 2, unaccountedCertificates: 0 });
  });

  test("is none where it is another resource's", () => {
    expect(statusAfter(firstLook({ secretHolder: "billing" }))).not.toHaveProperty("recentIssuances");
  });
});

test("the history is bounded", () => {
  const recentIssuances = Array.from({ length: 60 }, (_, index) => ({
    time: iso(NOW - HOUR_MS),
    reason: "x",
    serialNumber: String(index),
  }));
  const { recentIssuances: kept = [] } = statusAfter(missing({ status: { recentIssuances } }), issued());
  expect(kept).toHaveLength(40);
  expect(kept.at(-1)).toMatchObject({ serialNumber: "1002" });
});

/** A row of failures whose backoff runs for another hour. */
function failing(failedAttempts: number) {
  return {
    failedAttempts,
    nextAttemptTime: iso(NOW + HOUR_MS),
    lastAttempt: { generation: 1, credentialsVersion: "31" },
  };
}

function numbers(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => String(3000 + index));
}

function iso(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

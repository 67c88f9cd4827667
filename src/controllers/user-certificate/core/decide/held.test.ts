import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { MIN_RENEW_BEFORE, parseDurationMs } from "../../../../api/duration.ts";
import { timestamp } from "../../../../api/timestamp.ts";
import type { CertificateFacts } from "../../../../certificate/certificate-facts.ts";
import { MIN_BEFORE_MS } from "../../../../certificate/renewal-time.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../../../clock.ts";
import {
  ABSENT,
  certificate,
  damaged,
  entryFor,
  FACTS,
  FOREIGN,
  firstReconcile,
  following,
  issuance,
  issued,
  listed,
  managed,
  NOW,
  POLICY,
  reconciled,
  refused,
  SETTLED_STATUS,
  settled,
  statusAfter,
} from "../../testing/snapshots.ts";
import type { ListedCertificate, Snapshot } from "../model/snapshot.ts";
import { isWithin, listDueMs } from "./held.ts";
import { situationOf } from "./situation.ts";

test("the settled status of these tests describes a proven certificate", () => {
  expect(SETTLED_STATUS).toMatchObject({ serialNumber: "1001", revision: 1, unexpiredCertificates: 1 });
});

test("the shortest renewBefore that the CRD accepts is used as it is", () => {
  expect(parseDurationMs(MIN_RENEW_BEFORE)).toBe(MIN_BEFORE_MS);
});

test("a stored renewBefore of 1s renews a day before the expiry", () => {
  const { renewalDueMs } = situationOf(settled({ spec: { renewBefore: "1s" } }));
  expect(renewalDueMs).toBe(FACTS.notAfter.getTime() - DAY_MS);
});

describe("the held certificate is", () => {
  test.each([
    ["the one in the operator's Secret", settled(), FACTS],
    ["none without a Secret", settled({ secret: ABSENT }), undefined],
    ["none in a foreign Secret", settled({ secret: FOREIGN }), undefined],
    ["none in a damaged Secret", settled({ secret: damaged("mismatch") }), undefined],
    ["none in a Secret that another resource holds", settled({ secretHolder: { name: "billing" } }), undefined],
  ])("%s", (_what, snapshot, held) => {
    expect(situationOf(snapshot).held).toBe(held);
  });
});

describe("an event is within a span", () => {
  test.each([
    ["if it happens now", 0, true],
    ["if it happened less than the span ago", -999, true],
    ["not if it happened the span ago", -1000, false],
    ["if another clock dates it less than the span ahead", 999, true],
    ["not if a wrong clock dates it the span ahead", 1000, false],
  ])("%s", (_what, ms, expected) => {
    expect(isWithin(1000, NOW + ms, NOW)).toBe(expected);
  });
});

describe("a list holds the certificate", () => {
  const inList = (change: Partial<ListedCertificate>, held = FACTS) =>
    situationOf(settled({ secret: managed(held), atlas: listed(entryFor(FACTS, change)) })).isListed;

  test("with its serial number and expiry", () => {
    expect(inList({})).toBe(true);
  });

  test("with an expiry that differs in fractions of the second", () => {
    expect(inList({ notAfter: new Date(FACTS.notAfter.getTime() + 999) })).toBe(true);
  });

  test.each([
    ["another serial number", { serialNumber: "5" }],
    ["an expiry one second later", { notAfter: new Date(FACTS.notAfter.getTime() + 1000) }],
    ["an expiry in the second before", { notAfter: new Date(FACTS.notAfter.getTime() - 1) }],
    ["another subject", { subject: "CN=billing" }],
    ["a subject with a further attribute", { subject: "CN=orders-api,OU=shop" }],
  ])("not with %s", (_what, change) => {
    expect(inList(change)).toBe(false);
  });

  test.each([
    ["the same subject", "CN=orders-api"],
    ["the same subject with blanks and small letters", "cn = orders-api"],
    ["a subject that cannot be read", "orders-api"],
  ])("with %s", (_what, subject) => {
    expect(inList({ subject })).toBe(true);
  });

  test("not if the status has the fingerprint of another certificate under its serial number", () => {
    expect(inList({}, certificate("1001", { fingerprint: "EE:FF" }))).toBe(false);
  });

  test.each([
    ["before Atlas was asked", settled()],
    ["if Atlas refused", settled({ atlas: refused("RateLimited") })],
  ])("or not is unknown %s", (_what, snapshot) => {
    expect(situationOf(snapshot).isListed).toBeUndefined();
  });
});

describe("a certificate is proven", () => {
  const provenMs = (held: CertificateFacts) => situationOf(settled({ secret: managed(held) })).provenMs;

  test("at the time in the status, by its fingerprint", () => {
    expect(provenMs(FACTS)).toBe(NOW - HOUR_MS);
  });

  test("not by its serial number alone", () => {
    expect(provenMs(certificate("1001", { fingerprint: "EE:FF" }))).toBeUndefined();
  });

  test("never, if the status describes another one", () => {
    expect(provenMs(certificate("1002"))).toBeUndefined();
  });
});

describe("Atlas' list is due", () => {
  const due = (snapshot: Snapshot) => {
    const situation = situationOf(snapshot);
    return listDueMs(situation, situation.provenMs, situation.doubt);
  };
  const uids = Array.from({ length: 100 }, (_, index) => createHash("sha256").update(String(index)).digest("hex"));

  test("at a time of its own for each resource, in the last fifth of the interval", () => {
    const times = uids.map((uid) => due({ ...settled(), resource: { ...settled().resource, uid } }));
    const last = NOW - HOUR_MS;
    expect(Math.min(...times)).toBeGreaterThanOrEqual(last + 0.8 * POLICY.verifyIntervalMs);
    expect(Math.max(...times)).toBeLessThanOrEqual(last + POLICY.verifyIntervalMs);
    expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(0.15 * POLICY.verifyIntervalMs);
  });

  test("at once, if the certificate was never proven", () => {
    expect(due(firstReconcile())).toBe(0);
  });

  test("at once, if a clock far ahead dated the last list", () => {
    const verified = (ms: number) => settled({ status: { lastVerifiedTime: timestamp(NOW + ms) } });
    expect(due(verified(100 * DAY_MS))).toBe(0);
    expect(due(verified(2 * MINUTE_MS))).toBeGreaterThan(NOW);
  });

  const lacked = (lists: number, latestMs = NOW) => ({
    unlisted: { serialNumber: "1001", since: timestamp(latestMs - 15 * MINUTE_MS), latest: timestamp(latestMs), lists },
  });

  test("seven and a half minutes after a list that lacked the certificate, twice", () => {
    expect(due(settled({ atlas: listed() }))).toBe(NOW + 7.5 * MINUTE_MS);
    expect(due(settled({ status: lacked(1) }))).toBe(NOW + 7.5 * MINUTE_MS);
    expect(due(settled({ status: lacked(2) }))).toBe(NOW + 7.5 * MINUTE_MS);
  });

  test("one interval after the latest list, once three have lacked the certificate", () => {
    const gone = settled({ status: lacked(3) });
    const atMs = due(gone);
    expect(atMs).toBeGreaterThanOrEqual(NOW + 0.8 * POLICY.verifyIntervalMs);
    expect(atMs).toBeLessThanOrEqual(NOW + POLICY.verifyIntervalMs);
    expect(due({ ...gone, nowMs: atMs + 1 })).toBeLessThanOrEqual(atMs + 1);
  });

  test("at once, if the latest list that lacked the certificate is dated far ahead", () => {
    expect(due(settled({ status: lacked(1, NOW + 100 * DAY_MS) }))).toBe(0);
    expect(due(settled({ status: lacked(3, NOW + 100 * DAY_MS) }))).toBe(0);
  });

  test("in doubt about the lists, if a replacement was stored by a process that died before it could say so", () => {
    const attempt = issuance({ reason: "NotListedByAtlas", knownSerials: ["1000"] });
    const stored = settled({ atlas: listed(), status: { issuance: attempt } });
    expect(situationOf(stored).doubt).toMatchObject({ replaced: true });
    const old = settled({ atlas: listed(), status: { issuance: { ...attempt, knownSerials: ["1001"] } } });
    expect(situationOf(old).doubt).toMatchObject({ replaced: false });
  });

  test("within minutes after a certificate was issued in place of an unlisted one", () => {
    const replaced = reconciled(
      settled({ atlas: listed(), status: lacked(2, NOW - MINUTE_MS) }),
      issued({ reason: "NotListedByAtlas" }, certificate("1002")),
    );
    const next = situationOf(following(replaced, { secret: managed(certificate("1002")) }));
    const { doubt } = next;
    expect(doubt).toMatchObject({ lists: 0, replaced: true });
    const atMs = listDueMs(next, NOW, doubt);
    expect(atMs).toBeGreaterThan(NOW);
    expect(atMs).toBeLessThanOrEqual(NOW + 15 * MINUTE_MS);
  });
});

describe("a certificate of another user than the spec's", () => {
  const renamed = settled({ spec: { username: "billing" }, atlas: listed() });

  test("is not in doubt because the list of the spec's user lacks it", () => {
    expect(situationOf(renamed).doubt).toBeUndefined();
    expect(situationOf(settled({ atlas: listed() })).doubt).toMatchObject({ lists: 1 });
  });

  test("keeps the doubts that lists of its own user have left", () => {
    const known = { serialNumber: "1001", since: timestamp(NOW - HOUR_MS), latest: timestamp(NOW - HOUR_MS), lists: 1 };
    const before = settled({ spec: { username: "billing" }, atlas: listed(), status: { unlisted: known } });
    expect(statusAfter(reconciled(before)).unlisted).toEqual(known);
  });

  test("needs a list an interval after the last one, whenever it was proven itself", () => {
    const dueMs = (listedMs: number | undefined) =>
      listDueMs(situationOf({ ...renamed, listedMs }), NOW - 100 * HOUR_MS, undefined) - NOW;
    expect(dueMs(undefined)).toBe(-NOW);
    expect(dueMs(NOW)).toBeGreaterThanOrEqual(0.8 * POLICY.verifyIntervalMs);
  });
});

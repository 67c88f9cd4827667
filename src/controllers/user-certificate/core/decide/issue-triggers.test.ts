import { describe, expect, test } from "vitest";
import { SECRET_ANNOTATIONS } from "../../../../api/names.ts";
import type { IssueReason } from "../../../../api/reasons.ts";
import { timestamp } from "../../../../api/timestamp.ts";
import { DAY_MS, MINUTE_MS } from "../../../../clock.ts";
import {
  ABSENT,
  certificate,
  damaged,
  entryFor,
  FACTS,
  firstReconcile,
  following,
  issuance,
  listed,
  managed,
  NOW,
  OTHER_PROJECT,
  POLICY,
  PROJECT,
  RENEWAL_MS,
  recent,
  reconciled,
  SETTLED_STATUS,
  settled,
} from "../../testing/snapshots.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { decide } from "./decide.ts";
import { renewRequested } from "./history.ts";
import { situationOf } from "./situation.ts";

const EXPIRY_MS = FACTS.notAfter.getTime();
const newer = recent({ serialNumber: "1002", notAfter: "2030-06-01T00:00:00Z" });
const SECRET = "Secret orders-api-mongodb";
const REVERTED = `${SECRET} was reverted to an older certificate that 1002 had already replaced.`;

describe("issues", () => {
  const cases: readonly (readonly [what: string, snapshot: Snapshot, reason: IssueReason, message: string])[] = [
    ["when the Secret is absent", settled({ secret: ABSENT }), "SecretMissing", `${SECRET} does not exist.`],
    [
      "when the Secret lost its key",
      settled({ secret: damaged("missing") }),
      "SecretDataMissing",
      `${SECRET} is unusable: tls.key is missing.`,
    ],
    [
      "when the Secret holds no PEM",
      settled({ secret: damaged("undecodable") }),
      "PemUndecodable",
      `${SECRET} is unusable: tls.key is missing.`,
    ],
    [
      "when key and certificate do not match",
      settled({ secret: damaged("mismatch") }),
      "KeyMismatch",
      `${SECRET} is unusable: tls.key is missing.`,
    ],
    [
      "when the certificate was replaced by another one under its serial number",
      settled({ secret: managed(certificate("1001", { fingerprint: "EE:FF" })) }),
      "KeyMismatch",
      `${SECRET} holds a certificate with serial number 1001 that Atlas did not issue.`,
    ],
    [
      "when the certificate was replaced under its serial number, although the list holds that number",
      settled({ secret: managed(certificate("1001", { fingerprint: "EE:FF" })), atlas: listed("1001") }),
      "KeyMismatch",
      `${SECRET} holds a certificate with serial number 1001 that Atlas did not issue.`,
    ],
    [
      "when the username changed",
      settled({ spec: { username: "billing" }, generation: 2 }),
      "IdentityChanged",
      `${SECRET} holds a certificate for user orders-api, but the spec asks for user billing in project ${PROJECT}.`,
    ],
    [
      "when the project changed",
      settled({ spec: { projectId: OTHER_PROJECT }, generation: 2 }),
      "IdentityChanged",
      `${SECRET} holds a certificate for project ${PROJECT}, but the spec asks for user orders-api in project ${OTHER_PROJECT}.`,
    ],
    [
      "when the certificate is another user's and no annotation says whose",
      settled({
        spec: { username: "billing" },
        secret: managed(FACTS, { annotations: { [SECRET_ANNOTATIONS.certificateUid]: "x" } }),
      }),
      "IdentityChanged",
      `${SECRET} holds a certificate for another user, but the spec asks for user billing in project ${PROJECT}.`,
    ],
    [
      "when the certificate is another user's, whatever the annotation says",
      settled({ secret: managed(certificate("1001", { subject: [{ type: "CN", value: "billing" }] })) }),
      "IdentityChanged",
      `${SECRET} holds a certificate for another user, but the spec asks for user orders-api in project ${PROJECT}.`,
    ],
    [
      "when the certificate of the open attempt in the Secret is another user's",
      settled({
        secret: managed(certificate("1009", { subject: [{ type: "CN", value: "billing" }] })),
        atlas: listed("1001", "1009"),
        status: { issuance: issuance({ knownSerials: ["1001"] }) },
      }),
      "IdentityChanged",
      `${SECRET} holds a certificate for another user, but the spec asks for user orders-api in project ${PROJECT}.`,
    ],
    [
      "when the Secret was reverted to an older certificate that is due",
      settled({ status: { recentIssuances: [newer] }, nowMs: EXPIRY_MS - 20 * DAY_MS }),
      "SecretReverted",
      REVERTED,
    ],
    [
      "when the Secret was reverted to an older certificate of another user",
      settled({ spec: { username: "billing" }, status: { recentIssuances: [newer] } }),
      "SecretReverted",
      REVERTED,
    ],
    [
      "when a certificate is due and a newer one never reached the Secret: that is no revert",
      settled({ status: { recentIssuances: [{ ...newer, lost: "NotStored" }] }, nowMs: EXPIRY_MS - 20 * DAY_MS }),
      "NearingExpiry",
      "Certificate 1001 expires in 20d.",
    ],
    ["when renewal is requested", settled({ renewRequest: "a" }), "RenewRequested", "A renewal was requested (a)."],
    [
      "when renewal is requested again with another value",
      settled({ renewRequest: "b", status: { renewRequest: "a" } }),
      "RenewRequested",
      "A renewal was requested (b).",
    ],
    ["at the renewal time", settled({ nowMs: RENEWAL_MS }), "NearingExpiry", "Certificate 1001 expires in 30d."],
    [
      "at the time before expiry that the spec names",
      settled({ spec: { renewBefore: "480h" }, nowMs: EXPIRY_MS - 20 * DAY_MS }),
      "NearingExpiry",
      "Certificate 1001 expires in 20d.",
    ],
    [
      "at the share of the lifetime that the spec names",
      settled({ spec: { renewBeforePercentage: 50 }, nowMs: EXPIRY_MS - 45 * DAY_MS }),
      "NearingExpiry",
      "Certificate 1001 expires in 45d.",
    ],
    [
      "when the certificate has expired",
      settled({ nowMs: EXPIRY_MS }),
      "NearingExpiry",
      "Certificate 1001 has expired.",
    ],
    [
      "when a third list over 15 minutes lacks the certificate",
      settled({ atlas: listed("1002"), status: { unlisted: lacked(2, 15 * MINUTE_MS) } }),
      "NotListedByAtlas",
      "Atlas no longer lists certificate 1001.",
    ],
    [
      "when a third list over 15 minutes is empty",
      settled({ atlas: listed(), status: { unlisted: lacked(2, 15 * MINUTE_MS) } }),
      "NotListedByAtlas",
      "Atlas no longer lists certificate 1001.",
    ],
  ];
  test.each(cases)("%s", (_what, snapshot, reason, message) => {
    expect(decide(situationOf(snapshot))).toEqual({ kind: "issue", reason, message });
  });

  test("a renewal on request although an earlier status lost its serial number", () => {
    const { serialNumber: _lost, ...status } = SETTLED_STATUS;
    const snapshot = settled({ renewRequest: "a" });
    expect(decide(situationOf({ ...snapshot, resource: { ...snapshot.resource, status } }))).toMatchObject({
      kind: "issue",
      reason: "RenewRequested",
    });
  });
});

describe("issues nothing", () => {
  const cases: Readonly<Record<string, Snapshot>> = {
    "a millisecond before the renewal time": settled({ nowMs: RENEWAL_MS - 1 }),
    "when one list lacks the certificate": settled({ atlas: listed() }),
    "when two lists over an hour lack the certificate": settled({
      atlas: listed(),
      status: { unlisted: lacked(1, 60 * MINUTE_MS) },
    }),
    "when three lists in less than 15 minutes lack the certificate": settled({
      atlas: listed(),
      nowMs: NOW + 15 * MINUTE_MS - 1,
      status: { unlisted: lacked(2, 0) },
    }),
    "when the lists lacked another certificate before": settled({
      atlas: listed(),
      status: { unlisted: { ...lacked(7, 60 * MINUTE_MS), serialNumber: "1000" } },
    }),
    "when a list holds the certificate after two that lacked it": settled({
      atlas: listed("1001"),
      status: { unlisted: lacked(2, 60 * MINUTE_MS) },
    }),
    "for a fingerprint that an earlier status lost": withoutFingerprint(),
    "when the Secret holds a certificate with a serial number of its own that lasts longer than the newest one":
      settled({
        secret: managed(certificate("1003", { notAfter: new Date("2030-07-01T00:00:00Z") })),
        status: { recentIssuances: [newer] },
      }),
  };
  test.each(Object.entries(cases))("%s", (_what, snapshot) => {
    expect(decide(situationOf(snapshot)).kind).toBe("keep");
  });
});

describe("a certificate that the lists lack", () => {
  /** The snapshot after `count` lists at an interval, each of which lacks the certificate. */
  function lacking(count: number, everyMs: number, start = settled({ atlas: listed() })): Snapshot {
    let snapshot = start;
    for (let list = 1; list < count; list++) {
      snapshot = following(reconciled(snapshot), { atlas: listed(), nowMs: snapshot.nowMs + everyMs });
    }
    return snapshot;
  }

  test("is replaced upon the third list, a quarter of an hour after the first", () => {
    const start = settled({ atlas: listed(), nowMs: NOW + 999 });
    expect(decide(situationOf(lacking(2, 7.5 * MINUTE_MS, start))).kind).toBe("keep");
    expect(decide(situationOf(lacking(3, 7.5 * MINUTE_MS, start)))).toMatchObject({
      kind: "issue",
      reason: "NotListedByAtlas",
    });
  });

  test("is not replaced upon a hundred lists within a minute", () => {
    expect(decide(situationOf(lacking(100, 600))).kind).toBe("keep");
  });

  test("is replaced also if it was there before its resource", () => {
    const adopted = lacking(3, 10 * MINUTE_MS, firstReconcile({ atlas: listed() }));
    expect(decide(situationOf(adopted))).toMatchObject({ kind: "issue", reason: "NotListedByAtlas" });
  });

  test("starts again at one after a list that holds it", () => {
    const found = { ...lacking(2, 10 * MINUTE_MS), atlas: listed("1001") };
    const again = following(reconciled(found), { atlas: listed(), nowMs: found.nowMs + 10 * MINUTE_MS });
    expect(decide(situationOf(again)).kind).toBe("keep");
    expect(decide(situationOf(lacking(2, 10 * MINUTE_MS, again))).kind).toBe("keep");
    expect(decide(situationOf(lacking(3, 10 * MINUTE_MS, again))).kind).toBe("issue");
  });

  test("is replaced sooner if lists are compared more often than every 15 minutes", () => {
    const start = settled({ atlas: listed(), policy: { ...POLICY, verifyIntervalMs: 10_000 } });
    expect(decide(situationOf(lacking(3, 5000, start))).kind).toBe("issue");
  });

  const unlike: Readonly<Record<string, Parameters<typeof entryFor>[1]>> = {
    "its serial number with another expiry": { notAfter: new Date(EXPIRY_MS + 1000) },
    "its serial number with another subject": { subject: "CN=billing" },
  };
  test.each(Object.entries(unlike))("is not proven by %s", (_what, change) => {
    const atlas = listed(entryFor(FACTS, change));
    expect(decide(situationOf(settled({ atlas, status: { unlisted: lacked(2, 15 * MINUTE_MS) } }))).kind).toBe("issue");
  });
});

/** Lists since some time ago that lacked the certificate. */
function lacked(lists: number, agoMs: number) {
  return { serialNumber: "1001", since: timestamp(NOW - agoMs), latest: timestamp(NOW - agoMs / 2), lists };
}

describe("a renewal is requested", () => {
  test.each([
    ["by a value that was not answered", settled({ renewRequest: "b", status: { renewRequest: "a" } }), true],
    ["by an empty value too", settled({ renewRequest: "" }), true],
    ["not by an answered value", settled({ renewRequest: "a", status: { renewRequest: "a" } }), false],
    ["not without the annotation", settled({ status: { renewRequest: "a" } }), false],
  ])("%s", (_what, snapshot, expected) => {
    expect(renewRequested(situationOf(snapshot))).toBe(expected);
  });

  test("not in the first reconcile: that request was answered before", () => {
    const snapshot = firstReconcile({ atlas: listed("1001") });
    const first = { ...snapshot, resource: { ...snapshot.resource, renewRequest: "old" } };
    expect(renewRequested(situationOf(first))).toBe(false);
    expect(renewRequested(situationOf(following(reconciled(first))))).toBe(false);
  });
});

function withoutFingerprint(): Snapshot {
  const { fingerprint: _lost, ...status } = SETTLED_STATUS;
  const snapshot = settled({ atlas: listed("1001") });
  return { ...snapshot, resource: { ...snapshot.resource, status } };
}

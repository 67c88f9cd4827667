import { describe, expect, test } from "vitest";
import { findCondition } from "../../../../api/conditions.ts";
import { timestamp } from "../../../../api/timestamp.ts";
import { HOUR_MS } from "../../../../clock.ts";
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
  parked,
  recent,
  reconciled,
  refused,
  serials,
  settled,
} from "../../testing/snapshots.ts";
import { expired, missing, overdue, person, recorded, renewing, statusOf } from "../../testing/statuses.ts";
import type { Outcome } from "../model/decision.ts";
import type { Snapshot } from "../model/snapshot.ts";

function readyAfter(snapshot: Snapshot, outcome?: Outcome, nowMs?: number) {
  return findCondition(statusOf(snapshot, outcome, nowMs), "Ready");
}

const forged = managed(certificate("1001", { fingerprint: "EE:FF" }));
const unlisted = (lists: number, agoMs: number) => ({
  unlisted: { serialNumber: "1001", since: timestamp(NOW - agoMs), latest: timestamp(NOW - agoMs / 2), lists },
});

describe("Ready is True", () => {
  const cases: Readonly<Record<string, readonly [Snapshot, string, Outcome?]>> = {
    "when Atlas lists the certificate": [firstReconcile({ atlas: listed("1001") }), "Issued"],
    "when the certificate was proven a while ago": [settled(), "Issued"],
    "when a certificate was just issued, although no list holds it yet": [missing(), "Issued", issued()],
    "while a renewal is on record": [renewing, "Issued", recorded],
    "while the resource is suspended": [settled({ spec: { suspend: true } }), "Suspended"],
    "while a renewal fails": [renewing, "RoleMissing", person("RoleMissing")],
    "while a verification fails": [settled({ atlas: refused("AtlasUnavailable") }), "AtlasUnavailable"],
    "while the backoff after a failed verification runs": [
      following(reconciled(settled({ atlas: refused("AtlasUnavailable") }))),
      "AtlasUnavailable",
    ],
    "while the credentials are missing": [
      settled({ credentials: { kind: "unusable", version: undefined, problem: "It is gone." } }),
      "CredentialsMissing",
    ],
    "while the daily limit keeps a requested renewal away": [
      settled({
        ...{ renewRequest: "a", atlas: listed("1001") },
        status: { recentIssuances: serials(4).map((serialNumber) => recent({ serialNumber })) },
      }),
      "IssuanceBudgetSpent",
    ],
    "after a repair": [
      settled({ secret: managed(FACTS, { labels: {} }) }),
      "Issued",
      { kind: "repaired", differences: [] },
    ],
    "after one list that lacks the certificate": [settled({ atlas: listed() }), "Issued"],
    "after two lists over an hour that lack the certificate": [
      settled({ atlas: listed(), status: unlisted(1, HOUR_MS) }),
      "Issued",
    ],
    "while its Secret is being deleted": [settled({ secret: managed(FACTS, { deleting: true }) }), "SecretTerminating"],
    "while its replacement is parked": [settled({ atlas: listed("1001") }), "SecretNotWritable", parked()],
    "a millisecond before the certificate expires": [
      settled({ nowMs: FACTS.notAfter.getTime() - 1 }),
      "Issued",
      recorded,
    ],
  };
  test.each(Object.entries(cases))("%s", (_what, [snapshot, reason, outcome]) => {
    expect(readyAfter(snapshot, outcome)).toMatchObject({ status: "True", reason });
  });
});

describe("Ready is False", () => {
  const notFound = refused("UserNotFound", { needsPerson: true });
  const cases: Readonly<Record<string, readonly [Snapshot, string, Outcome?]>> = {
    "when the Secret is absent": [missing(), "SecretMissing", recorded],
    "when the Secret lost its key": [
      settled({ secret: damaged("missing"), atlas: listed("1001") }),
      "SecretDataMissing",
      recorded,
    ],
    "when a foreign Secret has the name": [settled({ secret: FOREIGN }), "SecretForeign"],
    "when another resource holds the Secret": [settled({ secretHolder: { name: "billing" } }), "SecretClaimedTwice"],
    "when the certificate has expired": [settled({ secret: managed(expired), atlas: listed() }), "Expired", recorded],
    "at the moment of expiry, also while a replacement is parked": [
      settled({ nowMs: FACTS.notAfter.getTime() }),
      "SecretNotWritable",
      parked(),
    ],
    "when the certificate has expired and the resource is suspended": [
      settled({ secret: managed(expired), spec: { suspend: true } }),
      "Suspended",
    ],
    "when three lists over 15 minutes lack the certificate": [
      settled({ atlas: listed(), status: unlisted(2, 900_000) }),
      "NotListedByAtlas",
      recorded,
    ],
    "when Atlas does not know the user": [settled({ atlas: notFound }), "UserNotFound"],
    "while the backoff after an unknown user runs": [
      following(reconciled(settled({ atlas: notFound }))),
      "UserNotFound",
    ],
    "when Atlas does not know the user and a rate limit follows": [
      { ...following(reconciled(settled({ atlas: notFound }))), nowMs: NOW + HOUR_MS, atlas: refused("RateLimited") },
      "UserNotFound",
    ],
    "before a list has proven the certificate": [settled({ secret: managed(certificate("1002")) }), "NotListedByAtlas"],
    "when the list has the serial number with another expiry": [
      firstReconcile({ atlas: listed(entryFor(FACTS, { notAfter: new Date("2036-01-01T00:00:00Z") })) }),
      "NotListedByAtlas",
    ],
    "when the certificate was replaced under its serial number": [settled({ secret: forged }), "KeyMismatch", recorded],
    "when the certificate was replaced under its serial number and the list holds that number": [
      settled({ secret: forged, atlas: listed("1001") }),
      "KeyMismatch",
      recorded,
    ],
    "when the certificate is another user's": [
      settled({ spec: { username: "billing" }, atlas: listed() }),
      "IdentityChanged",
      recorded,
    ],
    "when the first attempt fails": [
      firstReconcile({ secret: ABSENT, atlas: listed() }),
      "RoleMissing",
      person("RoleMissing"),
    ],
    "when an open attempt's certificate in the Secret is another user's": [
      settled({
        secret: managed(certificate("1002", { subject: [{ type: "CN", value: "billing" }] })),
        atlas: listed("1001", "1002"),
        status: { issuance: issuance({ knownSerials: ["1001"] }) },
      }),
      "IdentityChanged",
      recorded,
    ],
  };
  test.each(Object.entries(cases))("%s", (_what, [snapshot, reason, outcome]) => {
    expect(readyAfter(snapshot, outcome)).toMatchObject({ status: "False", reason });
  });
});

describe("Ready says", () => {
  const cases: Readonly<Record<string, readonly [Snapshot, string, Outcome?]>> = {
    "until when the certificate is valid and when it is renewed": [
      settled(),
      "Secret orders-api-mongodb holds certificate 1001 of user orders-api, valid until 2030-04-01T00:00:00Z; it will be renewed at 2030-03-02T00:00:00Z.",
    ],
    "that a stored renewBefore below 24h is raised": [
      settled({ spec: { renewBefore: "1s" } }),
      "Secret orders-api-mongodb holds certificate 1001 of user orders-api, valid until 2030-04-01T00:00:00Z; it will be renewed at 2030-03-31T00:00:00Z. " +
        "spec.renewBefore is below the minimum of 24h, so 24h is used.",
    ],
    "that a percentage of more than two thirds is reduced": [
      settled({ spec: { renewBeforePercentage: 90 } }),
      "Secret orders-api-mongodb holds certificate 1001 of user orders-api, valid until 2030-04-01T00:00:00Z; it will be renewed at 2030-01-31T00:00:00Z. " +
        "The renewal time that the spec asks for is too early; the renewal is due after one third of the lifetime.",
    ],
    "that a renewBefore longer than the lifetime is replaced": [
      settled({ spec: { renewBefore: "3000h" } }),
      "Secret orders-api-mongodb holds certificate 1001 of user orders-api, valid until 2030-04-01T00:00:00Z; it will be renewed at 2030-03-02T00:00:00Z. " +
        "spec.renewBefore exceeds the lifetime, so the renewal is due when one third of the lifetime remains.",
    ],
    "what is wrong, what still works, and what to do": [
      renewing,
      "RoleMissing happened. The certificate in Secret orders-api-mongodb is valid until 2030-04-01T00:00:00Z. Fix RoleMissing. " +
        "The operator retries at 2030-01-11T00:00:04Z.",
      person("RoleMissing"),
    ],
    "what is wrong and that apps can still log in": [
      settled({ atlas: refused("RateLimited") }),
      "RateLimited happened. The certificate in Secret orders-api-mongodb is valid until 2030-04-01T00:00:00Z. " +
        "The operator retries at 2030-01-11T00:00:04Z.",
    ],
    "the same while the backoff of a failed renewal runs": [
      following(reconciled(renewing, person("RoleMissing"))),
      "RoleMissing happened. The certificate in Secret orders-api-mongodb is valid until 2030-04-01T00:00:00Z. Fix RoleMissing. " +
        "The operator retries at 2030-01-11T00:00:04Z.",
    ],
    "why a problem that needs a person was not rechecked": [
      {
        ...following(reconciled(renewing, person("RoleMissing"))),
        nowMs: NOW + HOUR_MS,
        atlas: refused("RateLimited"),
      },
      "RoleMissing happened. The certificate in Secret orders-api-mongodb is valid until 2030-04-01T00:00:00Z. Fix RoleMissing. " +
        "Not rechecked since 2030-01-11T00:00:00Z: RateLimited happened. The operator retries at 2030-01-11T01:00:08Z.",
    ],
    "that the certificate has expired, before why it was not renewed": [
      settled({ spec: { suspend: true }, nowMs: FACTS.notAfter.getTime() }),
      "Certificate 1001 expired at 2030-04-01T00:00:00Z. spec.suspend is true, so the operator issues, repairs and verifies nothing. Set spec.suspend to false to resume.",
    ],
    "that an adopted certificate waits for a list": [
      firstReconcile({ credentials: { kind: "usable", version: "31" }, atlas: listed() }),
      "Atlas has not listed certificate 1001 yet; the operator replaces it if it stays missing from the list.",
    ],
  };
  test.each(Object.entries(cases))("%s", (_what, [snapshot, message, outcome]) => {
    expect(readyAfter(snapshot, outcome)?.message).toBe(message);
  });

  test("no time of renewal that is past", () => {
    expect(readyAfter(overdue, recorded)?.message).toBe(
      "Secret orders-api-mongodb holds certificate 1001 of user orders-api, valid until 2030-04-01T00:00:00Z.",
    );
  });
});

import { describe, expect, test } from "vitest";
import type { BlockedReason } from "../../../../api/reasons.ts";
import { timestamp } from "../../../../api/timestamp.ts";
import { DAY_MS, HOUR_MS } from "../../../../clock.ts";
import {
  ago,
  blockerOf,
  damage,
  fought,
  parkedElsewhere,
  replacedUnlisted,
  spent,
  terminating,
  UNUSABLE,
} from "../../testing/blocked.ts";
import {
  ABSENT,
  damaged,
  entryFor,
  FACTS,
  FOREIGN,
  failure,
  following,
  issuance,
  listed,
  managed,
  NO_OTHERS,
  NOW,
  RENEWAL_MS,
  recent,
  reconciled,
  refused,
  serials,
  settled,
} from "../../testing/snapshots.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { decide } from "./decide.ts";
import { situationOf } from "./situation.ts";

const unlistedThrice = settled({
  atlas: listed(),
  status: { unlisted: { serialNumber: "1001", since: ago(15 * 60_000), latest: ago(8 * 60_000), lists: 2 } },
});

describe("is blocked", () => {
  const cases: Readonly<Record<string, readonly [Snapshot, BlockedReason]>> = {
    "while the resource is suspended": [settled({ spec: { suspend: true }, secret: ABSENT }), "Suspended"],
    "by a Secret that is not the operator's": [settled({ secret: FOREIGN }), "SecretForeign"],
    "by another resource that holds the Secret": [settled({ secretHolder: { name: "billing" } }), "SecretClaimedTwice"],
    "by a Secret that is being deleted": [settled({ secret: terminating }), "SecretTerminating"],
    "by a Secret that is being deleted, although a renewal is due": [
      settled({ secret: terminating, nowMs: RENEWAL_MS }),
      "SecretTerminating",
    ],
    "by unusable credentials": [settled({ secret: ABSENT, credentials: UNUSABLE }), "CredentialsMissing"],
    "by credentials that no one named": [
      settled({ secret: ABSENT, credentials: { kind: "unnamed", version: undefined } }),
      "CredentialsMissing",
    ],
    "by a certificate that the process before still stores": [parkedElsewhere(NOW + 60_000), "CertificateParked"],
    "by a refusal of Atlas": [settled({ secret: ABSENT, atlas: refused("RoleMissing") }), "RoleMissing"],
    "while the list of the open attempt's other user is unavailable": [
      settled({
        secret: ABSENT,
        atlas: listed(),
        attempted: refused("AtlasUnavailable"),
        status: { issuance: issuance({ username: "billing" }) },
      }),
      "AtlasUnavailable",
    ],
    "by the backoff of the last attempt": [
      following(reconciled(settled({ secret: ABSENT, atlas: listed() }), failure("UserNotFound")), { atlas: listed() }),
      "UserNotFound",
    ],
    "by lists that lack the replacement too": [replacedUnlisted(), "NotListedByAtlas"],
    "by lists that lack the replacement and the older certificate that was restored": [
      {
        ...replacedUnlisted(),
        resource: {
          ...replacedUnlisted().resource,
          status: {
            ...replacedUnlisted().resource.status,
            ...spent(1, { serialNumber: "1002", notAfter: timestamp(FACTS.notAfter.getTime() + DAY_MS) }),
          },
        },
      },
      "NotListedByAtlas",
    ],
    "by lists that lack the replacement which a deleted resource left": [
      {
        ...unlistedThrice,
        resource: {
          ...unlistedThrice.resource,
          status: { conditions: [], unlisted: unlistedThrice.resource.status.unlisted },
        },
        others: { ...NO_OTHERS, unconfirmed: ["1001"] },
      },
      "NotListedByAtlas",
    ],
    "by three parked certificates of its namespace": [
      settled({ secret: ABSENT, parkedCounts: { inNamespace: 3, inTotal: 3 } }),
      "TooManyParked",
    ],
    "by twenty parked certificates of other namespaces": [
      settled({ secret: ABSENT, parkedCounts: { inNamespace: 0, inTotal: 20 } }),
      "TooManyParked",
    ],
    "by a Secret whose data was damaged three times in a day": [
      settled({ secret: damaged("missing"), status: damage(2) }),
      "SecretContended",
    ],
    "by a Secret that was deleted three times in a day": [
      settled({ secret: ABSENT, status: damage(2, { reason: "SecretMissing" }) }),
      "SecretContended",
    ],
    "by a Secret that was repaired five times in an hour": [settled(fought), "SecretContended"],
    "by four certificates in a day": [settled({ secret: ABSENT, status: spent(4) }), "IssuanceBudgetSpent"],
    "by four certificates in a day if renewal is requested": [
      settled({ renewRequest: "a", status: spent(4) }),
      "IssuanceBudgetSpent",
    ],
    "by ten unexpired certificates": [settled({ secret: ABSENT, atlas: listed(...serials(10)) }), "TooManyUnexpired"],
    "by ten unexpired certificates if renewal is requested": [
      settled({ renewRequest: "a", atlas: listed(...serials(10)) }),
      "TooManyUnexpired",
    ],
    "by four certificates in a day if the user changed": [
      settled({ spec: { username: "billing" }, status: spent(4) }),
      "IssuanceBudgetSpent",
    ],
  };
  test.each(Object.entries(cases))("%s", (_what, [snapshot, reason]) => {
    expect(blockerOf(snapshot)?.reason).toBe(reason);
  });
});

describe("issues", () => {
  const due = { atlas: listed("1001", ...serials(12)), nowMs: RENEWAL_MS };
  const cases: Readonly<Record<string, Snapshot>> = {
    "once the oldest of four certificates is a day old": settled({
      secret: ABSENT,
      status: spent(4, { time: ago(DAY_MS) }),
    }),
    "although four certificates are dated more than a day ahead": settled({
      secret: ABSENT,
      status: spent(4, { time: ago(-DAY_MS) }),
    }),
    "a fourth certificate within a day": settled({ secret: ABSENT, status: spent(3) }),
    "although damage is dated more than a day ahead": settled({
      secret: damaged("missing"),
      status: damage(2, { time: ago(-DAY_MS) }),
    }),
    "when the Secret is deleted for the second time in a day": settled({
      secret: ABSENT,
      status: damage(1, { reason: "SecretMissing" }),
    }),
    "after two attempts for a deleted Secret whose answers were lost": settled({
      secret: ABSENT,
      status: damage(2, { reason: "SecretMissing", lost: "AnswerLost" }),
    }),
    "for a Secret that never held a certificate, after two that were lost": settled({
      secret: ABSENT,
      status: { recentIssuances: serials(2).map((serialNumber) => recent({ serialNumber, reason: "SecretMissing" })) },
    }),
    "when a renewal is requested although the data was damaged twice": settled({
      secret: damaged("missing"),
      status: damage(2),
      renewRequest: "now",
    }),
    "a tenth certificate": settled({ secret: ABSENT, atlas: listed(...serials(9)) }),
    "the renewal that is due by time although the user has twelve others": settled(due),
    "the renewal that is due by time although four were issued elsewhere today": settled({
      ...due,
      others: { ...NO_OTHERS, issuances: spent(5, { time: timestamp(RENEWAL_MS - HOUR_MS) }).recentIssuances },
    }),
    "the requested renewal that is due by time as well, although the user has twelve others": settled({
      ...due,
      renewRequest: "a",
    }),
    "once the process before no longer stores its certificate": parkedElsewhere(NOW),
    "although the process before announced to store for longer than an hour": parkedElsewhere(NOW + HOUR_MS),
    "although the list of the open attempt's other user is forbidden": settled({
      secret: ABSENT,
      atlas: listed(),
      attempted: refused("RoleMissing", { needsPerson: true }),
      status: { issuance: issuance({ username: "billing" }) },
    }),
    "although two certificates of its namespace are parked": settled({
      secret: ABSENT,
      parkedCounts: { inNamespace: 2, inTotal: 19 },
    }),
    "although three lists lack a certificate that replaced none": unlistedThrice,
    "although three lists lack a replacement that a deleted resource left, and that a list has held since": {
      ...unlistedThrice,
      others: { ...NO_OTHERS, unconfirmed: ["1001"] },
    },
    "once a list that lacks the replacement holds a newer certificate": replacedUnlisted(
      listed(entryFor(FACTS, { serialNumber: "1005", createdAt: new Date(NOW) })),
    ),
    "on request although the lists lack the replacement too": {
      ...replacedUnlisted(),
      resource: { ...replacedUnlisted().resource, renewRequest: "a" },
    },
  };
  test.each(Object.entries(cases))("%s", (_what, snapshot) => {
    expect(decide(situationOf(snapshot)).kind).toBe("issue");
  });

  test("the renewal that is due by time only once a day", () => {
    const once = settled({
      ...due,
      status: {
        recentIssuances: [
          recent({ time: timestamp(RENEWAL_MS - DAY_MS + 1000), replaces: "1001", lost: "AnswerLost" }),
        ],
      },
    });
    expect(blockerOf(once)?.reason).toBe("TooManyUnexpired");
    expect(decide(situationOf({ ...once, nowMs: RENEWAL_MS + 1000 })).kind).toBe("issue");
  });
});

describe("keeps the certificate", () => {
  test.each([
    ["unusable credentials", settled({ credentials: UNUSABLE })],
    ["four certificates in a day", settled({ status: spent(4) })],
    ["ten unexpired certificates", settled({ atlas: listed("1001", ...serials(10)) })],
    ["a certificate that the process before still stores", { ...parkedElsewhere(NOW + 60_000), secret: managed() }],
  ])("in spite of %s: nothing has to be issued", (_what, snapshot) => {
    expect(decide(situationOf(snapshot)).kind).toBe("keep");
  });
});

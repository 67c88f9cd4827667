import { describe, expect, test } from "vitest";
import { RENEW_REQUEST_ANNOTATION } from "../../../../api/names.ts";
import type { BlockedReason } from "../../../../api/reasons.ts";
import { timestamp } from "../../../../api/timestamp.ts";
import type { RecentIssuance } from "../../../../api/user-certificate-status.ts";
import { DAY_MS, HOUR_MS } from "../../../../clock.ts";
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
  POLICY,
  PROJECT,
  RENEWAL_MS,
  recent,
  reconciled,
  refused,
  secretMetadataFor,
  serials,
  settled,
} from "../../testing/snapshots.ts";
import { type Blocker, blockerMessage } from "../model/blocker.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { decide } from "./decide.ts";
import { situationOf } from "./situation.ts";

function blockerOf(snapshot: Snapshot): Blocker | undefined {
  const decision = decide(situationOf(snapshot));
  return decision.kind === "blocked" ? decision.blocker : undefined;
}

/** As many certificates issued at a time, each with a serial number of its own. */
function spent(count: number, change: Partial<RecentIssuance> = {}) {
  return { recentIssuances: serials(count).map((serialNumber) => recent({ serialNumber, ...change })) };
}

/** Certificates that replaced another one because the Secret was damaged. */
const damage = (count: number, change: Partial<RecentIssuance> = {}) =>
  spent(count, { reason: "KeyMismatch", replaces: "1000", ...change });

const UNUSABLE = { kind: "unusable", version: "31", problem: "clientSecret is missing." } as const;
const terminating = managed(FACTS, { deleting: true });
const unlabelled = managed(FACTS, { labels: {} });
const replacedUnlisted = (atlas = listed()) =>
  settled({
    atlas,
    status: {
      unlisted: { serialNumber: "1001", since: ago(15 * 60_000), latest: ago(8 * 60_000), lists: 2, replaced: true },
    },
  });
const unlistedThrice = settled({
  atlas: listed(),
  status: { unlisted: { serialNumber: "1001", since: ago(15 * 60_000), latest: ago(8 * 60_000), lists: 2 } },
});
const parkedElsewhere = (untilMs: number) => {
  const notAfter = timestamp(NOW + 90 * DAY_MS);
  const parked = { pod: "pod-0", serialNumber: "1002", notAfter, until: timestamp(untilMs) };
  return settled({ secret: ABSENT, atlas: listed("1001", "1002"), status: { issuance: issuance({ parked }) } });
};

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
    "by a Secret that was repaired five times in an hour": [
      settled({ secret: unlabelled, recentRepairs: serials(5).map(() => NOW - 60_000) }),
      "SecretContended",
    ],
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

describe("the message", () => {
  const messages: Readonly<Record<string, readonly [Snapshot, string]>> = {
    "of a suspended resource says what no longer happens": [
      settled({ spec: { suspend: true } }),
      "spec.suspend is true, so the operator issues, repairs and verifies nothing. Set spec.suspend to false to resume.",
    ],
    "of a foreign Secret names the condition that fails": [
      settled({ secret: FOREIGN }),
      "Secret orders-api-mongodb does not belong to the operator: its type is Opaque, not kubernetes.io/tls. " +
        "Choose another spec.secretName, or delete that Secret if nothing needs it.",
    ],
    "of a Secret that two resources name says whose it is": [
      settled({ secretHolder: { name: "billing" } }),
      "Secret orders-api-mongodb belongs to AtlasUserCertificate billing. " +
        "Choose another spec.secretName, or delete one of the two resources.",
    ],
    "of a Secret that another resource left behind says which one that uses by now": [
      settled({ secretHolder: { name: "billing", movedTo: "billing-mongodb" } }),
      "Secret orders-api-mongodb holds a certificate of AtlasUserCertificate billing, which now uses Secret billing-mongodb. " +
        "Choose another spec.secretName, or delete Secret orders-api-mongodb once no app uses it.",
    ],
    "of a Secret that is being deleted says what follows": [
      settled({ secret: terminating }),
      "Secret orders-api-mongodb is being deleted, and a finalizer still holds it. The operator continues once the Secret is gone.",
    ],
    "of unusable credentials names the Secret": [
      settled({ secret: ABSENT, credentials: UNUSABLE }),
      "Secret atlas-api cannot be used for Atlas: clientSecret is missing. " +
        "Correct that Secret; the operator picks up the change at once.",
    ],
    "of a certificate that is stored elsewhere says for how long the operator waits": [
      parkedElsewhere(NOW + 60_000),
      "Pod pod-0, the previous leader, is still storing certificate 1002. " +
        "The operator waits for it until 2030-01-11T00:01:00Z.",
    ],
    "of an unlisted replacement says since when": [
      replacedUnlisted(),
      "Atlas has not listed certificate 1001 since 2030-01-10T23:45:00Z, and one certificate was already replaced for that reason. " +
        `Check database user orders-api in project ${PROJECT}; the operator issues no other certificate until Atlas lists this one or you set the annotation ${RENEW_REQUEST_ANNOTATION} to a new value.`,
    ],
    "of a Secret whose data is overwritten names the writer": [
      settled({
        secret: { ...damaged("missing"), metadata: secretMetadataFor(FACTS, { otherWriters: ["argocd"] }) },
        status: damage(2),
      }),
      "argocd keeps overwriting Secret orders-api-mongodb (3 times in 24 hours), so the operator has stopped restoring it. " +
        `Stop that writer, then set the annotation ${RENEW_REQUEST_ANNOTATION} to a new value; otherwise the operator retries at 2030-01-11T23:00:00Z.`,
    ],
    "of a Secret whose labels are overwritten names all writers": [
      settled({
        secret: managed(FACTS, { labels: {}, otherWriters: ["argocd", "helm"] }),
        recentRepairs: serials(5).map(() => NOW - 60_000),
      }),
      "argocd, helm keep overwriting Secret orders-api-mongodb (5 times in an hour), so the operator has stopped restoring it. " +
        `Stop that writer, then set the annotation ${RENEW_REQUEST_ANNOTATION} to a new value; otherwise the operator retries at 2030-01-11T00:59:00Z.`,
    ],
    "of a spent budget says when issuing resumes": [
      settled({ secret: ABSENT, status: spent(4) }),
      "Daily limit reached: 4 of 4 certificates of user orders-api issued in the last 24 hours. " +
        "Issuing resumes at 2030-01-11T23:00:00Z; status.recentIssuances lists why each was issued.",
    ],
    "of too many unexpired certificates says when the next one expires": [
      settled({ secret: ABSENT, atlas: listed(...serials(10)) }),
      "Limit reached: user orders-api has 10 unexpired certificates, and 10 are allowed. " +
        "Wait until the next one expires at 2030-04-01T00:00:00Z, use another database user, or raise the operator's --max-unexpired-per-user.",
    ],
  };
  test.each(Object.entries(messages))("%s", (_what, [snapshot, message]) => {
    const blocker = blockerOf(snapshot);
    expect(blocker && blockerMessage(blocker)).toBe(message);
  });

  test("of a deleted Secret does not speak of a writer", () => {
    const snapshot = settled({ secret: ABSENT, status: damage(2, { reason: "SecretMissing" }) });
    expect(blockerOf(snapshot)?.problem).toBe(
      "Secret orders-api-mongodb keeps being deleted (3 times in 24 hours), so the operator has stopped restoring it.",
    );
  });

  test("of a spent budget is the same a minute later", () => {
    const snapshot = settled({ secret: ABSENT, status: spent(4) });
    expect(blockerOf({ ...snapshot, nowMs: NOW + 60_000 })).toEqual(blockerOf(snapshot));
  });
});

describe("a person is needed", () => {
  const needs: Readonly<Record<string, readonly [Snapshot, boolean]>> = {
    "for a foreign Secret": [settled({ secret: FOREIGN }), true],
    "for a Secret that two resources name": [settled({ secretHolder: { name: "billing" } }), true],
    "for missing credentials": [settled({ secret: ABSENT, credentials: UNUSABLE }), true],
    "for an unlisted replacement": [replacedUnlisted(), true],
    "for a Secret that is fought over": [settled({ secret: damaged("missing"), status: damage(2) }), true],
    "for too many unexpired certificates": [settled({ secret: ABSENT, atlas: listed(...serials(10)) }), true],
    "not for a suspended resource": [settled({ spec: { suspend: true } }), false],
    "not for a Secret that is being deleted": [settled({ secret: terminating }), false],
    "not for a certificate that the process before still stores": [parkedElsewhere(NOW + 60_000), false],
    "not for a spent budget": [settled({ secret: ABSENT, status: spent(4) }), false],
  };
  test.each(Object.entries(needs))("%s", (_what, [snapshot, expected]) => {
    expect(blockerOf(snapshot)?.needsPerson).toBe(expected);
  });
});

describe("the wait ends", () => {
  const endOf = (snapshot: Snapshot) => {
    const retry = blockerOf(snapshot)?.retry;
    return retry?.kind === "at" ? retry.atMs : retry?.kind;
  };

  test("only with a change, for a foreign, claimed or terminating Secret and a suspended resource", () => {
    const snapshots = [
      settled({ secret: FOREIGN }),
      settled({ secretHolder: { name: "billing" } }),
      settled({ secret: terminating }),
      settled({ spec: { suspend: true } }),
      settled({ secret: ABSENT, credentials: UNUSABLE }),
    ];
    expect(new Set(snapshots.map(endOf))).toEqual(new Set(["onChange"]));
  });

  test("for a spent budget as soon as fewer certificates than the limit are younger than a day", () => {
    const ages = [1, 2, 3, 4, 5, 6].map((hours) => hours * HOUR_MS + 250);
    const recentIssuances = serials(6).map((serialNumber, index) =>
      recent({ serialNumber, time: new Date(NOW - (ages[index] ?? 0)).toISOString() }),
    );
    const snapshot = settled({ secret: ABSENT, status: { recentIssuances } });
    const atMs = NOW - 4 * HOUR_MS - 250 + DAY_MS;
    expect(endOf(snapshot)).toBe(atMs);
    expect(blockerOf({ ...snapshot, nowMs: atMs - 1 })?.reason).toBe("IssuanceBudgetSpent");
    expect(decide(situationOf({ ...snapshot, nowMs: atMs })).kind).toBe("issue");
  });

  test("for too many unexpired certificates when the next one expires, if that is soon", () => {
    const gone = entryFor(FACTS, { serialNumber: "1", notAfter: new Date(NOW - 60_000) });
    const next = entryFor(FACTS, { serialNumber: "2", notAfter: new Date(NOW + 60_500) });
    expect(endOf(settled({ secret: ABSENT, atlas: listed(...serials(9), gone, next) }))).toBe(NOW + 60_500);
  });

  test("for too many unexpired certificates after the recheck interval, however far the next expiry", () => {
    const snapshot = settled({ secret: ABSENT, atlas: listed(...serials(10)), nowMs: NOW + 123 });
    expect(endOf(snapshot)).toBe(NOW + 123 + POLICY.recheckIntervalMs);
    const recreated = following(reconciled(snapshot), { nowMs: NOW + POLICY.recheckIntervalMs, atlas: listed() });
    expect(decide(situationOf(recreated)).kind).toBe("issue");
  });

  test("for a certificate that is stored elsewhere when the process before gives up", () => {
    expect(endOf(parkedElsewhere(NOW + 60_000))).toBe(NOW + 60_000);
  });

  test("for a Secret that is fought over when the older of two losses is a day old", () => {
    const recentIssuances = [5, 2].map((hours) =>
      recent({
        time: ago(hours * HOUR_MS),
        reason: "SecretDataMissing",
        replaces: "1000",
        serialNumber: String(hours),
      }),
    );
    expect(endOf(settled({ secret: damaged("missing"), status: { recentIssuances } }))).toBe(NOW + 19 * HOUR_MS);
  });

  test("for labels that are fought over when the oldest repair is an hour old", () => {
    const recentRepairs = [59, 40, 30, 20, 10].map((minutes) => NOW - minutes * 60_000);
    expect(endOf(settled({ secret: unlabelled, recentRepairs }))).toBe(NOW + 60_000);
  });
});

function ago(ms: number): string {
  return timestamp(NOW - ms);
}

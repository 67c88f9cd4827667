import { describe, expect, test } from "vitest";
import { MANAGED_LABEL, SECRET_ANNOTATIONS } from "../../../../api/names.ts";
import type { BlockedReason, IssueReason } from "../../../../api/reasons.ts";
import { decide, needsAtlas } from "./decide.ts";
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
  RENEWAL_MS,
  refused,
  reconciled,
  SECOND_MS,
  SETTLED_STATUS,
  secretMetadataFor,
  settled,
} from "../../testing/snapshots.ts";

const kindOf = (snapshot: Snapshot, nowMs = NOW) => decide(snapshot, nowMs).kind;

describe("keeps the certificate", () => {
  const cases: readonly [what: string, snapshot: Snapshot, nowMs?: number][] = [
    ["when all is well", settled()],
    ["when Atlas lists it", settled({ atlas: listed("1001", "1002") })],
    ["on the first look at a Secret that was there before", firstLook()],
    ["a second before its renewal time", settled(), RENEWAL_MS - SECOND_MS],
    [
      "when others put labels and annotations of theirs on the Secret",
      settled({
        secret: managed(FACTS, { labels: { [MANAGED_LABEL]: "true", team: "x" } }),
      }),
    ],
    [
      "when somebody put back an older one that is still good",
      settled({
        atlas: listed("1001", "1002"),
        status: {
          recentIssuances: [{ time: iso(NOW), reason: "x", serialNumber: "1002", notAfter: "2030-06-01T00:00:00Z" }],
        },
      }),
    ],
    ["when one list lacks it", settled({ atlas: listed() })],
    [
      "when a second list lacks it too soon after the first",
      settled({ atlas: listed(), status: { unlistedSince: iso(NOW - 59_000) } }),
    ],
    [
      "when the lists lacked another one before it",
      settled({ atlas: listed(), status: { unlistedSince: iso(NOW - HOUR_MS), serialNumber: "1000" } }),
    ],
    ["when the months of the next one change", settled({ spec: { monthsUntilExpiration: 12 }, generation: 2 })],
    ["when the Secret is being deleted but is still there", settled({ secret: managed(FACTS, { deleting: true }) })],
    ["when the renew request was answered", settled({ renewRequest: "a", status: { renewRequest: "a" } })],
    ["when an answered renew request was taken away", settled({ status: { renewRequest: "a" } })],
    [
      "on the first look although an old renew request is there",
      {
        ...firstLook(),
        resource: { ...firstLook().resource, renewRequest: "a" },
      },
    ],
    [
      "while a failed verification's backoff runs",
      following(reconciled(settled({ atlas: refused("AtlasUnavailable") })), {
        atlas: { kind: "notAsked" },
      }),
    ],
    [
      "when its distinguished name has another order",
      settled({
        spec: { username: "OU=analytics,CN=reports" },
        secret: managed(
          certificate("1001", {
            subject: [
              { type: "CN", value: "reports" },
              { type: "OU", value: "analytics" },
            ],
          }),
          {
            annotations: {
              ...secretMetadataFor(FACTS).annotations,
              [SECRET_ANNOTATIONS.username]: "OU=analytics,CN=reports",
            },
          },
        ),
      }),
    ],
  ];
  test.each(cases)("%s", (_what, snapshot, nowMs = NOW) => {
    expect(decide(snapshot, nowMs)).toEqual({ kind: "keep" });
  });
});

describe("issues", () => {
  const unlisted = { unlistedSince: iso(NOW - 60_000) };
  const newer = { time: iso(NOW), reason: "NearingExpiry", serialNumber: "1002", notAfter: "2030-06-01T00:00:00Z" };
  const expired = certificate("1001", { notAfter: new Date(NOW - DAY_MS) });
  const cases: readonly [what: string, snapshot: Snapshot, reason: IssueReason, message: string, nowMs?: number][] = [
    ["when there is no Secret", settled({ secret: ABSENT }), "SecretMissing", "There is no Secret orders-api-mongodb."],
    [
      "when the Secret lost its key",
      settled({ secret: damaged("missing") }),
      "SecretDataMissing",
      "Secret orders-api-mongodb is of no use: it has no tls.key.",
    ],
    [
      "when the Secret holds rubbish",
      settled({ secret: damaged("undecodable") }),
      "PemUndecodable",
      "Secret orders-api-mongodb is of no use: it has no tls.key.",
    ],
    [
      "when key and certificate don't belong together",
      settled({ secret: damaged("mismatch") }),
      "KeyMismatch",
      "Secret orders-api-mongodb is of no use: it has no tls.key.",
    ],
    [
      "when the username changed",
      settled({ spec: { username: "billing" }, generation: 2 }),
      "IdentityChanged",
      `The Secret was issued for user orders-api; wanted is user billing of project ${settled().resource.spec.projectId}.`,
    ],
    [
      "when the project changed",
      settled({ spec: { projectId: OTHER_PROJECT }, generation: 2 }),
      "IdentityChanged",
      `The Secret was issued for project ${settled().resource.spec.projectId}; wanted is user orders-api of project ${OTHER_PROJECT}.`,
    ],
    [
      "when the certificate is another user's and no annotation says whose",
      settled({
        spec: { username: "billing" },
        secret: managed(FACTS, { annotations: { [SECRET_ANNOTATIONS.certificateUid]: "x" } }),
      }),
      "IdentityChanged",
      `The Secret was issued for another user; wanted is user billing of project ${settled().resource.spec.projectId}.`,
    ],
    [
      "when somebody put back an older certificate that is due",
      settled({ status: { recentIssuances: [newer] } }),
      "SecretReverted",
      "Somebody put back the certificate that 1002 had replaced. Certificate 1001 expires in 20d.",
      FACTS.notAfter.getTime() - 20 * DAY_MS,
    ],
    [
      "when somebody put back an older certificate of another user",
      settled({ spec: { username: "billing" }, status: { recentIssuances: [newer] } }),
      "SecretReverted",
      "Somebody put back the certificate that 1002 had replaced. The Secret was issued for user orders-api; " +
        `wanted is user billing of project ${settled().resource.spec.projectId}.`,
    ],
    ["when renewal is requested", settled({ renewRequest: "a" }), "RenewRequested", "Renewal was requested (a)."],
    [
      "when renewal is requested again",
      settled({ renewRequest: "b", status: { renewRequest: "a" } }),
      "RenewRequested",
      "Renewal was requested (b).",
    ],
    ["at the renewal time", settled(), "NearingExpiry", "Certificate 1001 expires in 30d.", RENEWAL_MS],
    [
      "at the time before expiry that the spec names",
      settled({ spec: { renewBefore: "720h" } }),
      "NearingExpiry",
      "Certificate 1001 expires in 30d.",
      FACTS.notAfter.getTime() - 30 * DAY_MS,
    ],
    [
      "at the share of the lifetime that the spec names",
      settled({ spec: { renewBeforePercentage: 50 } }),
      "NearingExpiry",
      "Certificate 1001 expires in 45d.",
      FACTS.notAfter.getTime() - 45 * DAY_MS,
    ],
    [
      "when the certificate has expired",
      settled({ secret: managed(expired) }),
      "NearingExpiry",
      "Certificate 1001 has expired.",
    ],
    [
      "when Atlas no longer lists the certificate",
      settled({ atlas: listed("1002"), status: unlisted }),
      "NotListedByAtlas",
      "Atlas no longer lists certificate 1001.",
    ],
    [
      "when Atlas lists nothing at all",
      settled({ atlas: listed(), status: unlisted }),
      "NotListedByAtlas",
      "Atlas no longer lists certificate 1001.",
    ],
    [
      "when Atlas does not list the certificate of a Secret that was there before",
      following(reconciled(firstLook({ atlas: listed() }), undefined, NOW - 60_000)),
      "NotListedByAtlas",
      "Atlas no longer lists certificate 1001.",
    ],
  ];
  test.each(cases)("%s", (_what, snapshot, reason, message, nowMs = NOW) => {
    expect(decide(snapshot, nowMs)).toEqual({ kind: "issue", reason, message });
  });

  test("for a good Secret's request even where an earlier status lost its serial number", () => {
    const { serialNumber: _lost, ...status } = SETTLED_STATUS;
    const snapshot = settled({ renewRequest: "a" });
    expect(decide({ ...snapshot, resource: { ...snapshot.resource, status } }, NOW)).toMatchObject({
      kind: "issue",
      reason: "RenewRequested",
    });
  });
});

describe("is blocked", () => {
  const spent = (count: number, reason = "NearingExpiry", ageMs = HOUR_MS) => ({
    recentIssuances: Array.from({ length: count }, () => ({ time: iso(NOW - ageMs), reason })),
  });
  const cases: readonly (readonly [string, Snapshot, BlockedReason])[] = [
    ["while it is suspended", settled({ spec: { suspend: true }, secret: ABSENT }), "Suspended"],
    ["by a Secret that is not the operator's", settled({ secret: FOREIGN }), "SecretForeign"],
    ["by another resource that holds the Secret", settled({ secretHolder: "billing" }), "SecretClaimedTwice"],
    [
      "by credentials that can't be used",
      settled({ credentials: { kind: "unusable", version: undefined, problem: "there is none." } }),
      "CredentialsMissing",
    ],
    [
      "by credentials that nobody named",
      settled({ credentials: { kind: "unnamed", version: undefined } }),
      "CredentialsMissing",
    ],
    ["by what Atlas says", settled({ atlas: refused("RoleMissing") }), "RoleMissing"],
    ["by four certificates in a day", settled({ secret: ABSENT, status: spent(4) }), "IssuanceBudgetSpent"],
    [
      "by a Secret whose data was damaged twice in a day",
      settled({
        secret: damaged("missing"),
        status: spent(2, "KeyMismatch"),
      }),
      "SecretContended",
    ],
    ["by ten unexpired certificates", settled({ secret: ABSENT, atlas: listed(...numbers(10)) }), "TooManyUnexpired"],
    [
      "by a Secret that was repaired five times in an hour",
      settled({
        secret: managed(FACTS, { labels: {} }),
        recentRepairs: numbers(5).map(() => NOW - 60_000),
      }),
      "SecretContended",
    ],
    [
      "by the backoff of the last attempt",
      following(reconciled(settled({ secret: ABSENT, atlas: listed() }), failure("UserNotFound"))),
      "UserNotFound",
    ],
  ];
  test.each(cases)("%s", (_what, snapshot, reason) => {
    expect(decide(snapshot, NOW)).toMatchObject({ kind: "blocked", blocker: { reason } });
  });

  const freed: readonly (readonly [string, Snapshot])[] = [
    ["once the oldest of four certificates is a day old", settled({ secret: ABSENT, status: spent(4, "x", DAY_MS) })],
    [
      "by four certificates that a clock far ahead has dated",
      settled({ secret: ABSENT, status: spent(4, "x", -365 * DAY_MS) }),
    ],
    [
      "by damage that a clock far ahead has dated",
      settled({ secret: damaged("missing"), status: spent(2, "KeyMismatch", -365 * DAY_MS) }),
    ],
    ["once one of ten has expired", settled({ secret: ABSENT, atlas: listed(...numbers(9)) })],
    [
      "when a renewal is requested although the data was damaged twice",
      settled({
        secret: damaged("missing"),
        status: spent(2, "KeyMismatch"),
        renewRequest: "now",
      }),
    ],
    [
      "when the Secret is deleted although its data was damaged twice",
      settled({ secret: ABSENT, status: spent(2, "KeyMismatch") }),
    ],
  ];
  test.each(freed)("no longer %s", (_what, snapshot) => {
    expect(kindOf(snapshot)).toBe("issue");
  });

  describe("by a clock that is ahead", () => {
    const yearLater = NOW + 365 * DAY_MS;

    test("where Atlas lists a certificate that has expired by it", () => {
      const snapshot = settled({ atlas: listed("1001") });
      expect(decide(snapshot, yearLater)).toMatchObject({
        kind: "blocked",
        blocker: {
          reason: "ClockWrong",
          needsPerson: true,
          message: expect.stringContaining("it has expired, but Atlas lists it as unexpired. Correct the clock"),
          retry: { kind: "at", atMs: yearLater + POLICY.recheckIntervalMs },
        },
      });
    });

    test("where the certificate was due when it was issued, until it is really due", () => {
      const issuedMs = FACTS.notBefore.getTime() + 61 * DAY_MS;
      const notAfter = FACTS.notAfter.toISOString();
      const recentIssuances = [{ time: iso(issuedMs), reason: "SecretMissing", serialNumber: "1001", notAfter }];
      const snapshot = settled({ atlas: listed("1001"), status: { recentIssuances } });
      const atMs = issuedMs + 60 * DAY_MS;
      expect(decide(snapshot, issuedMs + SECOND_MS)).toMatchObject({
        blocker: { reason: "ClockWrong", retry: { kind: "at", atMs } },
      });
      expect(kindOf({ ...snapshot, atlas: listed() }, atMs)).toBe("issue");
    });

    test("but not where its Secret could not be written before it was due", () => {
      const soon = certificate("1001", { notAfter: new Date(FACTS.notBefore.getTime() + HOUR_MS) });
      const time = iso(FACTS.notBefore.getTime() + 0.8 * HOUR_MS);
      const recentIssuances = [{ time, reason: "SecretMissing", serialNumber: "1001" }];
      const snapshot = settled({ secret: managed(soon), atlas: listed("1001"), status: { recentIssuances } });
      expect(kindOf(snapshot, Date.parse(time) + SECOND_MS)).toBe("issue");
    });

    test.each([
      ["Atlas lists it no longer", settled({ atlas: listed() }), yearLater],
      ["it expired a minute ago", settled({ atlas: listed("1001") }), FACTS.notAfter.getTime() + 60_000],
      ["a renewal is requested", settled({ atlas: listed("1001"), renewRequest: "a" }), yearLater],
    ])("but not where %s", (_what, snapshot, nowMs) => {
      expect(kindOf(snapshot, nowMs)).toBe("issue");
    });
  });

  test("and says by whom the Secret is overwritten", () => {
    const snapshot = settled({
      secret: { ...damaged("missing"), metadata: secretMetadataFor(FACTS, { otherWriters: ["argocd"] }) },
      status: spent(2, "SecretDataMissing"),
    });
    expect(decide(snapshot, NOW)).toMatchObject({
      blocker: {
        message: expect.stringContaining(
          "overwritten again and again by argocd. Its data was damaged 3 times in a day",
        ),
      },
    });
  });

  test("with the same words a minute later", () => {
    const snapshot = settled({ secret: ABSENT, status: spent(4) });
    expect(decide(snapshot, NOW + 60_000)).toEqual(decide(snapshot, NOW));
  });

  test("by the unexpired certificates with the time of the next expiry that is still to come", () => {
    const gone = { serialNumber: "1", notAfter: new Date(NOW - 60_000) };
    const next = { serialNumber: "2", notAfter: new Date(NOW + DAY_MS) };
    const snapshot = settled({ secret: ABSENT, atlas: listed(...numbers(9), gone, next) });
    expect(decide(snapshot, NOW)).toMatchObject({ blocker: { retry: { kind: "at", atMs: NOW + DAY_MS } } });
  });

  test("by unexpired certificates that have expired by this clock, but not for ever", () => {
    const gone = numbers(10).map((serialNumber) => ({ serialNumber, notAfter: new Date(NOW - 60_000) }));
    const snapshot = settled({ secret: ABSENT, atlas: listed(...gone) });
    expect(decide(snapshot, NOW)).toMatchObject({
      blocker: { retry: { kind: "at", atMs: NOW + POLICY.recheckIntervalMs } },
    });
  });
});

describe("repairs", () => {
  const without = (map: Readonly<Record<string, string>>, key: string) =>
    Object.fromEntries(Object.entries(map).filter(([name]) => name !== key));
  const { labels, annotations } = secretMetadataFor(FACTS);
  const pair = managed();
  const cases: readonly (readonly [string, Snapshot, readonly string[]])[] = [
    ["a label that was taken away", settled({ secret: managed(FACTS, { labels: {} }) }), [`label ${MANAGED_LABEL}`]],
    [
      "a label that was changed",
      settled({ secret: managed(FACTS, { labels: { [MANAGED_LABEL]: "false" } }) }),
      [`label ${MANAGED_LABEL}`],
    ],
    [
      "the annotation with the user, where the certificate tells whose it is",
      settled({ secret: managed(FACTS, { annotations: without(annotations, SECRET_ANNOTATIONS.username) }) }),
      [`annotation ${SECRET_ANNOTATIONS.username}`],
    ],
    ...[SECRET_ANNOTATIONS.username, SECRET_ANNOTATIONS.projectId].map(
      (key) =>
        [
          `the annotation ${key}, where Atlas lists the certificate for the user that is wanted`,
          settled({
            atlas: listed("1001"),
            secret: managed(FACTS, { annotations: { ...annotations, [key]: "another" } }),
          }),
          [`annotation ${key}`],
        ] as const,
    ),
    [
      "a label that the template asks for",
      settled({ spec: { secretTemplate: { labels: { app: "orders" } } } }),
      ["label app"],
    ],
    [
      "an annotation that the template no longer asks for",
      settled({
        secret: managed(FACTS, {
          annotations: { ...annotations, "example.com/x": "1" },
          ownAnnotationKeys: [...Object.keys(annotations), "example.com/x"],
        }),
      }),
      ["annotation example.com/x"],
    ],
    [
      "the formats",
      settled({ secret: { ...pair, content: { kind: "pair", facts: FACTS, formatsCurrent: false } } }),
      ["formats"],
    ],
    [
      "the owner of a Secret that was there before its resource",
      settled({
        secret: managed(FACTS, {
          annotations: { ...annotations, [SECRET_ANNOTATIONS.certificateUid]: "an older one" },
        }),
      }),
      [`annotation ${SECRET_ANNOTATIONS.certificateUid}`],
    ],
    [
      "the owner reference of a Secret that shall go with its resource",
      settled({ spec: { deletionPolicy: "Delete" } }),
      ["owner reference"],
    ],
    [
      "the owner reference of a Secret that shall stay",
      settled({
        secret: managed(FACTS, {
          labels,
          ownerReferences: [
            { apiVersion: "atlascerts.io/v1alpha1", kind: "AtlasUserCertificate", name: "orders-api", uid: "x" },
          ],
        }),
      }),
      ["owner reference"],
    ],
  ];
  test.each(cases)("%s", (_what, snapshot, differences) => {
    expect(decide(snapshot, NOW)).toEqual({ kind: "repair", differences });
  });

  test("nothing while a new certificate is due, which mends all of it", () => {
    expect(kindOf(settled({ secret: managed(FACTS, { labels: {} }), renewRequest: "a" }))).toBe("issue");
  });

  test("again when the repairs are an hour old", () => {
    const recentRepairs = numbers(5).map(() => NOW - HOUR_MS);
    expect(kindOf(settled({ secret: managed(FACTS, { labels: {} }), recentRepairs }))).toBe("repair");
  });
});

describe("an open issuance", () => {
  const open = (known: readonly string[], change: Partial<Snapshot> = {}) =>
    settled({ status: { issuance: issuance({ knownSerials: [...known] }) }, ...change });

  test("is finished where the Secret holds a certificate that was not there before", () => {
    expect(decide(open(["1000"]), NOW)).toEqual({ kind: "finish" });
  });

  test("is finished even while the resource is suspended or its credentials are gone", () => {
    const credentials = { kind: "unusable", version: undefined, problem: "gone" } as const;
    expect(kindOf(open([], { credentials }))).toBe("finish");
    expect(kindOf(settled({ spec: { suspend: true }, status: { issuance: issuance() } }))).toBe("finish");
  });

  test("is not finished by the certificate that was there before", () => {
    expect(kindOf(open(["1001"]))).toBe("keep");
  });

  test("is not finished by a Secret that another resource holds", () => {
    expect(decide(open([], { secretHolder: "billing" }), NOW)).toMatchObject({
      blocker: { reason: "SecretClaimedTwice" },
    });
  });

  test("goes on where the Secret is still not there", () => {
    expect(kindOf(open([], { secret: ABSENT, atlas: listed() }))).toBe("issue");
  });

  test("needs Atlas' list although there is nothing to issue", () => {
    const snapshot = open(["1001"]);
    expect(needsAtlas(snapshot, decide(snapshot, NOW), NOW)).toBe(true);
  });
});

describe("asks Atlas", () => {
  const asks = (snapshot: Snapshot, nowMs = NOW) => needsAtlas(snapshot, decide(snapshot, nowMs), nowMs);
  const cases: readonly (readonly [string, Snapshot, number, boolean])[] = [
    ["before it issues", settled({ secret: ABSENT }), NOW, true],
    ["about a certificate that was never verified", firstLook(), NOW, true],
    ["about a certificate that was verified six hours ago", settled(), NOW + 5 * HOUR_MS, true],
    ["not about one that was verified an hour ago", settled(), NOW, false],
    ["not while it is suspended", settled({ spec: { suspend: true } }), NOW + DAY_MS, false],
    ["not for a repair", settled({ secret: managed(FACTS, { labels: {} }) }), NOW, false],
    [
      "about a certificate whose labels are fought over, when it is due",
      settled({ secret: managed(FACTS, { labels: {} }) }),
      NOW + DAY_MS,
      true,
    ],
    [
      "about one whose labels nobody mends any more, when it is due",
      settled({ secret: managed(FACTS, { labels: {} }), recentRepairs: numbers(5).map(() => NOW + DAY_MS) }),
      NOW + DAY_MS,
      true,
    ],
    [
      "not about a Secret whose data is fought over",
      settled({
        secret: damaged("missing"),
        status: { recentIssuances: numbers(2).map(() => ({ time: iso(NOW), reason: "KeyMismatch" })) },
      }),
      NOW,
      false,
    ],
    [
      "not while the backoff of the last question runs",
      following(reconciled(settled({ atlas: refused("AtlasUnavailable") }), undefined, NOW + DAY_MS), {
        atlas: { kind: "notAsked" },
      }),
      NOW + DAY_MS,
      false,
    ],
    [
      "again when that backoff is over",
      following(reconciled(settled({ atlas: refused("AtlasUnavailable") }), undefined, NOW + DAY_MS), {
        atlas: { kind: "notAsked" },
      }),
      NOW + DAY_MS + 10_000,
      true,
    ],
    [
      "again after a certificate was put back that an older status spoke of",
      settled({
        secret: managed(certificate("1002")),
      }),
      NOW,
      true,
    ],
  ];
  test.each(cases)("%s", (_what, snapshot, nowMs, expected) => {
    expect(asks(snapshot, nowMs)).toBe(expected);
  });
});

function numbers(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => String(2000 + index));
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

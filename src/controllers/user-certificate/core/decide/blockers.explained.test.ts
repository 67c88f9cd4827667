import { describe, expect, test } from "vitest";
import { RENEW_REQUEST_ANNOTATION } from "../../../../api/names.ts";
import { DAY_MS, HOUR_MS } from "../../../../clock.ts";
import {
  ago,
  blockerOf,
  damage,
  parkedElsewhere,
  replacedUnlisted,
  spent,
  terminating,
  UNUSABLE,
  unlabelled,
} from "../../testing/blocked.ts";
import {
  ABSENT,
  damaged,
  entryFor,
  FACTS,
  FOREIGN,
  following,
  listed,
  managed,
  NOW,
  POLICY,
  PROJECT,
  recent,
  reconciled,
  secretMetadataFor,
  serials,
  settled,
} from "../../testing/snapshots.ts";
import { blockerMessage } from "../model/blocker.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { decide } from "./decide.ts";
import { situationOf } from "./situation.ts";

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

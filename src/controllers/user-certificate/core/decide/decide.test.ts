import { describe, expect, test } from "vitest";
import { MANAGED_LABEL, SECRET_ANNOTATIONS } from "../../../../api/names.ts";
import { DAY_MS, HOUR_MS } from "../../../../clock.ts";
import { fought, unlabelled } from "../../testing/blocked.ts";
import {
  ABSENT,
  certificate,
  damaged,
  FACTS,
  FOREIGN,
  FRESH,
  firstReconcile,
  following,
  issuance,
  listed,
  managed,
  NOW,
  OTHER_PROJECT,
  recent,
  reconciled,
  refused,
  SECOND_MS,
  secretMetadataFor,
  settled,
} from "../../testing/snapshots.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { decide } from "./decide.ts";
import { situationOf } from "./situation.ts";

const kindOf = (snapshot: Snapshot) => decide(situationOf(snapshot)).kind;
const { labels, annotations } = secretMetadataFor(FACTS);

describe("keeps the certificate", () => {
  const firstWithRequest = firstReconcile();
  const named = { username: "OU=analytics,CN=reports" };
  const subject = [
    { type: "CN", value: "reports" },
    { type: "OU", value: "analytics" },
  ];
  const cases: Readonly<Record<string, Snapshot>> = {
    "when nothing is wrong": settled(),
    "when Atlas lists it": settled({ atlas: listed("1001", "1002") }),
    "in the first reconcile of a Secret that was there before": firstReconcile(),
    "when others set labels of their own on the Secret": settled({
      secret: managed(FACTS, { labels: { [MANAGED_LABEL]: "true", team: "x" } }),
    }),
    "when the Secret was reverted to an older one that is still good": settled({
      atlas: listed("1001", "1002"),
      status: { recentIssuances: [recent({ serialNumber: "1002", notAfter: "2030-06-01T00:00:00Z" })] },
    }),
    "when monthsUntilExpiration changes, which is for the next one": settled({
      spec: { monthsUntilExpiration: 12 },
      generation: 2,
    }),
    "when the renewal request was answered": settled({ renewRequest: "a", status: { renewRequest: "a" } }),
    "when an answered renewal request was removed": settled({ status: { renewRequest: "a" } }),
    "in the first reconcile, although an old renewal request is there": {
      ...firstWithRequest,
      resource: { ...firstWithRequest.resource, renewRequest: "a" },
    },
    "while the backoff of a failed verification runs": following(
      reconciled(settled({ atlas: refused("AtlasUnavailable") })),
    ),
    "when its distinguished name has another order": settled({
      spec: named,
      secret: managed(certificate("1001", { subject }), {
        annotations: { ...annotations, [SECRET_ANNOTATIONS.username]: named.username },
      }),
    }),
    "of an open attempt, once a list holds it": settled({
      atlas: listed("1001", "1002"),
      secret: managed(certificate("1002")),
      status: { issuance: issuance({ knownSerials: ["1001"] }) },
    }),
    "that was there before an open attempt that came to nothing": settled({
      atlas: listed("1001"),
      status: { issuance: issuance({ knownSerials: ["1001"] }) },
    }),
  };
  test.each(Object.entries(cases))("%s", (_what, snapshot) => {
    expect(decide(situationOf(snapshot))).toEqual({ kind: "keep" });
  });
});

describe("repairs", () => {
  const without = (map: Readonly<Record<string, string>>, key: string) =>
    Object.fromEntries(Object.entries(map).filter(([name]) => name !== key));
  const edited = (key: string) =>
    settled({ atlas: listed("1001"), secret: managed(FACTS, { annotations: { ...annotations, [key]: "another" } }) });
  const { certificateUid, projectId, username } = SECRET_ANNOTATIONS;
  const cases: Readonly<Record<string, readonly [Snapshot, string]>> = {
    "a label that was removed": [settled({ secret: unlabelled }), `label ${MANAGED_LABEL}`],
    "a label that was changed": [
      settled({ secret: managed(FACTS, { labels: { [MANAGED_LABEL]: "false" } }) }),
      `label ${MANAGED_LABEL}`,
    ],
    "a missing annotation with the user, since the subject tells whose the certificate is": [
      settled({ secret: managed(FACTS, { annotations: without(annotations, username) }) }),
      `annotation ${username}`,
    ],
    "an edited annotation with the user, while Atlas lists the certificate": [
      edited(username),
      `annotation ${username}`,
    ],
    "an edited annotation with the project, while Atlas lists the certificate": [
      edited(projectId),
      `annotation ${projectId}`,
    ],
    "a label that the template asks for": [
      settled({ spec: { secretTemplate: { labels: { app: "orders" } } } }),
      "label app",
    ],
    "an annotation that the template no longer asks for": [
      settled({
        secret: managed(FACTS, {
          annotations: { ...annotations, "example.com/x": "1" },
          ownAnnotationKeys: [...Object.keys(annotations), "example.com/x"],
        }),
      }),
      "annotation example.com/x",
    ],
    "the formats": [
      settled({ secret: { ...managed(), content: { kind: "pair", facts: FACTS, formatsCurrent: false, extras: {} } } }),
      "PEM files",
    ],
    "the connection string that the spec asks for": [
      settled({ spec: { connectionString: { host: "a.example.com", scheme: "mongodb", mountPath: "/etc/mongodb" } } }),
      "key connectionString",
    ],
    "the resource's UID in a Secret that was there before it": [
      settled({ secret: managed(FACTS, { annotations: { ...annotations, [certificateUid]: "an older one" } }) }),
      `annotation ${certificateUid}`,
    ],
    "the missing owner reference of a Secret that is deleted with its resource": [
      settled({ spec: { deletionPolicy: "Delete" } }),
      "owner reference",
    ],
    "the owner reference of a Secret that is retained": [
      settled({
        secret: managed(FACTS, {
          labels,
          ownerReferences: [
            { apiVersion: "atlascerts.io/v1alpha1", kind: "AtlasUserCertificate", name: "orders-api", uid: "x" },
          ],
        }),
      }),
      "owner reference",
    ],
  };
  test.each(Object.entries(cases))("%s", (_what, [snapshot, difference]) => {
    const { secret } = snapshot;
    const rewritesData = difference === "PEM files" || difference.startsWith("key ");
    expect(decide(situationOf(snapshot))).toEqual({
      kind: "repair",
      secret,
      held: FACTS,
      differences: [difference],
      rewritesData,
    });
  });

  test("all annotations at once if they were stripped", () => {
    const decision = decide(situationOf(settled({ secret: managed(FACTS, { annotations: {} }) })));
    const all = Object.values(SECRET_ANNOTATIONS).map((key) => `annotation ${key}`);
    expect(decision.kind === "repair" && decision.differences.toSorted()).toEqual(all.toSorted());
  });

  test("nothing while a new certificate is due, whose write fixes all of it", () => {
    expect(kindOf(settled({ secret: unlabelled, renewRequest: "a" }))).toBe("issue");
  });

  test("although the credentials are missing: Atlas is not needed", () => {
    const credentials = { kind: "unnamed", version: undefined } as const;
    expect(kindOf(settled({ secret: unlabelled, credentials }))).toBe("repair");
  });

  test("although Atlas refused its list", () => {
    expect(kindOf(settled({ secret: unlabelled, atlas: refused("AtlasUnavailable") }))).toBe("repair");
  });

  test("again once five repairs are an hour old", () => {
    expect(kindOf(settled({ ...fought, nowMs: NOW + HOUR_MS - 60_001 }))).toBe("blocked");
    expect(kindOf(settled({ ...fought, nowMs: NOW + HOUR_MS - 60_000 }))).toBe("repair");
  });
});

describe("a parked certificate", () => {
  const attempt = issuance({ knownSerials: ["1001"] });
  const waiting = (change: Parameters<typeof settled>[0] = {}) =>
    settled({
      secret: ABSENT,
      parked: { facts: FRESH, attempt },
      ...change,
      status: { issuance: attempt, ...change.status },
    });
  const store = { kind: "store", parked: { facts: FRESH, attempt } };

  const stored: Readonly<Record<string, Snapshot>> = {
    "while the Secret is absent": waiting(),
    "while the Secret holds the certificate that it replaces": waiting({ secret: managed() }),
    "while the Secret is damaged": waiting({ secret: damaged("missing") }),
    "while the resource is suspended": waiting({ spec: { suspend: true } }),
    "while the credentials are missing": waiting({ credentials: { kind: "unnamed", version: undefined } }),
    "a millisecond before it expires": waiting({ nowMs: FRESH.notAfter.getTime() - 1 }),
    "over a certificate that was there before its attempt, however new": waiting({
      secret: managed(certificate("1001", { notBefore: new Date(NOW + SECOND_MS) })),
    }),
    "over a certificate of someone else that began earlier": waiting({
      secret: managed(certificate("1003", { notBefore: new Date(NOW - 1) })),
    }),
    "over itself, if its write succeeded without an answer": waiting({ secret: managed(FRESH) }),
    "over a newer certificate of another user, which a deleted resource left": waiting({
      secret: managed(
        certificate("1003", { notBefore: new Date(NOW + 1), subject: [{ type: "CN", value: "billing" }] }),
      ),
    }),
    "although it has expired by a clock that was just set": waiting({
      nowMs: FRESH.notAfter.getTime() + DAY_MS,
      isClockMeasured: false,
    }),
  };
  test.each(Object.entries(stored))("is stored %s", (_what, snapshot) => {
    expect(decide(situationOf(snapshot))).toEqual(store);
  });

  const discarded: Readonly<Record<string, readonly [Snapshot, string]>> = {
    "once it has expired": [
      waiting({ nowMs: FRESH.notAfter.getTime() }),
      "it expired before its Secret could be written",
    ],
    "once the spec names another user": [waiting({ spec: { username: "billing" } }), "the spec now names another user"],
    "once the spec names another project": [
      waiting({ spec: { projectId: OTHER_PROJECT } }),
      "the spec now names another user",
    ],
    "once another attempt is on record": [
      waiting({ status: { issuance: issuance({ id: "attempt-2" }) } }),
      "another attempt replaced it",
    ],
    "once the Secret holds a newer certificate": [
      waiting({ secret: managed(certificate("1003", { notBefore: new Date(NOW + 1) })) }),
      "the Secret already holds a newer certificate",
    ],
    "once the Secret holds one that was not there before and began in the same second": [
      waiting({ secret: managed(certificate("1003", { notBefore: new Date(NOW) })) }),
      "the Secret already holds a newer certificate",
    ],
  };
  test.each(Object.entries(discarded))("is discarded %s", (_what, [snapshot, problem]) => {
    expect(decide(situationOf(snapshot))).toEqual({ kind: "discard", parked: snapshot.parked, problem });
  });

  test("is discarded if its attempt is no longer on record", () => {
    expect(kindOf(settled({ parked: { facts: FRESH, attempt } }))).toBe("discard");
  });

  const held: Readonly<Record<string, readonly [Parameters<typeof settled>[0], string]>> = {
    "a foreign Secret": [{ secret: FOREIGN }, "SecretForeign"],
    "a Secret that another resource holds": [{ secretHolder: { name: "billing" } }, "SecretClaimedTwice"],
    "a Secret that is being deleted": [{ secret: managed(FACTS, { deleting: true }) }, "SecretTerminating"],
  };
  test.each(Object.entries(held))("is not written into %s, and is kept", (_what, [change, reason]) => {
    expect(decide(situationOf(waiting(change)))).toMatchObject({ kind: "blocked", blocker: { reason } });
  });
});

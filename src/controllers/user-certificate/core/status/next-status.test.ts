import { describe, expect, test } from "vitest";
import { timestamp } from "../../../../api/timestamp.ts";
import type { UserCertificateStatus } from "../../../../api/user-certificate-status.ts";
import { DAY_MS, HOUR_MS } from "../../../../clock.ts";
import {
  ABSENT,
  certificate,
  damaged,
  entryFor,
  FACTS,
  FOREIGN,
  FRESH,
  failure,
  firstReconcile,
  following,
  issuance,
  issued,
  listed,
  managed,
  NO_OTHERS,
  NOW,
  POLICY,
  PROJECT,
  parked,
  RENEWAL_MS,
  reconciled,
  refused,
  SECOND_MS,
  SETTLED_STATUS,
  settled,
  statusAfter,
} from "../../testing/snapshots.ts";
import type { Outcome } from "../model/decision.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { nextStatus } from "./next-status.ts";

const status = (snapshot: Snapshot, outcome?: Outcome, nowMs?: number): UserCertificateStatus =>
  statusAfter(reconciled(snapshot, outcome, nowMs));
const missing = (change: Parameters<typeof settled>[0] = {}) =>
  settled({ secret: ABSENT, atlas: listed("1001"), ...change });
const PROVEN = [
  "secretName",
  "serialNumber",
  "fingerprint",
  "notBefore",
  "notAfter",
  "renewalTime",
  "lastVerifiedTime",
] as const;
const provenFields = (of: UserCertificateStatus) => PROVEN.map((field) => of[field]);
const open = issuance({ knownSerials: ["1001"] });

describe("the certificate before is named", () => {
  const renewed = status(settled({ nowMs: RENEWAL_MS, atlas: listed("1001") }), issued(), RENEWAL_MS);
  const later = (nowMs: number) => status(settled({ status: renewed, secret: managed(FRESH), nowMs }));
  const previous = { serialNumber: "1001", notAfter: "2030-04-01T00:00:00Z", replacedAt: timestamp(RENEWAL_MS) };

  test("once another one is in the Secret", () => {
    expect(renewed.previous).toEqual(previous);
    expect(status(settled())).not.toHaveProperty("previous");
  });

  test("until it expires", () => {
    expect(later(FACTS.notAfter.getTime() - 1).previous).toEqual(previous);
    expect(later(FACTS.notAfter.getTime())).not.toHaveProperty("previous");
  });

  test("only if it was valid when it was replaced", () => {
    const nowMs = FACTS.notAfter.getTime();
    expect(status(settled({ nowMs, atlas: listed() }), issued(), nowMs)).not.toHaveProperty("previous");
  });

  test("while the new one is only parked, or was not proven, as before", () => {
    expect(status(settled({ status: renewed, secret: ABSENT }), parked()).previous).toEqual(previous);
    expect(status(settled({ status: renewed, secret: managed(certificate("1003")) })).previous).toEqual(previous);
  });

  test("no more than one of them", () => {
    const again = status(settled({ status: renewed, secret: managed(FRESH) }), {
      kind: "issued",
      facts: certificate("1003"),
      attempt: issuance(),
    });
    expect(again.previous?.serialNumber).toBe("1002");
  });
});

describe("the pods that were counted", () => {
  const previous = { serialNumber: "1000", notAfter: timestamp(NOW + DAY_MS), replacedAt: timestamp(NOW - DAY_MS) };
  const consumers = { pods: 3, outdated: 1, observedAt: timestamp(NOW - DAY_MS) };
  const renewed = settled({ atlas: listed("1001"), status: { previous, consumers } });

  test("stay until the next renewal", () => {
    expect(status(renewed).consumers).toEqual(consumers);
    expect(status(renewed, issued()).previous?.serialNumber).toBe("1001");
    expect(status(renewed, issued())).not.toHaveProperty("consumers");
  });

  test("stay until the certificate before expires", () => {
    expect(status({ ...renewed, nowMs: NOW + DAY_MS })).not.toHaveProperty("consumers");
  });

  test("are those that the API server has by now", () => {
    const counted = { ...consumers, outdated: 0 };
    const before = { ...renewed.resource.status, consumers: counted };
    expect(nextStatus(reconciled(renewed), before).consumers).toEqual(counted);
  });

  test("go where pods are counted no more", () => {
    const policy = { ...renewed.policy, countsConsumers: false };
    expect(status({ ...renewed, policy })).not.toHaveProperty("consumers");
  });
});

describe("a certificate that was issued", () => {
  const after = status(missing({ status: { issuance: issuance() } }), issued(), NOW + 777);

  test("is described as the Secret holds it", () => {
    expect(after).toMatchObject({
      secretName: "orders-api-mongodb",
      serialNumber: "1002",
      fingerprint: "AB:1002",
      notBefore: "2030-01-11T00:00:00Z",
      notAfter: "2030-04-11T00:00:00Z",
      renewalTime: "2030-03-12T00:00:00Z",
      lastVerifiedTime: "2030-01-11T00:00:00Z",
    });
  });

  test("counts as a revision and as an unexpired certificate that is accounted for", () => {
    expect(after).toMatchObject({ revision: 2, unexpiredCertificates: 2 });
    expect(after).not.toHaveProperty("unaccounted");
  });

  test("is not counted twice if Atlas lists it already", () => {
    expect(status(missing({ atlas: listed("1001", entryFor(FRESH)) }), issued()).unexpiredCertificates).toBe(2);
  });

  test("closes the record of its attempt", () => {
    expect(after).not.toHaveProperty("issuance");
  });

  test("is remembered with the time of its attempt until a day after it expires", () => {
    const [entry] = status(missing(), issued({ replaces: "1001" })).recentIssuances ?? [];
    expect(entry).toEqual({
      time: "2030-01-10T23:59:00Z",
      reason: "SecretMissing",
      projectId: PROJECT,
      username: "orders-api",
      serialNumber: "1002",
      notAfter: "2030-04-11T00:00:00Z",
      replaces: "1001",
    });
    const later = (nowMs: number) => status(settled({ status: after, secret: managed(FRESH), nowMs })).recentIssuances;
    const end = FRESH.notAfter.getTime() + DAY_MS;
    expect(later(end - SECOND_MS)).toHaveLength(1);
    expect(later(end)).toBeUndefined();
  });
});

describe("a certificate of an open attempt that a crash left in the Secret", () => {
  const found = settled({ secret: managed(FRESH), status: { issuance: open } });
  const adopted = status({
    ...found,
    atlas: listed("1001", entryFor(FRESH)),
    attempted: listed("1001", entryFor(FRESH)),
  });

  test("is adopted once a list holds it, as a new revision with the time of its attempt", () => {
    expect(adopted).toMatchObject({
      serialNumber: "1002",
      fingerprint: "AB:1002",
      revision: 2,
      lastVerifiedTime: timestamp(NOW),
      recentIssuances: [{ time: open.startedAt, reason: "SecretMissing", serialNumber: "1002" }],
    });
    expect(adopted).not.toHaveProperty("issuance");
    expect(adopted).not.toHaveProperty("unaccounted");
  });

  test("counts as a revision only with the report that follows the next attempt's record", () => {
    const atlas = listed("1001", entryFor(FRESH));
    const attempt = issuance({ id: "attempt-2", reason: "RenewRequested" });
    const recorded = status({ ...found, atlas, attempted: atlas }, { kind: "recorded", attempt });
    expect(recorded).toMatchObject({ revision: 1, issuance: attempt });
  });

  test("changes nothing in the status before a list holds it", () => {
    const before = status(found);
    expect(provenFields(before)).toEqual(provenFields(SETTLED_STATUS));
    expect(before).toMatchObject({ revision: 1, issuance: open });
  });

  test("changes nothing in the status if the list lacks it", () => {
    const lacking = status({ ...found, atlas: listed("1001"), attempted: listed("1001") });
    expect(provenFields(lacking)).toEqual(provenFields(SETTLED_STATUS));
    expect(lacking.unlisted).toEqual({ serialNumber: "1002", since: timestamp(NOW), latest: timestamp(NOW), lists: 1 });
  });
});

describe("the status describes the last proven certificate", () => {
  const before = provenFields(SETTLED_STATUS);
  const unproven: Readonly<Record<string, Snapshot>> = {
    "while the Secret is absent": settled({ secret: ABSENT, atlas: listed("1001") }),
    "while the Secret is damaged": settled({ secret: damaged("missing") }),
    "while the Secret is foreign": settled({ secret: FOREIGN }),
    "while another resource holds the Secret": settled({ secretHolder: { name: "billing" } }),
    "while the Secret holds an unproven certificate": settled({ secret: managed(FRESH) }),
    "while the Secret holds a forged certificate under the listed serial number": settled({
      secret: managed(certificate("1001", { fingerprint: "EE:FF" })),
      atlas: listed("1001"),
    }),
    "after lists that lack it": settled({ atlas: listed() }),
  };
  test.each(Object.entries(unproven))("%s", (_what, snapshot) => {
    expect(provenFields(status(snapshot))).toEqual(before);
    expect(status(snapshot).revision).toBe(1);
  });

  test("while an attempt over a forged certificate is on record", () => {
    const forged = settled({ secret: managed(certificate("1001", { fingerprint: "EE:FF" })), atlas: listed("1001") });
    const recorded = reconciled(forged, { kind: "recorded", attempt: issuance({ reason: "KeyMismatch" }) });
    expect(provenFields(statusAfter(recorded))).toEqual(before);
    expect(reconciled(following(recorded, { atlas: listed("1001") })).decision).toMatchObject({
      reason: "KeyMismatch",
    });
  });

  test("with the renewal time that the spec asks for by now", () => {
    expect(status(settled({ spec: { renewBefore: "480h" } })).renewalTime).toBe("2030-03-12T00:00:00Z");
  });

  test("verified at the time of the latest list that holds it", () => {
    expect(status(settled({ atlas: listed("1001"), nowMs: NOW + 1999 })).lastVerifiedTime).toBe("2030-01-11T00:00:01Z");
    expect(status(settled({ atlas: refused("RoleMissing") })).lastVerifiedTime).toBe(SETTLED_STATUS.lastVerifiedTime);
  });

  test("and nothing if the resource never had one", () => {
    const first = firstReconcile({ secretHolder: { name: "billing" } });
    const after = status({ ...first, resource: { ...first.resource, renewRequest: "a" } });
    expect(provenFields(after).filter((field) => field !== undefined)).toEqual([]);
    expect(after).not.toHaveProperty("revision");
    expect(after).not.toHaveProperty("renewRequest");
    expect(after).not.toHaveProperty("recentIssuances");
  });
});

describe("lists that lack the certificate", () => {
  const first = following(reconciled(settled({ atlas: listed(), nowMs: NOW + 600 })));
  const since = timestamp(NOW);

  test("are counted from the first one", () => {
    expect(first.resource.status.unlisted).toEqual({ serialNumber: "1001", since, latest: since, lists: 1 });
    const second = status({ ...first, atlas: listed("5"), nowMs: NOW + 450_600 });
    expect(second.unlisted).toEqual({ serialNumber: "1001", since, latest: timestamp(NOW + 450_000), lists: 2 });
  });

  test("are remembered while Atlas is not asked, refuses, or the Secret is absent", () => {
    const { unlisted } = first.resource.status;
    expect(status(first).unlisted).toEqual(unlisted);
    expect(status({ ...first, atlas: refused("RoleMissing") }).unlisted).toEqual(unlisted);
    expect(status({ ...first, secret: ABSENT, atlas: listed() }).unlisted).toEqual(unlisted);
  });

  test("are forgotten once a list holds it", () => {
    expect(status({ ...first, atlas: listed("1001") })).not.toHaveProperty("unlisted");
  });

  test("are forgotten once another certificate is issued for another reason", () => {
    expect(status(first, issued({ reason: "RenewRequested" }))).not.toHaveProperty("unlisted");
  });
});

describe("a certificate that replaced an unlisted one", () => {
  const replacing = issued({ reason: "NotListedByAtlas", replaces: "1001" });
  const replaced = following(reconciled(settled({ atlas: listed() }), replacing), { secret: managed(FRESH) });
  const lacking = (nowMs: number) => ({ atlas: listed(), attempted: listed(), nowMs });
  const FLAG = { serialNumber: "1002", replaced: true };

  test("is remembered as the replacement until a list holds it", () => {
    expect(replaced.resource.status.unlisted).toEqual({
      ...FLAG,
      since: open.startedAt,
      latest: open.startedAt,
      lists: 0,
    });
    expect(status(replaced).unlisted).toMatchObject(FLAG);
    expect(status({ ...replaced, atlas: listed(entryFor(FRESH)) })).not.toHaveProperty("unlisted");
  });

  test("is not replaced for the same reason, however many lists lack it", () => {
    let snapshot: Snapshot = { ...replaced, ...lacking(NOW + HOUR_MS) };
    for (let hour = 2; hour < 40; hour++) {
      const done = reconciled(snapshot);
      expect(done.decision.kind).not.toBe("issue");
      snapshot = following(done, lacking(NOW + hour * HOUR_MS));
    }
    expect(snapshot.resource.status.unlisted).toMatchObject({ ...FLAG, lists: 38 });
    expect(reconciled(snapshot).decision).toMatchObject({ blocker: { reason: "NotListedByAtlas", needsPerson: true } });
  });

  test.each([
    "RenewRequested",
    // The spec may name the user before again, whose lists are still in doubt.
    "IdentityChanged",
  ] as const)("stays the replacement when another certificate follows (%s)", (reason) => {
    const third = certificate("1003", { notBefore: new Date(NOW), notAfter: FRESH.notAfter });
    const requested = reconciled({ ...replaced, ...lacking(NOW) }, issued({ reason }, third));
    expect(statusAfter(requested).unlisted).toMatchObject({ serialNumber: "1003", lists: 0, replaced: true });
  });
});

describe("a renewal request", () => {
  test("is answered by the attempt that saw it", () => {
    expect(status(missing(), issued({ renewRequest: "a" })).renewRequest).toBe("a");
  });

  test("stays open if it came during the attempt", () => {
    const snapshot = missing({ renewRequest: "b", status: { renewRequest: "a" } });
    expect(status(snapshot, issued({ renewRequest: "a" })).renewRequest).toBe("a");
  });

  test("is remembered as answered when the annotation is removed", () => {
    expect(status(missing({ status: { renewRequest: "a" } }), issued()).renewRequest).toBe("a");
  });

  test("is not answered by a failure", () => {
    expect(status(missing({ renewRequest: "a" }), failure("AtlasUnavailable")).renewRequest).toBeUndefined();
  });

  test("is not answered by a certificate that is parked", () => {
    expect(status(missing({ renewRequest: "a" }), parked({ renewRequest: "a" })).renewRequest).toBeUndefined();
  });

  test("is answered by the attempt whose process died after it stored its certificate", () => {
    const attempt = issuance({ knownSerials: ["1001"], renewRequest: "a" });
    const snapshot = settled({ renewRequest: "a", secret: managed(FRESH), status: { issuance: attempt } });
    const list = listed("1001", entryFor(FRESH));
    expect(status({ ...snapshot, atlas: list, attempted: list }).renewRequest).toBe("a");
    const empty = listed("1001");
    expect(status({ ...snapshot, atlas: empty, attempted: empty }).renewRequest).toBeUndefined();
  });

  test("counts as answered in the first reconcile of a good Secret", () => {
    const snapshot = firstReconcile({ atlas: listed("1001") });
    const first = { ...snapshot, resource: { ...snapshot.resource, renewRequest: "old" } };
    expect(status(first)).toMatchObject({ renewRequest: "old", revision: 1 });
  });

  test("acts twice for two values and once for one value", () => {
    const list = listed("1001");
    const once = following(reconciled(settled({ renewRequest: "a", atlas: list }), issued({ renewRequest: "a" })), {
      secret: managed(FRESH),
    });
    expect(reconciled(once).decision).toEqual({ kind: "keep" });
    const again = { ...once, resource: { ...once.resource, renewRequest: "b" } };
    expect(reconciled(again).decision).toMatchObject({ kind: "issue", reason: "RenewRequested" });
  });
});

describe("the record of the attempt", () => {
  const opened = { status: { issuance: open } };
  const cases: Readonly<Record<string, readonly [Snapshot, Outcome | undefined, boolean]>> = {
    "stays while Atlas was not asked": [settled(opened), undefined, true],
    "stays while Atlas refuses its list": [settled({ ...opened, atlas: refused("RateLimited") }), undefined, true],
    "is closed once a list was compared": [settled({ ...opened, atlas: listed("1001") }), undefined, false],
    "is closed once a list was compared, although the resource is suspended": [
      settled({ ...opened, atlas: listed("1001"), spec: { suspend: true } }),
      undefined,
      false,
    ],
    "stays through a repair": [settled(opened), { kind: "repaired", differences: [] }, true],
    "stays through a repair that fails": [
      settled({ ...opened, secret: managed(FACTS, { labels: {} }) }),
      failure("SecretNotWritable"),
      true,
    ],
    "stays if the answer got lost": [missing(), failure("AnswerLost", { attempt: open, staysOpen: true }), true],
    "is closed if Atlas plainly refused": [missing(opened), failure("UserNotFound", { attempt: open }), false],
    "is closed if the preflight failed after a list was compared": [
      missing(opened),
      failure("SecretNotWritable"),
      false,
    ],
    "stays while its certificate is parked here": [
      settled({ ...opened, secret: FOREIGN, atlas: listed(), parked: { facts: FRESH, attempt: open } }),
      undefined,
      true,
    ],
    "stays after its parked certificate was discarded, until a list tells": [
      settled({ ...opened, parked: { facts: FRESH, attempt: open } }),
      { kind: "discarded" },
      true,
    ],
  };
  test.each(Object.entries(cases))("%s", (_what, [snapshot, outcome, stays]) => {
    expect(status(snapshot, outcome).issuance !== undefined).toBe(stays);
  });

  test("is written before Atlas is asked", () => {
    expect(status(missing(), { kind: "recorded", attempt: open }).issuance).toEqual(open);
  });

  test("names the pod in which its certificate is parked", () => {
    expect(status(missing(), parked()).issuance).toEqual({
      ...issuance(),
      parked: { pod: "pod-1", serialNumber: "1002", notAfter: "2030-04-11T00:00:00Z" },
    });
  });

  test("of a new attempt takes the place of a settled one, which becomes a lost answer", () => {
    const second = issuance({ id: "attempt-2", startedAt: timestamp(NOW), knownSerials: ["1001"] });
    expect(status(missing(opened), { kind: "recorded", attempt: second })).toMatchObject({
      issuance: { id: "attempt-2" },
      recentIssuances: [{ time: open.startedAt, lost: "AnswerLost" }],
    });
  });

  test("stops a process that dies again and again in the middle of it", () => {
    let snapshot = missing();
    let creates = 0;
    for (; creates < 20; creates++) {
      const known = ["1001", ...Array.from({ length: creates }, (_, index) => String(3000 + index))];
      const nowMs = NOW + creates * 10 * SECOND_MS + 123;
      const done = reconciled({ ...snapshot, nowMs, atlas: listed(...known), attempted: listed(...known) });
      if (done.decision.kind !== "issue") break;
      // The record is written, Atlas creates, the process dies.
      const attempt = issuance({ id: `attempt-${creates}`, startedAt: timestamp(nowMs), knownSerials: known });
      snapshot = following({ ...done, outcome: { kind: "recorded", attempt } });
    }
    expect(creates).toBe(POLICY.maxIssuesPerDay);
  });
});

describe("the unexpired certificates", () => {
  test("are counted as Atlas lists them", () => {
    expect(status(settled({ atlas: listed("1001", "7", "8") })).unexpiredCertificates).toBe(3);
  });

  test("keep their number while Atlas is not asked", () => {
    expect(status(settled({ status: { unexpiredCertificates: 5 } })).unexpiredCertificates).toBe(5);
  });
});

describe("certificates that are unaccounted for", () => {
  test("are named with their expiry", () => {
    const others = { ...NO_OTHERS, explained: new Set(["7"]) };
    expect(status(settled({ atlas: listed("1001", "7", "8"), others })).unaccounted).toEqual([
      { serialNumber: "8", notAfter: "2030-04-01T00:00:00Z" },
    ]);
  });

  test("take no room in the status if there are none", () => {
    expect(status(settled({ atlas: listed("1001") }))).not.toHaveProperty("unaccounted");
  });
});

describe("a certificate that was there before its resource", () => {
  const adopted = following(reconciled(firstReconcile({ atlas: listed("1001") })));

  test("is adopted with the time from which it is valid", () => {
    expect(adopted.resource.status).toMatchObject({
      revision: 1,
      recentIssuances: [
        { time: "2030-01-01T00:00:00Z", reason: "Adopted", serialNumber: "1001", notAfter: "2030-04-01T00:00:00Z" },
      ],
    });
  });

  test("stays accounted for after the next one has replaced it", () => {
    const renewed = following(reconciled({ ...adopted, secret: ABSENT, atlas: listed("1001") }, issued()));
    const list = listed("1001", entryFor(FRESH));
    const verified = { ...renewed, secret: managed(FRESH), atlas: list, attempted: list };
    expect(status(verified)).toMatchObject({ unexpiredCertificates: 2 });
    expect(status(verified)).not.toHaveProperty("unaccounted");
  });

  test("is not adopted before a list holds it", () => {
    const unlisted = status(firstReconcile({ atlas: listed() }));
    expect(unlisted).not.toHaveProperty("recentIssuances");
    expect(unlisted).not.toHaveProperty("serialNumber");
  });
});

describe("a Secret that was left behind", () => {
  const moved = (change: Parameters<typeof settled>[0] = {}) =>
    settled({ spec: { secretName: "new" }, secret: ABSENT, atlas: listed("1001"), generation: 2, ...change });
  const LEFT = [{ secretName: "orders-api-mongodb", serialNumber: "1001", notAfter: "2030-04-01T00:00:00Z" }];

  test("is named with its certificate as soon as the spec names another one", () => {
    expect(status(moved()).leftBehind).toEqual(LEFT);
  });

  test("stays named after the new one holds a certificate", () => {
    const done = following(reconciled(moved(), issued()), { secret: managed(FRESH) });
    expect(done.resource.status).toMatchObject({ secretName: "new", leftBehind: LEFT });
    expect(status(done).leftBehind).toEqual(LEFT);
  });

  test("is no longer named once its certificate has expired", () => {
    const nowMs = FACTS.notAfter.getTime();
    const left = moved({ secret: managed(FRESH), status: { leftBehind: LEFT, secretName: "new" }, nowMs });
    expect(status({ ...left, nowMs: nowMs - 1 }).leftBehind).toEqual(LEFT);
    expect(status(left)).not.toHaveProperty("leftBehind");
  });

  test("is no longer named once the spec names it again", () => {
    expect(status(settled({ status: { leftBehind: LEFT, secretName: "new" } })).leftBehind).toEqual([
      { ...LEFT[0], secretName: "new" },
    ]);
  });

  test("is one of at most five", () => {
    const leftBehind = ["a", "b", "c", "d", "e"].map((secretName) => ({
      secretName,
      notAfter: "2030-04-01T00:00:00Z",
    }));
    const names = status(moved({ status: { leftBehind } })).leftBehind?.map(({ secretName }) => secretName);
    expect(names).toEqual(["b", "c", "d", "e", "orders-api-mongodb"]);
  });
});

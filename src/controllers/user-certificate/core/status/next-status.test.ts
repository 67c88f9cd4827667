import { describe, expect, test } from "vitest";
import { timestamp } from "../../../../api/timestamp.ts";
import { DAY_MS } from "../../../../clock.ts";
import {
  ABSENT,
  certificate,
  damaged,
  entryFor,
  FACTS,
  FOREIGN,
  FRESH,
  firstReconcile,
  following,
  issuance,
  issued,
  listed,
  managed,
  NO_OTHERS,
  NOW,
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
import { missing, provenFields, statusOf } from "../../testing/statuses.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { nextStatus } from "./next-status.ts";

describe("the certificate before is named", () => {
  const renewed = statusOf(settled({ nowMs: RENEWAL_MS, atlas: listed("1001") }), issued(), RENEWAL_MS);
  const later = (nowMs: number) => statusOf(settled({ status: renewed, secret: managed(FRESH), nowMs }));
  const previous = { serialNumber: "1001", notAfter: "2030-04-01T00:00:00Z", replacedAt: timestamp(RENEWAL_MS) };

  test("once another one is in the Secret", () => {
    expect(renewed.previous).toEqual(previous);
    expect(statusOf(settled())).not.toHaveProperty("previous");
  });

  test("until it expires", () => {
    expect(later(FACTS.notAfter.getTime() - 1).previous).toEqual(previous);
    expect(later(FACTS.notAfter.getTime())).not.toHaveProperty("previous");
  });

  test("only if it was valid when it was replaced", () => {
    const nowMs = FACTS.notAfter.getTime();
    expect(statusOf(settled({ nowMs, atlas: listed() }), issued(), nowMs)).not.toHaveProperty("previous");
  });

  test("while the new one is only parked, or was not proven, as before", () => {
    expect(statusOf(settled({ status: renewed, secret: ABSENT }), parked()).previous).toEqual(previous);
    expect(statusOf(settled({ status: renewed, secret: managed(certificate("1003")) })).previous).toEqual(previous);
  });

  test("no more than one of them", () => {
    const again = statusOf(settled({ status: renewed, secret: managed(FRESH) }), {
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
    expect(statusOf(renewed).consumers).toEqual(consumers);
    expect(statusOf(renewed, issued()).previous?.serialNumber).toBe("1001");
    expect(statusOf(renewed, issued())).not.toHaveProperty("consumers");
  });

  test("stay until the certificate before expires", () => {
    expect(statusOf({ ...renewed, nowMs: NOW + DAY_MS })).not.toHaveProperty("consumers");
  });

  test("are those that the API server has by now", () => {
    const counted = { ...consumers, outdated: 0 };
    const before = { ...renewed.resource.status, consumers: counted };
    expect(nextStatus(reconciled(renewed), before).consumers).toEqual(counted);
  });

  test("go where pods are counted no more", () => {
    const policy = { ...renewed.policy, countsConsumers: false };
    expect(statusOf({ ...renewed, policy })).not.toHaveProperty("consumers");
  });
});

describe("a certificate that was issued", () => {
  const after = statusOf(missing({ status: { issuance: issuance() } }), issued(), NOW + 777);

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
    expect(statusOf(missing({ atlas: listed("1001", entryFor(FRESH)) }), issued()).unexpiredCertificates).toBe(2);
  });

  test("closes the record of its attempt", () => {
    expect(after).not.toHaveProperty("issuance");
  });

  test("is remembered with the time of its attempt until a day after it expires", () => {
    const [entry] = statusOf(missing(), issued({ replaces: "1001" })).recentIssuances ?? [];
    expect(entry).toEqual({
      time: "2030-01-10T23:59:00Z",
      reason: "SecretMissing",
      projectId: PROJECT,
      username: "orders-api",
      serialNumber: "1002",
      notAfter: "2030-04-11T00:00:00Z",
      replaces: "1001",
    });
    const later = (nowMs: number) =>
      statusOf(settled({ status: after, secret: managed(FRESH), nowMs })).recentIssuances;
    const end = FRESH.notAfter.getTime() + DAY_MS;
    expect(later(end - SECOND_MS)).toHaveLength(1);
    expect(later(end)).toBeUndefined();
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
    expect(provenFields(statusOf(snapshot))).toEqual(before);
    expect(statusOf(snapshot).revision).toBe(1);
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
    expect(statusOf(settled({ spec: { renewBefore: "480h" } })).renewalTime).toBe("2030-03-12T00:00:00Z");
  });

  test("verified at the time of the latest list that holds it", () => {
    expect(statusOf(settled({ atlas: listed("1001"), nowMs: NOW + 1999 })).lastVerifiedTime).toBe(
      "2030-01-11T00:00:01Z",
    );
    expect(statusOf(settled({ atlas: refused("RoleMissing") })).lastVerifiedTime).toBe(SETTLED_STATUS.lastVerifiedTime);
  });

  test("and nothing if the resource never had one", () => {
    const first = firstReconcile({ secretHolder: { name: "billing" } });
    const after = statusOf({ ...first, resource: { ...first.resource, renewRequest: "a" } });
    expect(provenFields(after).filter((field) => field !== undefined)).toEqual([]);
    expect(after).not.toHaveProperty("revision");
    expect(after).not.toHaveProperty("renewRequest");
    expect(after).not.toHaveProperty("recentIssuances");
  });
});

describe("the unexpired certificates", () => {
  test("are counted as Atlas lists them", () => {
    expect(statusOf(settled({ atlas: listed("1001", "7", "8") })).unexpiredCertificates).toBe(3);
  });

  test("keep their number while Atlas is not asked", () => {
    expect(statusOf(settled({ status: { unexpiredCertificates: 5 } })).unexpiredCertificates).toBe(5);
  });
});

describe("certificates that are unaccounted for", () => {
  test("are named with their expiry", () => {
    const others = { ...NO_OTHERS, explained: new Set(["7"]) };
    expect(statusOf(settled({ atlas: listed("1001", "7", "8"), others })).unaccounted).toEqual([
      { serialNumber: "8", notAfter: "2030-04-01T00:00:00Z" },
    ]);
  });

  test("take no room in the status if there are none", () => {
    expect(statusOf(settled({ atlas: listed("1001") }))).not.toHaveProperty("unaccounted");
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
    expect(statusOf(verified)).toMatchObject({ unexpiredCertificates: 2 });
    expect(statusOf(verified)).not.toHaveProperty("unaccounted");
  });

  test("is not adopted before a list holds it", () => {
    const unlisted = statusOf(firstReconcile({ atlas: listed() }));
    expect(unlisted).not.toHaveProperty("recentIssuances");
    expect(unlisted).not.toHaveProperty("serialNumber");
  });
});

describe("a Secret that was left behind", () => {
  const moved = (change: Parameters<typeof settled>[0] = {}) =>
    settled({ spec: { secretName: "new" }, secret: ABSENT, atlas: listed("1001"), generation: 2, ...change });
  const LEFT = [{ secretName: "orders-api-mongodb", serialNumber: "1001", notAfter: "2030-04-01T00:00:00Z" }];

  test("is named with its certificate as soon as the spec names another one", () => {
    expect(statusOf(moved()).leftBehind).toEqual(LEFT);
  });

  test("stays named after the new one holds a certificate", () => {
    const done = following(reconciled(moved(), issued()), { secret: managed(FRESH) });
    expect(done.resource.status).toMatchObject({ secretName: "new", leftBehind: LEFT });
    expect(statusOf(done).leftBehind).toEqual(LEFT);
  });

  test("is no longer named once its certificate has expired", () => {
    const nowMs = FACTS.notAfter.getTime();
    const left = moved({ secret: managed(FRESH), status: { leftBehind: LEFT, secretName: "new" }, nowMs });
    expect(statusOf({ ...left, nowMs: nowMs - 1 }).leftBehind).toEqual(LEFT);
    expect(statusOf(left)).not.toHaveProperty("leftBehind");
  });

  test("is no longer named once the spec names it again", () => {
    expect(statusOf(settled({ status: { leftBehind: LEFT, secretName: "new" } })).leftBehind).toEqual([
      { ...LEFT[0], secretName: "new" },
    ]);
  });

  test("is one of at most five", () => {
    const leftBehind = ["a", "b", "c", "d", "e"].map((secretName) => ({
      secretName,
      notAfter: "2030-04-01T00:00:00Z",
    }));
    const names = statusOf(moved({ status: { leftBehind } })).leftBehind?.map(({ secretName }) => secretName);
    expect(names).toEqual(["b", "c", "d", "e", "orders-api-mongodb"]);
  });
});

import { describe, expect, test } from "vitest";
import type { EventReport } from "../../kube/event-object.ts";
import { Announcer } from "./announce.ts";
import type { Snapshot } from "./core/model/snapshot.ts";
import type { Outcome } from "./core/model/decision.ts";
import type { Assessment } from "./core/status/assessment.ts";
import {
  ABSENT,
  FACTS,
  FOREIGN,
  failure,
  following,
  issuance,
  listed,
  managed,
  refused,
  resource,
  reconciled,
  settled,
} from "./testing/snapshots.ts";

function announce(...rounds: readonly Assessment[]) {
  const events: EventReport[] = [];
  const logged: string[] = [];
  const line = (level: string) => (_fields: object, message: string) => void logged.push(`${level}: ${message}`);
  const log = { debug: line("debug"), info: line("info"), warn: line("warn"), error: line("error") };
  const announcer = new Announcer({ events: { record: (event) => void events.push(event) }, log });
  for (const one of rounds) {
    announcer.announceFindings(one.snapshot);
    announcer.announceIssued(one);
    announcer.announce(one);
  }
  return { events, logged };
}

const history = [
  { time: "2030-01-01T00:00:00Z", reason: "SecretMissing", serialNumber: "1001", notAfter: "2030-04-01T00:00:00Z" },
];
const missing = settled({ secret: ABSENT, atlas: listed("1001"), status: { recentIssuances: history } });
const issued: Outcome = { kind: "issued", facts: FACTS, issuance: issuance() };

test("tells of a certificate that was issued, and why", () => {
  const { events, logged } = announce(reconciled(missing, issued));
  expect(events).toEqual([
    {
      regarding: {
        apiVersion: "atlascerts.io/v1alpha1",
        kind: "AtlasUserCertificate",
        namespace: "shop",
        name: "orders-api",
        uid: resource().uid,
        resourceVersion: "7",
      },
      type: "Normal",
      reason: "Issued",
      action: "Issue",
      note: "Issued certificate 1001 for user orders-api into Secret orders-api-mongodb, valid until 2030-04-01T00:00:00Z (SecretMissing).",
    },
  ]);
  expect(logged).toEqual([`info: ${events[0]?.note}`]);
});

test("tells of a repair, and what was repaired", () => {
  const { events } = announce(reconciled(settled(), { kind: "repaired", differences: ["label a", "formats"] }));
  expect(events).toMatchObject([
    {
      type: "Normal",
      reason: "Repaired",
      note: "Repaired label a, formats of Secret orders-api-mongodb; the certificate is the same.",
    },
  ]);
});

describe("tells of a blocker", () => {
  const cases: readonly (readonly [string, Snapshot, Outcome | undefined, string])[] = [
    ["that an attempt met", missing, failure("RoleMissing"), "Warning RoleMissing"],
    ["that stands in the way", settled({ secret: FOREIGN }), undefined, "Warning SecretForeign"],
    ["that a verification met", settled({ atlas: refused("AtlasUnavailable") }), undefined, "Warning AtlasUnavailable"],
    ["that somebody wanted", settled({ spec: { suspend: true } }), undefined, "Normal Suspended"],
  ];
  test.each(cases)("%s, when it begins and not again", (_what, snapshot, outcome, told) => {
    const first = reconciled(snapshot, outcome);
    const second = reconciled(following(first), outcome);
    const { events } = announce(first, second);
    expect(events.map(({ type, reason }) => `${type} ${reason}`)).toEqual([told]);
  });

  test("not while its backoff runs", () => {
    const first = reconciled(missing, failure("RoleMissing"));
    const waiting = following(first, { atlas: { kind: "notAsked" } });
    expect(announce(reconciled(waiting)).events).toEqual([]);
  });

  test("again when another one takes its place", () => {
    const first = reconciled(missing, failure("RoleMissing"));
    const second = reconciled(following(first), failure("UserNotFound"));
    expect(announce(first, second).events.map(({ reason }) => reason)).toEqual(["RoleMissing", "UserNotFound"]);
  });
});

test("says nothing where all is well", () => {
  const { events, logged } = announce(reconciled(settled()), reconciled(settled({ atlas: listed("1001") })));
  expect([...events, ...logged]).toEqual([]);
});

test("says nothing where it was overtaken", () => {
  expect(announce(reconciled(missing, { kind: "overtaken" })).events).toEqual([]);
});

describe("an orphan", () => {
  const open = issuance({ knownSerials: ["1001"] });

  test("is told of when the list shows it, once", () => {
    const found = reconciled(settled({ status: { issuance: open }, atlas: listed("1001", "1002"), secret: managed() }));
    const { events } = announce(found, reconciled(following(found)));
    expect(events).toMatchObject([
      {
        type: "Warning",
        reason: "CertificateOrphaned",
        note: "Atlas lists certificate 1002 of user orders-api, valid until 2030-04-01T00:00:00Z, whose answer got lost: nobody holds its key, and Atlas can't revoke it.",
      },
    ]);
  });

  test("is told of beside the certificate that comes in its place", () => {
    const snapshot = { ...missing, atlas: listed("1001", "1002") };
    const status = { ...snapshot.resource.status, issuance: open };
    const { events } = announce(reconciled({ ...snapshot, resource: { ...snapshot.resource, status } }, issued));
    expect(events.map(({ reason }) => reason)).toEqual(["CertificateOrphaned", "Issued"]);
  });

  test("is none where the list could not be had", () => {
    const snapshot = settled({ status: { issuance: open }, atlas: refused("RateLimited") });
    expect(announce(reconciled(snapshot)).events.map(({ reason }) => reason)).toEqual(["RateLimited"]);
  });
});

describe("a certificate that turns up and that nobody accounts for", () => {
  test("is told of when the list shows it, once", () => {
    const found = reconciled(settled({ atlas: listed("1001", "1002") }));
    const { events, logged } = announce(found, found, reconciled(following(found)));
    expect(events).toMatchObject([
      {
        type: "Warning",
        reason: "CertificateUnaccountedFor",
        action: "Verify",
        note:
          "Atlas lists certificate 1002 of user orders-api, valid until 2030-04-01T00:00:00Z, that no resource of this " +
          "operator accounts for: issued elsewhere, or for a resource that is gone or names another user now, or lost " +
          "(by another resource of this user, or by an attempt that Atlas carried out late). Atlas can't revoke it; if " +
          "nobody of yours holds it, remove the user.",
      },
    ]);
    expect(logged).toEqual([`warn: ${events[0]?.note}`]);
  });

  test("is told of once where its status can't be written, whatever the looks between find", () => {
    const found = reconciled(settled({ atlas: listed("1001", "1002") }));
    const refusedLook = reconciled(settled({ atlas: refused("RateLimited") }));
    const { events } = announce(found, refusedLook, found);
    expect(events.filter(({ reason }) => reason === "CertificateUnaccountedFor")).toHaveLength(1);
  });

  test("goes by one name: what the open record explains is an orphan", () => {
    const open = issuance({ knownSerials: ["1001"] });
    const seen = settled({ status: { issuance: open }, atlas: listed("1001", "1002") });
    expect(announce(reconciled(seen)).events.map(({ reason }) => reason)).toEqual(["CertificateOrphaned"]);
  });

  test("is no news on the first look at a user", () => {
    const first = settled({ status: { countedUser: undefined }, atlas: listed("1001", "1002") });
    expect(announce(reconciled(first)).events).toEqual([]);
  });
});

test("an attempt whose resource names another user by now is told of once: nobody will learn what became of it", () => {
  const open = issuance({ username: "billing", knownSerials: ["1001"] });
  const seen = reconciled(settled({ status: { issuance: open }, atlas: listed("1001") }));
  expect(announce(seen, seen, reconciled(following(seen))).events).toMatchObject([
    {
      type: "Warning",
      reason: "OutcomeUnknown",
      note:
        `The attempt of ${open.startedAt} for user billing of project ${open.projectId} was on record when the resource ` +
        "began to name another user: if Atlas carried it out, nobody holds that certificate's key. Compare Atlas' list " +
        "of that user.",
    },
  ]);
});

test("what may be nobody's is counted apart from what is", () => {
  const counts = { orphans: 0, unaccounted: 0 };
  const announcer = new Announcer({
    events: { record: () => {} },
    onOrphan: () => void counts.orphans++,
    onUnaccounted: () => void counts.unaccounted++,
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
  });
  const open = issuance({ knownSerials: ["1001", "1002"] });
  announcer.announceFindings(settled({ status: { issuance: open }, atlas: listed("1001", "1002", "1003") }));
  expect(counts).toEqual({ orphans: 1, unaccounted: 1 });
});

test("a certificate whose resource was deleted before it could be written is told of, and counted", () => {
  const events: EventReport[] = [];
  let counted = 0;
  const announcer = new Announcer({
    events: { record: (event) => void events.push(event) },
    onOrphan: () => void counted++,
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
  });
  announcer.announceAbandoned(resource(), FACTS);
  expect(events).toMatchObject([
    {
      type: "Warning",
      reason: "CertificateOrphaned",
      note: expect.stringMatching(/^Nobody holds certificate 1001 of .*deleted/),
    },
  ]);
  expect(counted).toBe(1);
});

test("a certificate whose Secret became another resource's is told of once, though the next list shows it again", () => {
  const events: EventReport[] = [];
  const announcer = new Announcer({
    events: { record: (event) => void events.push(event) },
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
  });
  announcer.announceDisplaced(resource(), FACTS, "billing");
  const status = { issuance: issuance({ knownSerials: [] }), serialNumber: undefined };
  announcer.announceFindings(settled({ secret: ABSENT, status, atlas: { kind: "notAsked" } }));
  announcer.announceFindings(settled({ secret: ABSENT, status, atlas: listed("1001") }));
  expect(events).toMatchObject([
    {
      reason: "CertificateOrphaned",
      note:
        "Nobody holds certificate 1001 of user orders-api, valid until 2030-04-01T00:00:00Z: Secret orders-api-mongodb " +
        "became that of AtlasUserCertificate billing while it was issued. Atlas can't revoke it.",
    },
  ]);
});

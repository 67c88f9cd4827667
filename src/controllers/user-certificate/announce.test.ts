import { describe, expect, test } from "vitest";
import { HOUR_MS } from "../../clock.ts";
import type { EventReport } from "../../kube/events/event-object.ts";
import { Announcer } from "./announce.ts";
import type { Outcome } from "./core/model/decision.ts";
import type { ListedCertificate, Snapshot } from "./core/model/snapshot.ts";
import type { Assessment } from "./core/status/assessment.ts";
import { ResourceMemories } from "./resource-memory.ts";
import {
  ABSENT,
  blocker,
  FACTS,
  FOREIGN,
  failure,
  following,
  issuance,
  listed,
  managed,
  NOW,
  PROJECT,
  parked,
  reconciled,
  refused,
  resource,
  settled,
} from "./testing/snapshots.ts";

function rig() {
  const events: EventReport[] = [];
  const logged: string[] = [];
  const counts = { orphans: 0, unaccounted: 0 };
  const line = (level: string) => (_fields: object, message: string) => void logged.push(`${level}: ${message}`);
  const log = { debug: line("debug"), info: line("info"), warn: line("warn"), error: line("error") };
  const memories = new ResourceMemories();
  const announcer = new Announcer({
    memories,
    events: { record: (event) => void events.push(event) },
    onOrphan: () => void counts.orphans++,
    onUnaccounted: () => void counts.unaccounted++,
    log,
  });
  const announce = (...assessments: readonly Assessment[]) => {
    for (const one of assessments) {
      announcer.announceFindings(one);
      announcer.announceIssued(one);
      announcer.announce(one);
    }
  };
  const reasons = () => events.map(({ reason }) => reason);
  return { announcer, memories, announce, events, logged, counts, reasons };
}

const history = [
  { time: "2030-01-01T00:00:00Z", reason: "SecretMissing", serialNumber: "1001", notAfter: "2030-04-01T00:00:00Z" },
];
/** Issued by Atlas a minute ago. */
const fresh = (serialNumber: string): ListedCertificate => ({
  serialNumber,
  createdAt: new Date(NOW - 60_000),
  notAfter: FACTS.notAfter,
});
const missing = settled({ secret: ABSENT, atlas: listed("1001"), status: { recentIssuances: history } });
const issued: Outcome = { kind: "issued", facts: FACTS, attempt: issuance() };
/** An attempt of this time is on record. */
const open = issuance({ startedAt: new Date(NOW - 60_000).toISOString().replace(".000", ""), knownSerials: ["1001"] });

test("a certificate that was issued is announced, with the reason", () => {
  const { announce, events, logged } = rig();
  announce(reconciled(missing, issued));
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
      note: "Issued certificate 1001 for user orders-api and stored it in Secret orders-api-mongodb; it is valid until 2030-04-01T00:00:00Z (reason: SecretMissing).",
    },
  ]);
  expect(logged).toEqual([`info: ${events[0]?.note}`]);
});

test("a repair is announced, with what was repaired", () => {
  const { announce, events } = rig();
  announce(reconciled(settled(), { kind: "repaired", differences: ["label a", "PEM files"] }));
  expect(events).toMatchObject([
    {
      type: "Normal",
      reason: "Repaired",
      note: "Repaired label a, PEM files of Secret orders-api-mongodb; the certificate is unchanged.",
    },
  ]);
});

describe("a blocker is announced when it begins and not again", () => {
  const cases: readonly (readonly [string, Snapshot, Outcome | undefined, string])[] = [
    ["a failed attempt", missing, failure("RoleMissing"), "Warning RoleMissing"],
    ["a foreign Secret", settled({ secret: FOREIGN }), undefined, "Warning SecretForeign"],
    ["a failed verification", settled({ atlas: refused("AtlasUnavailable") }), undefined, "Warning AtlasUnavailable"],
    ["spec.suspend", settled({ spec: { suspend: true } }), undefined, "Normal Suspended"],
  ];
  test.each(cases)("%s", (_what, snapshot, outcome, told) => {
    const { announce, events } = rig();
    const first = reconciled(snapshot, outcome);
    announce(first, reconciled(following(first), outcome));
    expect(events.map(({ type, reason }) => `${type} ${reason}`)).toEqual([told]);
  });

  test.each([
    ["a remedy", { remedy: "Fix it." }, "RoleMissing happened. Fix it."],
    ["no remedy", {}, "RoleMissing happened. The operator retries."],
  ])("a blocker with %s says what happens next", (_what, change, note) => {
    const { announce, events } = rig();
    announce(reconciled(missing, failure("RoleMissing", { blocker: blocker("RoleMissing", change) })));
    expect(events).toMatchObject([{ note }]);
  });

  test("a blocker that keeps an issued certificate out of its Secret says what is at stake", () => {
    const { announce, events } = rig();
    announce(reconciled(missing, parked()));
    expect(events.at(-1)?.note).toBe(
      "SecretNotWritable happened. Certificate 1002 has been issued but not stored yet. " +
        "It exists only in the operator's memory and is lost if the pod is killed. The operator retries.",
    );
  });

  test("not while its backoff runs", () => {
    const { announce, events } = rig();
    const first = reconciled(missing, failure("RoleMissing"));
    announce(reconciled(following(first, { atlas: { kind: "notAsked" } })));
    expect(events).toEqual([]);
  });

  test("and again if another one has taken its place", () => {
    const { announce, reasons } = rig();
    const first = reconciled(missing, failure("RoleMissing"));
    announce(first, reconciled(following(first), failure("UserNotFound")));
    expect(reasons()).toEqual(["RoleMissing", "UserNotFound"]);
  });

  test("and a rate limit that follows does not count as another one", () => {
    const { announce, reasons } = rig();
    const person = { kind: "refused", blocker: { ...refusalOf("RoleMissing"), needsPerson: true } } as const;
    const first = reconciled({ ...missing, atlas: person, attempted: person });
    const later = following(first, { nowMs: NOW + 2 * HOUR_MS, atlas: refused("RateLimited") });
    announce(first, reconciled(later));
    expect(reasons()).toEqual(["RoleMissing"]);
  });
});

function refusalOf(reason: Parameters<typeof refused>[0]) {
  const list = refused(reason);
  if (list.kind !== "refused") throw new Error("it is refused");
  return list.blocker;
}

test("nothing is announced while all is well", () => {
  const { announce, events, logged } = rig();
  announce(reconciled(settled()), reconciled(settled({ atlas: listed("1001") })));
  expect([...events, ...logged]).toEqual([]);
});

test("an attempt that was overtaken is not announced", () => {
  const { announce, events } = rig();
  announce(reconciled(missing, { kind: "overtaken" }));
  expect(events).toEqual([]);
});

describe("an orphan", () => {
  const found = () =>
    reconciled(settled({ status: { issuance: open }, atlas: listed("1001", fresh("1002")), secret: managed() }));

  test("is announced when the list shows it, once", () => {
    const { announce, events, counts } = rig();
    const first = found();
    announce(first, reconciled(following(first)));
    expect(events).toMatchObject([
      {
        type: "Warning",
        reason: "CertificateOrphaned",
        note: expect.stringMatching(
          /^Certificate 1002 of user orders-api \(valid until 2030-04-01T00:00:00Z\) is orphaned: .*private key.*Atlas cannot revoke it\.$/,
        ),
      },
    ]);
    expect(events[0]?.note).toContain(open.startedAt);
    expect(counts).toEqual({ orphans: 1, unaccounted: 0 });
  });

  test("is announced beside the certificate that takes its place", () => {
    const { announce, reasons } = rig();
    const snapshot = settled({ secret: ABSENT, atlas: listed("1001", fresh("1002")), status: { issuance: open } });
    announce(reconciled(snapshot, { ...issued, attempt: issuance({ id: "attempt-2" }) }));
    expect(reasons()).toEqual(["CertificateOrphaned", "Issued"]);
  });

  test("is not announced before a list shows it", () => {
    const { announce, reasons } = rig();
    announce(reconciled(settled({ status: { issuance: open }, atlas: refused("RateLimited") })));
    expect(reasons()).toEqual(["RateLimited"]);
  });

  test("is announced once if its status cannot be written, whatever the lists in between show", () => {
    const { announce, reasons } = rig();
    const down = reconciled(settled({ status: { issuance: open }, atlas: refused("RateLimited") }));
    announce(found(), down, found(), down, found());
    expect(reasons().filter((reason) => reason === "CertificateOrphaned")).toHaveLength(1);
  });

  test("is announced again under another uid, since the recreated resource is another one", () => {
    const { announce, memories, reasons } = rig();
    announce(found());
    memories.forget(resource().uid);
    announce(found());
    expect(reasons()).toEqual(["CertificateOrphaned", "CertificateOrphaned"]);
  });
});

describe("a certificate that can no longer be stored", () => {
  const why = "the spec now names another user";

  test("is announced as orphaned, with the cause", () => {
    const { announcer, events, counts } = rig();
    announcer.announceOrphan(resource(), { facts: FACTS, attempt: issuance() }, why);
    expect(events).toMatchObject([
      {
        type: "Warning",
        reason: "CertificateOrphaned",
        note:
          "Certificate 1001 of user orders-api (valid until 2030-04-01T00:00:00Z) is orphaned: the spec now names another user, so its private key is lost. " +
          "Atlas cannot revoke it.",
      },
    ]);
    expect(counts.orphans).toBe(1);
  });

  test("is announced with the user that it was issued for, although the spec names another by now", () => {
    const { announcer, events } = rig();
    announcer.announceOrphan(resource({ spec: { username: "billing" } }), { facts: FACTS, attempt: issuance() }, why);
    expect(events[0]?.note).toMatch(/^Certificate 1001 of user orders-api .* is orphaned/);
  });

  test("is announced once, although reconciles follow before a list shows it", () => {
    const { announcer, announce, reasons } = rig();
    const attempt = issuance({
      knownSerials: [],
      parked: { pod: "pod-1", serialNumber: "1001", notAfter: "2030-04-01T00:00:00Z" },
    });
    const status = { issuance: attempt, serialNumber: undefined };
    announcer.announceOrphan(resource(), { facts: FACTS, attempt: issuance() }, why);
    const without = settled({ secret: ABSENT, status });
    announce(reconciled(without, { kind: "discarded" }));
    announce(reconciled(settled({ secret: ABSENT, status, atlas: listed(fresh("1001")) })));
    expect(reasons().filter((reason) => reason === "CertificateOrphaned")).toHaveLength(1);
  });
});

describe("a certificate that no resource explains", () => {
  const strange = (spec: { readonly userSharedWithOtherClusters?: boolean } = {}) =>
    reconciled(settled({ spec, atlas: listed("1001", fresh("1002")) }));

  test("is announced when the list shows it, once", () => {
    const { announce, events, logged, counts } = rig();
    const first = strange();
    announce(first, first, reconciled(following(first)));
    expect(events).toMatchObject([{ type: "Warning", reason: "CertificateUnaccountedFor", action: "Verify" }]);
    expect(events[0]?.note).toMatch(
      /certificate 1002 of user orders-api \(issued at 2030-01-10T23:59:00Z, valid until 2030-04-01T00:00:00Z\), which no AtlasUserCertificate in this cluster explains\./,
    );
    expect(logged).toEqual([`warn: ${events[0]?.note}`]);
    expect(counts).toEqual({ orphans: 0, unaccounted: 1 });
  });

  test("is announced once if its status cannot be written, whatever the reconciles in between find", () => {
    const { announce, reasons } = rig();
    announce(strange(), reconciled(settled({ atlas: refused("RateLimited") })), strange());
    expect(reasons().filter((reason) => reason === "CertificateUnaccountedFor")).toHaveLength(1);
  });

  test("is not announced if other clusters share the user, but is in the status", () => {
    const { announce, events, counts } = rig();
    const shared = strange({ userSharedWithOtherClusters: true });
    announce(shared);
    expect([events, counts.unaccounted]).toEqual([[], 0]);
    expect(shared.unaccounted.map(({ serialNumber }) => serialNumber)).toEqual(["1002"]);
  });

  test("is announced as orphaned alone if a lost attempt explains it, also if other clusters share the user", () => {
    const { announce, reasons } = rig();
    const spec = { userSharedWithOtherClusters: true };
    announce(reconciled(settled({ spec, status: { issuance: open }, atlas: listed("1001", fresh("1002")) })));
    expect(reasons()).toEqual(["CertificateOrphaned"]);
  });

  test("is not announced if it is older than the resource", () => {
    const { announce, events } = rig();
    const older = { ...fresh("1002"), createdAt: new Date("2029-12-31T00:00:00Z") };
    announce(reconciled(settled({ atlas: listed("1001", older) })));
    expect(events).toEqual([]);
  });

  test("is counted apart from an orphan that the same list shows", () => {
    const { announce, counts } = rig();
    const earlier = { ...fresh("1003"), createdAt: new Date(NOW - HOUR_MS) };
    announce(reconciled(settled({ status: { issuance: open }, atlas: listed("1001", fresh("1002"), earlier) })));
    expect(counts).toEqual({ orphans: 1, unaccounted: 1 });
  });
});

test("an attempt for another user, whose list cannot be read any more, is announced once", () => {
  const { announce, events, counts } = rig();
  const attempt = issuance({ username: "billing", knownSerials: ["1001"] });
  const snapshot = settled({
    status: { issuance: attempt },
    atlas: listed("1001"),
    attempted: refused("UserNotFound", { needsPerson: true }),
  });
  const seen = reconciled(snapshot);
  // As in a reconcile that issues: before the new record and after it.
  announce(seen, seen, reconciled(following(seen)));
  expect(events).toMatchObject([
    {
      type: "Warning",
      reason: "CertificateUnaccountedFor",
      note: expect.stringContaining(
        `Atlas may have issued a certificate for user billing in project ${PROJECT} at ${attempt.startedAt}.`,
      ),
    },
  ]);
  expect(counts).toEqual({ orphans: 0, unaccounted: 1 });
});

describe("a Secret that is left behind when spec.secretName changes", () => {
  const moved = settled({ spec: { secretName: "elsewhere" }, secret: ABSENT, atlas: listed("1001") });

  test("is announced once, with the time until which its certificate is valid", () => {
    const { announce, events } = rig();
    const first = reconciled(moved, failure("AtlasUnavailable"));
    announce(first, reconciled(following(first)));
    expect(events.filter(({ reason }) => reason === "SecretLeftBehind")).toMatchObject([
      {
        type: "Warning",
        note:
          "Secret orders-api-mongodb is no longer renewed, because spec.secretName is now elsewhere. Its certificate is valid " +
          "until 2030-04-01T00:00:00Z. Move the apps that use it to the new Secret, then delete it.",
      },
    ]);
  });
});

test.each([
  [40 * 24 * HOUR_MS, "behind Atlas' clock"],
  [-40 * 24 * HOUR_MS, "ahead of Atlas' clock"],
])("a clock that differs from Atlas' is announced with the difference (%d ms)", (skewMs, words) => {
  const { announcer, events } = rig();
  announcer.announceSkew(resource(), skewMs);
  expect(events).toMatchObject([{ type: "Warning", reason: "ClockSkewed", note: expect.stringContaining(words) }]);
});

test("outdated pods are announced with their names, and how many more there are", () => {
  const { announcer, events } = rig();
  const times = { outdatedValidUntil: "2030-04-01T00:00:00Z", observedAt: "2030-01-11T00:00:00Z" };
  const consumers = { pods: 5, outdated: 4, outdatedPods: ["orders-0", "orders-1"], ...times };
  announcer.announceOutdated(resource({ status: { secretName: "orders-api-mongodb" } }), consumers);
  announcer.announceOutdated(resource(), { pods: 1, outdated: 1, ...times });
  expect(events).toMatchObject([
    {
      type: "Warning",
      reason: "PodsOutdated",
      note:
        "4 of 5 pods still use an old certificate of Secret orders-api-mongodb, which is valid until 2030-04-01T00:00:00Z. " +
        "Restart them before then: orders-0, orders-1 and 2 more.",
    },
    { note: expect.stringMatching(/^1 of 1 pods still uses an old certificate/) },
  ]);
});

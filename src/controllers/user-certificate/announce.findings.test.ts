import { describe, expect, test } from "vitest";
import { HOUR_MS } from "../../clock.ts";
import { announcing, fresh, issued, open } from "./testing/announced.ts";
import {
  ABSENT,
  FACTS,
  following,
  issuance,
  listed,
  managed,
  NOW,
  PROJECT,
  reconciled,
  refused,
  resource,
  settled,
} from "./testing/snapshots.ts";

describe("an orphan", () => {
  const found = () =>
    reconciled(settled({ status: { issuance: open }, atlas: listed("1001", fresh("1002")), secret: managed() }));

  test("is announced when the list shows it, once", () => {
    const { announce, events, counts } = announcing();
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
    const { announce, reasons } = announcing();
    const snapshot = settled({ secret: ABSENT, atlas: listed("1001", fresh("1002")), status: { issuance: open } });
    announce(reconciled(snapshot, { ...issued, attempt: issuance({ id: "attempt-2" }) }));
    expect(reasons()).toEqual(["CertificateOrphaned", "Issued"]);
  });

  test("is not announced before a list shows it", () => {
    const { announce, reasons } = announcing();
    announce(reconciled(settled({ status: { issuance: open }, atlas: refused("RateLimited") })));
    expect(reasons()).toEqual(["RateLimited"]);
  });

  test("is announced once if its status cannot be written, whatever the lists in between show", () => {
    const { announce, reasons } = announcing();
    const down = reconciled(settled({ status: { issuance: open }, atlas: refused("RateLimited") }));
    announce(found(), down, found(), down, found());
    expect(reasons().filter((reason) => reason === "CertificateOrphaned")).toHaveLength(1);
  });

  test("is announced again under another uid, since the recreated resource is another one", () => {
    const { announce, memories, reasons } = announcing();
    announce(found());
    memories.forget(resource().uid);
    announce(found());
    expect(reasons()).toEqual(["CertificateOrphaned", "CertificateOrphaned"]);
  });
});

describe("a certificate that can no longer be stored", () => {
  const why = "the spec now names another user";

  test("is announced as orphaned, with the cause", () => {
    const { announcer, events, counts } = announcing();
    announcer.announceOrphan(resource(), { facts: FACTS, attempt: issuance() }, why);
    expect(events).toMatchObject([
      {
        type: "Warning",
        reason: "CertificateOrphaned",
        note:
          "Certificate 1001 of user orders-api (valid until 2030-04-01T00:00:00Z) is orphaned: the spec now names another user, so the operator discarded the private key. " +
          "Atlas cannot revoke it.",
      },
    ]);
    expect(counts.orphans).toBe(1);
  });

  test("is announced with the user that it was issued for, although the spec names another by now", () => {
    const { announcer, events } = announcing();
    announcer.announceOrphan(resource({ spec: { username: "billing" } }), { facts: FACTS, attempt: issuance() }, why);
    expect(events[0]?.note).toMatch(/^Certificate 1001 of user orders-api .* is orphaned/);
  });

  test("is announced once, although reconciles follow before a list shows it", () => {
    const { announcer, announce, reasons } = announcing();
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
    const { announce, events, logged, counts } = announcing();
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
    const { announce, reasons } = announcing();
    announce(strange(), reconciled(settled({ atlas: refused("RateLimited") })), strange());
    expect(reasons().filter((reason) => reason === "CertificateUnaccountedFor")).toHaveLength(1);
  });

  test("is not announced if other clusters share the user, but is in the status", () => {
    const { announce, events, counts } = announcing();
    const shared = strange({ userSharedWithOtherClusters: true });
    announce(shared);
    expect([events, counts.unaccounted]).toEqual([[], 0]);
    expect(shared.unaccounted.map(({ serialNumber }) => serialNumber)).toEqual(["1002"]);
  });

  test("is announced as orphaned alone if a lost attempt explains it, also if other clusters share the user", () => {
    const { announce, reasons } = announcing();
    const spec = { userSharedWithOtherClusters: true };
    announce(reconciled(settled({ spec, status: { issuance: open }, atlas: listed("1001", fresh("1002")) })));
    expect(reasons()).toEqual(["CertificateOrphaned"]);
  });

  test("is not announced if it is older than the resource", () => {
    const { announce, events } = announcing();
    const older = { ...fresh("1002"), createdAt: new Date("2029-12-31T00:00:00Z") };
    announce(reconciled(settled({ atlas: listed("1001", older) })));
    expect(events).toEqual([]);
  });

  test("is counted apart from an orphan that the same list shows", () => {
    const { announce, counts } = announcing();
    const earlier = { ...fresh("1003"), createdAt: new Date(NOW - HOUR_MS) };
    announce(reconciled(settled({ status: { issuance: open }, atlas: listed("1001", fresh("1002"), earlier) })));
    expect(counts).toEqual({ orphans: 1, unaccounted: 1 });
  });
});

test("an attempt for another user, whose list cannot be read any more, is announced once", () => {
  const { announce, events, counts } = announcing();
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

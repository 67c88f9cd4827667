import { describe, expect, test } from "vitest";
import { timestamp } from "../../../../api/timestamp.ts";
import { HOUR_MS } from "../../../../clock.ts";
import {
  ABSENT,
  certificate,
  entryFor,
  FRESH,
  following,
  issued,
  listed,
  managed,
  NOW,
  reconciled,
  refused,
  settled,
  statusAfter,
} from "../../testing/snapshots.ts";
import { open, statusOf } from "../../testing/statuses.ts";
import type { Snapshot } from "../model/snapshot.ts";

describe("lists that lack the certificate", () => {
  const first = following(reconciled(settled({ atlas: listed(), nowMs: NOW + 600 })));
  const since = timestamp(NOW);

  test("are counted from the first one", () => {
    expect(first.resource.status.unlisted).toEqual({ serialNumber: "1001", since, latest: since, lists: 1 });
    const second = statusOf({ ...first, atlas: listed("5"), nowMs: NOW + 450_600 });
    expect(second.unlisted).toEqual({ serialNumber: "1001", since, latest: timestamp(NOW + 450_000), lists: 2 });
  });

  test("are remembered while Atlas is not asked, refuses, or the Secret is absent", () => {
    const { unlisted } = first.resource.status;
    expect(statusOf(first).unlisted).toEqual(unlisted);
    expect(statusOf({ ...first, atlas: refused("RoleMissing") }).unlisted).toEqual(unlisted);
    expect(statusOf({ ...first, secret: ABSENT, atlas: listed() }).unlisted).toEqual(unlisted);
  });

  test("are forgotten once a list holds it", () => {
    expect(statusOf({ ...first, atlas: listed("1001") })).not.toHaveProperty("unlisted");
  });

  test("are forgotten once another certificate is issued for another reason", () => {
    expect(statusOf(first, issued({ reason: "RenewRequested" }))).not.toHaveProperty("unlisted");
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
    expect(statusOf(replaced).unlisted).toMatchObject(FLAG);
    expect(statusOf({ ...replaced, atlas: listed(entryFor(FRESH)) })).not.toHaveProperty("unlisted");
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

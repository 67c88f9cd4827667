import { describe, expect, test } from "vitest";
import { timestamp } from "../../../../api/timestamp.ts";
import { DAY_MS, HOUR_MS } from "../../../../clock.ts";
import { fought, unlabelled } from "../../testing/blocked.ts";
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
  listed,
  managed,
  NOW,
  POLICY,
  recent,
  reconciled,
  refused,
  serials,
  settled,
} from "../../testing/snapshots.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { decide, needsAtlas } from "./decide.ts";
import { situationOf } from "./situation.ts";

/** A Secret that keeps being deleted, after an attempt whose answer was lost. */
function awaiting(listedMs: number | undefined, attempt: { serialNumber?: string } = {}): Snapshot {
  const deleted = { reason: "SecretMissing", replaces: "1000" } as const;
  const lost = recent({ ...deleted, lost: "AnswerLost", serialNumber: undefined, ...attempt });
  const stored = ["1001", "1002"].map((serialNumber) => recent({ ...deleted, serialNumber }));
  return settled({ secret: ABSENT, listedMs, status: { recentIssuances: [...stored, lost] } });
}

describe("Atlas' list is needed", () => {
  const open = { status: { issuance: issuance({ knownSerials: ["1001"] }) } };
  const failed = following(reconciled(settled({ nowMs: NOW + DAY_MS, atlas: refused("AtlasUnavailable") })));
  const cases: Readonly<Record<string, Snapshot>> = {
    "before anything is issued": settled({ secret: ABSENT }),
    "for a certificate that was never proven": firstReconcile(),
    "to learn the time": settled({ isClockMeasured: false }),
    "six hours after the certificate was proven": settled({ nowMs: NOW + 5 * HOUR_MS }),
    "six hours after it was proven, while labels are fought over": settled({
      ...fought,
      nowMs: NOW + 5 * HOUR_MS,
      recentRepairs: serials(5).map(() => NOW + 5 * HOUR_MS),
    }),
    "for a repair, when the list is due as well": settled({ secret: unlabelled, nowMs: NOW + DAY_MS }),
    "after the backoff of the last list": { ...failed, nowMs: NOW + DAY_MS + 10_000 },
    "for a certificate that the status does not describe": settled({ secret: managed(certificate("1002")) }),
    "for an open attempt, although there is nothing to issue": settled(open),
    "for an open attempt of a suspended resource": settled({ ...open, spec: { suspend: true } }),
    "for an open attempt over a foreign Secret": settled({ ...open, secret: FOREIGN }),
    "for an open attempt into a Secret that another resource holds": settled({
      ...open,
      secretHolder: { name: "billing" },
    }),
    "for an open attempt into a Secret that is being deleted": settled({
      ...open,
      secret: managed(FACTS, { deleting: true }),
    }),
    "for an attempt whose parked certificate died with its process": settled({
      status: {
        issuance: issuance({ parked: { pod: "pod-0", serialNumber: "1002", notAfter: timestamp(NOW + DAY_MS) } }),
      },
    }),
    "for a certificate that may still turn up, while nothing may be issued": awaiting(NOW - DAY_MS / 4),
    "for a certificate that may still turn up, if this process has not read the list yet": awaiting(undefined),
    "for a replaced certificate that the lists lack, one recheck interval after the latest of them": settled({
      nowMs: NOW + POLICY.recheckIntervalMs + 7,
      status: { unlisted: unlistedReplacement() },
    }),
  };
  test.each(Object.entries(cases))("%s", (_what, snapshot) => {
    expect(needsAtlas(situationOf(snapshot), decide(situationOf(snapshot)), false)).toBe(true);
  });

  const not: Readonly<Record<string, Snapshot>> = {
    "for a certificate that was proven an hour ago": settled(),
    "while the resource is suspended": settled({ spec: { suspend: true }, nowMs: NOW + DAY_MS }),
    "for a repair": settled({ secret: unlabelled }),
    "for a Secret whose data is fought over": settled({
      secret: damaged("missing"),
      status: {
        recentIssuances: ["1000", "1001"].map((replaces, index) =>
          recent({ reason: "KeyMismatch", replaces, serialNumber: String(1001 + index) }),
        ),
      },
    }),
    "for a certificate that may still turn up, soon after the last list": awaiting(NOW - HOUR_MS),
    "for a certificate that turned up": awaiting(undefined, { serialNumber: "1003" }),
    "while the backoff of the last list runs": failed,
    "for an open attempt without credentials": settled({
      ...open,
      credentials: { kind: "unnamed", version: undefined },
    }),
    "for an open attempt while a backoff runs": {
      ...failed,
      resource: { ...failed.resource, status: { ...failed.resource.status, ...open.status } },
    },
    "for an attempt whose certificate is parked in this process": settled({
      ...open,
      parked: { facts: FRESH, attempt: open.status.issuance },
    }),
    "for a replaced certificate that the lists lack, before a recheck interval has passed": settled({
      nowMs: NOW + POLICY.recheckIntervalMs / 2,
      status: { unlisted: unlistedReplacement() },
    }),
  };
  test.each(Object.entries(not))("not %s", (_what, snapshot) => {
    expect(needsAtlas(situationOf(snapshot), decide(situationOf(snapshot)), false)).toBe(false);
  });

  describe("to learn the time", () => {
    const unmeasured = settled({ isClockMeasured: false });
    const parked = { ...open, secret: ABSENT, parked: { facts: FRESH, attempt: open.status.issuance } };

    test("not while enough others ask", () => {
      expect(needsAtlas(situationOf(unmeasured), decide(situationOf(unmeasured)), true)).toBe(false);
    });

    test("before a parked certificate is stored, however many others ask", () => {
      const waiting = situationOf(settled({ ...parked, isClockMeasured: false }));
      expect(needsAtlas(waiting, decide(waiting), true)).toBe(true);
    });
  });

  test("no longer once a list has settled the open attempt", () => {
    // The list of this reconcile settled the attempt, and the next one starts from the status that it left.
    const next = following(reconciled(settled({ ...open, atlas: listed(entryFor(FACTS)) })));
    expect(next.resource.status).not.toHaveProperty("issuance");
    expect(needsAtlas(situationOf(next), decide(situationOf(next)), false)).toBe(false);
  });
});

/** Three lists lacked a certificate that was itself issued because the lists lacked the one before. */
function unlistedReplacement() {
  const latest = timestamp(NOW);
  return { serialNumber: "1001", since: timestamp(NOW - 900_000), latest, lists: 3, replaced: true };
}

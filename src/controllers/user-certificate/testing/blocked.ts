import { timestamp } from "../../../api/timestamp.ts";
import type { RecentIssuance } from "../../../api/user-certificate-status.ts";
import { DAY_MS } from "../../../clock.ts";
import { decide } from "../core/decide/decide.ts";
import { situationOf } from "../core/decide/situation.ts";
import type { Blocker } from "../core/model/blocker.ts";
import type { Snapshot } from "../core/model/snapshot.ts";
import { ABSENT, FACTS, issuance, listed, managed, NOW, recent, serials, settled } from "./snapshots.ts";

/** Situations in which the operator is blocked, for tests of the blockers. */

export function blockerOf(snapshot: Snapshot): Blocker | undefined {
  const decision = decide(situationOf(snapshot));
  return decision.kind === "blocked" ? decision.blocker : undefined;
}

/** As many certificates issued at a time, each with a serial number of its own. */
export function spent(count: number, change: Partial<RecentIssuance> = {}) {
  return { recentIssuances: serials(count).map((serialNumber) => recent({ serialNumber, ...change })) };
}

/** Certificates that replaced another one because the Secret was damaged. */
export const damage = (count: number, change: Partial<RecentIssuance> = {}) =>
  spent(count, { reason: "KeyMismatch", replaces: "1000", ...change });

export const UNUSABLE = { kind: "unusable", version: "31", problem: "clientSecret is missing." } as const;
export const terminating = managed(FACTS, { deleting: true });
export const unlabelled = managed(FACTS, { labels: {} });
/** Its labels were repaired five times within the last hour. */
export const fought = { secret: unlabelled, recentRepairs: serials(5).map(() => NOW - 60_000) };
export const replacedUnlisted = (atlas = listed()) =>
  settled({
    atlas,
    status: {
      unlisted: { serialNumber: "1001", since: ago(15 * 60_000), latest: ago(8 * 60_000), lists: 2, replaced: true },
    },
  });
export const parkedElsewhere = (untilMs: number) => {
  const notAfter = timestamp(NOW + 90 * DAY_MS);
  const parked = { pod: "pod-0", serialNumber: "1002", notAfter, until: timestamp(untilMs) };
  return settled({ secret: ABSENT, atlas: listed("1001", "1002"), status: { issuance: issuance({ parked }) } });
};

export function ago(ms: number): string {
  return timestamp(NOW - ms);
}

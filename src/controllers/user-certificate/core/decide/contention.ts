import { RENEW_REQUEST_ANNOTATION } from "../../../../api/names.ts";
import type { IssueReason } from "../../../../api/reasons.ts";
import { timestamp } from "../../../../api/timestamp.ts";
import { DAY_MS, HOUR_MS } from "../../../../clock.ts";
import type { Blocker } from "../model/blocker.ts";
import type { Situation } from "../model/situation.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { isWithin } from "./held.ts";
import { renewRequested } from "./history.ts";
import { DAMAGE_REASONS } from "./issue-triggers.ts";

/** Damages in a day that the operator undoes; at the next one, a person has to stop the other writer. */
const MAX_DAMAGE_PER_DAY = 2;

/** Repairs of labels and annotations in an hour after which the operator gives way. */
const MAX_REPAIRS_PER_HOUR = 5;

/** Another writer keeps damaging the Secret, and each time that costs a certificate. */
export function secretContended(situation: Situation, reason: IssueReason): Blocker | undefined {
  const { history, nowMs, resource } = situation;
  const { spec, status } = resource;
  // Another writer fights for the Secret that was named before.
  const isMoved = status.secretName !== undefined && status.secretName !== spec.secretName;
  if (!DAMAGE_REASONS.has(reason) || renewRequested(situation) || isMoved) return undefined;
  const times = history
    // A certificate that never reached the Secret says nothing about another writer.
    .filter(({ reason, replaces, lost }) => DAMAGE_REASONS.has(reason) && replaces !== undefined && lost === undefined)
    .map(({ time }) => Date.parse(time))
    .filter((time) => isWithin(DAY_MS, time, nowMs));
  if (times.length < MAX_DAMAGE_PER_DAY) return undefined;
  return contended(situation, `${times.length + 1} times in 24 hours`, Math.min(...times) + DAY_MS);
}

/** The same for labels and annotations: there a repair costs no certificate, but it never ends. */
export function repairContended(snapshot: Snapshot): Blocker | undefined {
  const recent = snapshot.recentRepairs.filter((time) => isWithin(HOUR_MS, time, snapshot.nowMs));
  if (recent.length < MAX_REPAIRS_PER_HOUR) return undefined;
  return contended(snapshot, `${recent.length} times in an hour`, Math.min(...recent) + HOUR_MS);
}

function contended({ secret, resource }: Snapshot, often: string, atMs: number): Blocker {
  const { secretName } = resource.spec;
  const others = secret.kind === "managed" ? secret.metadata.otherWriters : [];
  const what =
    secret.kind === "absent"
      ? `Secret ${secretName} keeps being deleted`
      : `${others.length === 0 ? "Another writer" : others.join(", ")} ${others.length > 1 ? "keep" : "keeps"} overwriting Secret ${secretName}`;
  return {
    reason: "SecretContended",
    problem: `${what} (${often}), so the operator has stopped restoring it.`,
    remedy: `${secret.kind === "absent" ? "Find out what deletes it" : "Stop that writer"}, then set the annotation ${RENEW_REQUEST_ANNOTATION} to a new value; otherwise the operator retries at ${timestamp(atMs)}.`,
    needsPerson: true,
    retry: { kind: "at", atMs },
  };
}

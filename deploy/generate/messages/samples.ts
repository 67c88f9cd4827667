import { actionReason } from "../../../src/api/action-reason.ts";
import type { Condition } from "../../../src/api/conditions.ts";
import { Announcer } from "../../../src/controllers/user-certificate/announce.ts";
import type { Assessment } from "../../../src/controllers/user-certificate/core/status/assessment.ts";
import { ResourceMemories } from "../../../src/controllers/user-certificate/resource-memory.ts";
import { statusAfter } from "../../../src/controllers/user-certificate/testing/snapshots.ts";
import type { EventReport } from "../../../src/kube/events/event-object.ts";

/** What people see of one situation. */
export interface Sample {
  /** The situation, as a heading of a table. */
  readonly title: string;
  readonly conditions: readonly Condition[];
  readonly events: readonly EventReport[];
  /** Whether a person has to act: as the reconcile knows it, and as the status shows it. */
  readonly action?: { readonly isNeeded: boolean; readonly reason: string | undefined };
}

/** The conditions that a reconcile leaves and the Events that it sends. */
export function seen(title: string, assessment: Assessment): Sample {
  const events = eventsOf((announcer) => {
    announcer.announceFindings(assessment);
    announcer.announceIssued(assessment);
    announcer.announce(assessment);
  });
  const status = statusAfter(assessment);
  const { blocker, parked } = assessment;
  const isNeeded = blocker !== undefined && (blocker.needsPerson || parked !== undefined);
  return { title, conditions: status.conditions ?? [], events, action: { isNeeded, reason: actionReason(status) } };
}

/** Events alone. */
export function announced(title: string, announce: (announcer: Announcer) => void): Sample {
  return { title, conditions: [], events: eventsOf(announce) };
}

function eventsOf(announce: (announcer: Announcer) => void): readonly EventReport[] {
  const events: EventReport[] = [];
  const silent = () => {};
  announce(
    new Announcer({
      events: { record: (event) => void events.push(event) },
      memories: new ResourceMemories(),
      log: { debug: silent, info: silent, warn: silent, error: silent },
    }),
  );
  return events;
}

import type { LastAttempt } from "../../../../api/user-certificate-status.ts";
import { DAY_MS } from "../../../../clock.ts";
import type { ProjectState, Snapshot } from "../model/snapshot.ts";
import { isWithin } from "./held.ts";

/** `lastAttempt` of the situation. */
export function lastAttempt({ resource, credentials, project }: Snapshot): LastAttempt | undefined {
  const { lastAttempt } = resource.status;
  const applies =
    lastAttempt?.generation === resource.generation &&
    lastAttempt.renewRequest === resource.renewRequest &&
    lastAttempt.credentialsVersion === credentials.version &&
    !isSwitchedOffSince(project, lastAttempt);
  return applies ? lastAttempt : undefined;
}

/** Whether customer-managed X.509 stood in the way of an attempt, and Atlas has said since that it is off. */
function isSwitchedOffSince(project: ProjectState, { reason, time }: LastAttempt): boolean {
  if (reason !== "CustomerManagedX509On" || project.kind !== "granted") return false;
  return project.customerManagedOffMs !== undefined && project.customerManagedOffMs >= Date.parse(time);
}

/** `backoffEndMs` of the situation. */
export function backoffEndMs(snapshot: Snapshot, attempt: LastAttempt): number | undefined {
  const { nowMs, policy } = snapshot;
  const endMs = Date.parse(attempt.nextAttemptTime);
  // No backoff is longer than this: a clock far ahead has written it.
  const longestMs = Math.max(DAY_MS, 2 * policy.maxBackoffMs);
  return endMs > nowMs && isWithin(longestMs, endMs, nowMs) ? endMs : undefined;
}

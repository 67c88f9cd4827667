import type { EventReport } from "../kube/events/event-object.ts";
import type { EventRecorder } from "../kube/events/event-recorder.ts";
import type { Log } from "../kube/log.ts";
import { apiVersionOf, type ObjectRef, objectKey, type ResourceType } from "../kube/resource-type.ts";

export interface Audience {
  readonly events: Pick<EventRecorder, "record">;
  readonly log: Log;
}

/** An object that something happened to. */
interface Subject extends ObjectRef {
  readonly uid: string;
  readonly resourceVersion: string;
}

/**
 * Sends an Event about an object of this kind and writes a log line. A problem is announced when it begins; its conditions
 * show it from then on.
 */
export function tell(
  { events, log }: Audience,
  type: ResourceType,
  { namespace, name, uid, resourceVersion }: Subject,
  happening: Omit<EventReport, "regarding">,
): void {
  const fields = { resource: objectKey({ namespace, name }), reason: happening.reason };
  if (happening.type === "Warning") log.warn(fields, happening.note);
  else log.info(fields, happening.note);
  events.record({
    ...happening,
    regarding: { apiVersion: apiVersionOf(type), kind: type.kind, namespace, name, uid, resourceVersion },
  });
}

/** Logs that an object of this kind cannot be parsed. Nothing is written over what was not understood, so it has no status. */
export function logUnparsable(log: Log, { kind }: Pick<ResourceType, "kind">, resource: string, problem: string): void {
  log.error(
    { resource, problem },
    `cannot parse this ${kind}: its CRD belongs to a different operator version; apply the CRDs of this operator version`,
  );
}

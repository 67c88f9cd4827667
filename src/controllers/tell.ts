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

/** Tells people what happened to an object of this kind: an Event on the object, and a line in the log. */
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

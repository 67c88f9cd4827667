import type { KubeObject, ResourceType } from "../resource-type.ts";

/** The object that an Event is about. */
export interface EventTarget {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  /** Left out for a cluster-scoped object: its Events go to the namespace `default`. */
  readonly namespace?: string | undefined;
  readonly uid: string;
  readonly resourceVersion?: string | undefined;
}

/** Something to tell about an object, in the terms of events.k8s.io/v1. */
export interface EventReport {
  readonly regarding: EventTarget;
  readonly type: "Normal" | "Warning";
  /** Why, in one CamelCase word, such as `Issued`. */
  readonly reason: string;
  /** The action that was taken or tried, in one CamelCase word, such as `Issue`. */
  readonly action: string;
  /** A sentence for a person; cut at 1024 bytes. Never key material. */
  readonly note: string;
}

export interface EventObject extends KubeObject {
  readonly eventTime: string;
  readonly reportingController: string;
  readonly reportingInstance: string;
  readonly action: string;
  readonly reason: string;
  readonly type: "Normal" | "Warning";
  readonly note: string;
  readonly regarding: EventTarget;
  readonly series?: { readonly count: number; readonly lastObservedTime: string } | undefined;
}

export const EVENTS: ResourceType<EventObject> = {
  group: "events.k8s.io",
  version: "v1",
  plural: "events",
  kind: "Event",
  namespaced: true,
};

/** The most bytes of a note that the API server takes. */
const MAX_NOTE_BYTES = 1024;

/** Cuts a text to at most `maxBytes` of UTF-8, never in the middle of a character. */
export function cutToBytes(text: string, maxBytes = MAX_NOTE_BYTES): string {
  const bytes = Buffer.from(text, "utf8");
  if (bytes.length <= maxBytes) return text;
  const ellipsis = "…";
  let end = maxBytes - Buffer.byteLength(ellipsis);
  // Bytes 10xxxxxx go on with a character that began before.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) {
    end -= 1;
  }
  return bytes.subarray(0, end).toString("utf8") + ellipsis;
}

/** Reports with the same identity are one Event that happens again. */
export function identityOf(report: EventReport): string {
  const { regarding, type, reason, action, note } = report;
  return JSON.stringify([regarding.uid, type, reason, action, note]);
}

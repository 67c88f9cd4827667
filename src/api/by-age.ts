import type { ObjectIdentity } from "./parse-object.ts";

/** Orders the oldest first. The name, and of namespaced objects the namespace, decides between two of the same second. */
export function byAge(left: Dated, right: Dated): number {
  return (
    left.creationTimestamp.localeCompare(right.creationTimestamp) ||
    (left.namespace ?? "").localeCompare(right.namespace ?? "") ||
    left.name.localeCompare(right.name)
  );
}

interface Dated extends Pick<ObjectIdentity, "creationTimestamp" | "name"> {
  readonly namespace?: string;
}

import { isRecord } from "./client/status-answer.ts";

/** A piece of a JSON document, with absent members as undefined. */
type Value = unknown;

/**
 * The JSON merge patch (RFC 7386) that turns `before` into `after`: changed members only, removed ones as null, arrays
 * whole. Undefined where nothing differs, so that unchanged values are not rewritten. Members that are undefined count
 * as absent.
 */
export function mergePatchOf(before: object, after: object): object | undefined {
  const patch: Record<string, Value> = {};
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const from: Value = Reflect.get(before, key);
    const to: Value = Reflect.get(after, key);
    if (equal(from, to)) continue;
    if (to === undefined) patch[key] = null;
    else if (isRecord(from) && isRecord(to)) patch[key] = mergePatchOf(from, to);
    else patch[key] = to;
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}

function equal(left: Value, right: Value): boolean {
  if (Object.is(left, right)) return true;
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((item, index) => equal(item, right[index]));
  }
  return isRecord(left) && isRecord(right) && mergePatchOf(left, right) === undefined;
}

import fc from "fast-check";
import { expect, test } from "vitest";
import { mergePatchOf } from "./merge-patch.ts";

test.each([
  ["a changed member", { a: 1, b: 2 }, { a: 1, b: 3 }, { b: 3 }],
  ["a new member", {}, { a: [1] }, { a: [1] }],
  ["a removed member as null", { a: 1, b: 2 }, { a: 1 }, { b: null }],
  ["a member that became undefined as null", { a: 1 }, { a: undefined }, { a: null }],
  ["a nested member alone", { a: { b: 1, c: 2 } }, { a: { b: 1 } }, { a: { c: null } }],
  ["a changed array whole", { a: [1, 2] }, { a: [1, 3] }, { a: [1, 3] }],
])("holds %s", (_, before, after, patch) => {
  expect(mergePatchOf(before, after)).toEqual(patch);
});

test("is undefined where nothing differs, in whatever order the members stand", () => {
  expect(mergePatchOf({ a: 1, b: [{ c: 2, d: 3 }] }, { b: [{ d: 3, c: 2 }], a: 1, e: undefined })).toBeUndefined();
});

/** RFC 7386, section 2, as it stands there. */
function apply(target: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const result: Record<string, unknown> =
    typeof target === "object" && target !== null && !Array.isArray(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = apply(result[key], value);
  }
  return result;
}

test("applied to the old document it gives the new one, whatever the two are", () => {
  const leaf = fc.oneof(fc.integer(), fc.boolean(), fc.string(), fc.array(fc.integer()));
  const node = fc.dictionary(
    fc.constantFrom("a", "b", "c"),
    fc.oneof(leaf, fc.dictionary(fc.constantFrom("x", "y"), leaf)),
  );
  fc.assert(
    fc.property(node, node, (before, after) => {
      expect(apply(before, mergePatchOf(before, after) ?? {})).toEqual(after);
    }),
  );
});

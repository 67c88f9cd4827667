import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ItemSplitter } from "./item-splitter.ts";

/** Splits a text that arrives in pieces of these sizes, again and again. */
function split(text: string, sizes: readonly number[] = [text.length], maxItemBytes = 1e6) {
  const items: string[] = [];
  const heads: string[] = [];
  const splitter = new ItemSplitter({
    maxItemBytes,
    onItem: (item) => items.push(item),
    onTooLarge: (head) => heads.push(head),
  });
  const bytes = Buffer.from(text, "utf8");
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const chunk = Buffer.from(bytes.subarray(at, at + (sizes[turn % sizes.length] ?? 1)));
    splitter.push(chunk);
    at += chunk.length;
    chunk.fill(0);
  }
  return { items, heads, around: splitter.around() };
}

/** Texts with what JSON escapes, brackets, and characters of several bytes. */
const text = fc
  .array(fc.constantFrom('"', "\\", "{", "}", "[", "]", ",", '"items":[', "é", "😀", "\n", "a"))
  .map((parts) => parts.join(""));
const object = fc.dictionary(text, fc.oneof(text, fc.jsonValue({ maxDepth: 3 }), fc.constant({ items: [{}] })));
const spaces = fc.constantFrom(undefined, 1, "\t");
const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 });

/**
 * Texts are compared, since V8's JSON.parse() mistakes keys with escapes: after `{"":"","\\":""}` it gives
 * `{"":"","\"":{}}` the key of the former.
 */
function unindented(json: string): string {
  return json.replaceAll(/\n[ \t]*/g, "");
}

describe("a list", () => {
  test("gives its objects and what stands around them, however its bytes are cut and wherever its items stand", () => {
    fc.assert(
      fc.property(object, fc.array(object), object, spaces, cuts, (before, items, behind, indent, sizes) => {
        const isNamed = "items" in before || "items" in behind;
        const listOf = (some: readonly object[]) => ({
          ...before,
          items: some,
          ...behind,
          ...(isNamed && { items: some }),
        });
        const textOf = (value: unknown) => unindented(JSON.stringify(value, null, indent));
        const seen = split(JSON.stringify(listOf(items), null, indent), sizes);
        expect(seen.items.map(unindented)).toEqual(items.map(textOf));
        expect(unindented(seen.around)).toBe(textOf(listOf([])));
      }),
      { numRuns: 200 },
    );
  });

  test("keeps in what stands around them whatever is neither object nor array", () => {
    const { items, around } = split('{"items":[{"a":1},null,"{",[2],3]}', [1]);
    expect([items, around]).toEqual([['{"a":1}', "[2]"], '{"items":[null"{"3]}']);
  });

  test.each([
    ["of another name", '{"items ":[{}]}'],
    ["whose name ends like it", '{"x\\"items":[{}]}'],
    ["deeper inside", '{"metadata":{"items":[{}]}}'],
    ["that is the whole answer", '[{"items":1}]'],
    ["in a string", '{"kind":"\\"items\\":[{}]"}'],
  ])("has no objects in an array %s", (_what, json) => {
    expect(split(json, [3])).toEqual({ items: [], heads: [], around: json });
  });

  test("gives the beginning of an object that is too large, and the others", () => {
    const large = { metadata: { name: "large", labels: { filler: "é".repeat(9000) } } };
    const list = JSON.stringify({ items: [{ a: 1 }, large, { b: 2 }] });
    for (const sizes of [[100_000], [1], [4000, 7]]) {
      const { items, heads, around } = split(list, sizes, 10_000);
      expect([items, around]).toEqual([['{"a":1}', '{"b":2}'], '{"items":[]}']);
      expect(heads).toHaveLength(1);
      expect(heads[0]?.length).toBeLessThanOrEqual(4096);
      expect(heads[0]).toMatch(/^\{"metadata":\{"name":"large"/);
    }
  });
});

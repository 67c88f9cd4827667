import fc from "fast-check";

/** A good text with some of its pieces cut out, doubled or replaced by something else. */
export function broken(good: string): fc.Arbitrary<string> {
  const wound = fc.record({
    at: fc.nat({ max: good.length }),
    length: fc.nat({ max: 40 }),
    instead: fc.oneof(fc.string(), fc.constantFrom("", "{", "]", '"', "\\u", "\u0000", "-----", "null", "1e999", "\r")),
  });
  return fc
    .array(wound, { minLength: 1, maxLength: 4 })
    .map((wounds) =>
      wounds.reduce((text, { at, length, instead }) => text.slice(0, at) + instead + text.slice(at + length), good),
    );
}

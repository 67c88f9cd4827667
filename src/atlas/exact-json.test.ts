import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseExactJson } from "./exact-json.ts";

describe("parseExactJson", () => {
  test("keeps any whole number exact", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n }), (value) => {
        expect(BigInt(parseExactJson(String(value)) as number | bigint)).toBe(value);
      }),
    );
  });

  test("gives what JSON.parse gives for everything that fits a number", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        fc.pre(!/\d{16}/.test(text));
        expect(parseExactJson(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  test("leaves a fraction or an exponent a number", () => {
    expect(parseExactJson("[1.5,1e300]")).toEqual([1.5, 1e300]);
  });

  test("fails without quoting the text", () => {
    fc.assert(
      fc.property(fc.string(), (tail) => {
        const text = `-----BEGIN PRIVATE KEY-----${tail}`;
        expect(() => parseExactJson(text)).toThrow(/^not valid JSON$/);
      }),
    );
  });
});

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

  test("gives undefined for what is not JSON", () => {
    fc.assert(
      fc.property(fc.string(), (tail) => {
        expect(parseExactJson(`-----BEGIN PRIVATE KEY-----${tail}`)).toBeUndefined();
      }),
    );
  });

  test("keeps no number of more than 48 digits exact, which would take long", () => {
    expect(typeof parseExactJson("9".repeat(48))).toBe("bigint");
    expect(typeof parseExactJson("9".repeat(49))).toBe("number");
  });
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkGroupId, checkUsername, checkWholeNumber } from "./parameters.ts";
import { certificatesPath, withQuery } from "./request-paths.ts";
import { GROUP_ID } from "./testing/samples.ts";

const OPERATION = "createDatabaseUserCertificate";
const refusal = expect.objectContaining({ kind: "badRequest", operation: OPERATION, status: undefined });

describe("checkGroupId", () => {
  test("accepts 24 lower-case hexadecimal digits", () => {
    expect(() => checkGroupId(GROUP_ID, OPERATION)).not.toThrow();
  });

  test.each(["", GROUP_ID.slice(1), `${GROUP_ID}0`, GROUP_ID.toUpperCase(), `${GROUP_ID.slice(1)}g`, `${GROUP_ID}\n`])(
    "refuses %j",
    (groupId) => {
      expect(() => checkGroupId(groupId, OPERATION)).toThrow(refusal);
    },
  );
});

describe("checkUsername", () => {
  test.each(["a", "CN=orders,OU=shop/eu,O=Größe & Co", "x".repeat(1024), "😀".repeat(1024), "..."])(
    "accepts %.30j",
    (username) => {
      expect(() => checkUsername(username, OPERATION)).not.toThrow();
    },
  );

  test.each(["", "x".repeat(1025), "a\nb", "a\u0000", ".", "..", "\ud800"])("refuses %.30j", (username) => {
    expect(() => checkUsername(username, OPERATION)).toThrow(refusal);
  });
});

describe("checkWholeNumber", () => {
  const months = { name: "monthsUntilExpiration", least: 1, most: 24 };

  test.each([undefined, 1, 24])("accepts %s", (value) => {
    expect(() => checkWholeNumber(value, months, OPERATION)).not.toThrow();
  });

  test.each([0, 25, 1.5, Number.NaN, Number.POSITIVE_INFINITY, -1])("refuses %s", (value) => {
    expect(() => checkWholeNumber(value, months, OPERATION)).toThrow(refusal);
  });

  test("says what is allowed", () => {
    expect(() => checkWholeNumber(25, months, OPERATION)).toThrow("whole number, 1 to 24");
    const pageNum = { name: "pageNum", least: 1, most: Number.MAX_SAFE_INTEGER };
    expect(() => checkWholeNumber(0, pageNum, OPERATION)).toThrow("whole number, 1 or more");
  });
});

describe("paths", () => {
  test("any username that is accepted comes out of the path as it went in", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 }), (username) => {
        fc.pre(!/\p{Cc}/u.test(username) && username !== "." && username !== "..");
        const url = new URL(certificatesPath(GROUP_ID, username), "https://cloud.mongodb.com");
        const segments = url.pathname.split("/");
        expect(segments).toHaveLength(9);
        expect(url.search + url.hash).toBe("");
        expect(decodeURIComponent(segments[7] ?? "")).toBe(username);
      }),
    );
  });

  test("a query holds what is given, in order, and nothing else", () => {
    expect(withQuery("/x", { b: 1, a: undefined, c: "y z&" })).toBe("/x?b=1&c=y%20z%26");
    expect(withQuery("/x", { a: undefined })).toBe("/x");
  });
});

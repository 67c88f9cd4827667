import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseHttpDate, parseRetryAfter } from "./http-dates.ts";

const NOON = new Date("2026-05-06T12:00:10Z");

describe("parseHttpDate", () => {
  test.each([
    ["the preferred form", "Wed, 06 May 2026 12:00:10 GMT"],
    ["the RFC 850 form", "Wednesday, 06-May-26 12:00:10 GMT"],
    ["the asctime form", "Wed May  6 12:00:10 2026"],
    ["blanks around a date", "  Wed, 06 May 2026 12:00:10 GMT "],
  ])("reads %s", (_name, header) => {
    expect(parseHttpDate(header)).toEqual(NOON);
  });

  test.each([
    ["no header", undefined],
    ["an empty header", ""],
    ["an ISO date", "2026-05-06T12:00:10Z"],
    ["another time zone", "Wed, 06 May 2026 12:00:10 CET"],
    ["a date that does not exist", "Wed, 99 May 2026 12:00:10 GMT"],
  ])("gives undefined for %s", (_name, header) => {
    expect(parseHttpDate(header)).toBeUndefined();
  });

  test("gives back every second of this century", () => {
    const seconds = fc.integer({ min: Date.UTC(2000, 0) / 1000, max: Date.UTC(2099, 11) / 1000 });
    fc.assert(
      fc.property(seconds, (second) => {
        const date = new Date(second * 1000);
        expect(parseHttpDate(date.toUTCString())).toEqual(date);
      }),
    );
  });
});

describe("parseRetryAfter", () => {
  test.each([
    ["seconds", "7", 7000],
    ["zero seconds", "0", 0],
    ["seconds with blanks around", " 5 ", 5000],
    ["a date in the future", "Wed, 06 May 2026 12:00:40 GMT", 30_000],
    ["a date in the past", "Tue, 05 May 2026 12:00:40 GMT", 0],
    ["more seconds than the longest wait", "99999999999", 60_000],
    ["a date a day away", "Thu, 07 May 2026 12:00:10 GMT", 60_000],
    ["words", "soon", undefined],
    ["a negative number", "-5", undefined],
    ["a fraction", "1.5", undefined],
    ["an empty header", "", undefined],
    ["no header", undefined, undefined],
  ])("reads %s", (_name, header, expected) => {
    expect(parseRetryAfter(header, NOON.getTime(), 60_000)).toBe(expected);
  });
});

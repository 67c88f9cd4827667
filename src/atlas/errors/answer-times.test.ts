import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { answeredAt, retryAfterOf } from "./answer-times.ts";

const NOW = Date.UTC(2026, 4, 6, 12, 0, 0);
const LONGEST_MS = 5 * 60 * 1000;

const parse = (header: string | undefined, date: string | undefined, now: number) => {
  const values = Object.entries({ "retry-after": header, date });
  const headers = new Map(values.flatMap(([name, value]) => (value === undefined ? [] : [[name, [value]] as const])));
  return retryAfterOf({ headers }, { now: () => now });
};

describe("retryAfterOf", () => {
  test.each([
    ["seconds", "30", 30_000],
    ["zero seconds", "0", 0],
    ["seconds with blanks around", " 5 ", 5_000],
    ["a day in seconds", "86400", LONGEST_MS],
    ["more seconds than a day", "99999999", LONGEST_MS],
    ["a date far ahead", "Wed, 06 May 2037 12:00:30 GMT", LONGEST_MS],
    ["a date to come", "Wed, 06 May 2026 12:00:30 GMT", 30_000],
    ["a date gone by", "Wed, 06 May 2026 11:00:00 GMT", 0],
    ["a date of the RFC 850 form", "Wednesday, 06-May-26 12:00:10 GMT", 10_000],
    ["a date of the asctime form", "Wed May  6 12:00:20 2026", 20_000],
  ])("reads %s", (_name, header, expected) => {
    expect(parse(header, undefined, NOW)).toBe(expected);
  });

  test("measures a date against the server's clock and not against this machine's", () => {
    const serverDate = "Wed, 06 May 2026 15:00:00 GMT";
    expect(parse("Wed, 06 May 2026 15:00:07 GMT", serverDate, NOW)).toBe(7_000);
  });

  test.each([
    ["no header", undefined],
    ["an empty header", ""],
    ["a negative number", "-5"],
    ["a fraction", "1.5"],
    ["words", "soon"],
    ["a date of no form", "2026-05-06"],
    ["a date that does not exist", "Wed, 99 May 2026 12:00:30 GMT"],
  ])("makes nothing of %s", (_name, header) => {
    expect(parse(header, undefined, NOW)).toBeUndefined();
  });

  test("gives back any number of seconds up to five minutes", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 300 }), (seconds) => {
        expect(parse(String(seconds), undefined, NOW)).toBe(seconds * 1000);
        const date = new Date(NOW + seconds * 1000).toUTCString();
        expect(parse(date, new Date(NOW).toUTCString(), 0)).toBe(seconds * 1000);
      }),
    );
  });

  test("never gives anything but a wait between nothing and five minutes, whatever it is fed", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.integer(), (header, date, now) => {
        const ms = parse(header, date, now);
        expect(ms === undefined || (ms >= 0 && ms <= LONGEST_MS)).toBe(true);
      }),
    );
  });
});

test("answeredAt reads the first Date header of an answer", () => {
  const date = ["Wed, 06 May 2026 12:00:10 GMT", "Wed, 06 May 2026 13:00:10 GMT"];
  expect(answeredAt({ headers: new Map([["date", date]]) })).toEqual(new Date(NOW + 10_000));
  expect(answeredAt({ headers: new Map() })).toBeUndefined();
});

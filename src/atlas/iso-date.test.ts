import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseIsoDate } from "./iso-date.ts";

const NOON = new Date("2026-05-06T12:00:10Z");

describe("parseIsoDate", () => {
  test.each([
    ["Z", "2026-05-06T12:00:10Z"],
    ["a zone without a colon", "2026-05-06T12:00:10+0000"],
    ["a zone with a colon", "2026-05-06T14:00:10+02:00"],
    ["a zone of hours alone", "2026-05-06T07:00:10-05"],
    ["a zone of half an hour", "2026-05-06T08:30:10-03:30"],
    ["milliseconds that are zero", "2026-05-06T12:00:10.000Z"],
    ["a fraction behind a comma", "2026-05-06T12:00:10,0Z"],
    ["nanoseconds", "2026-05-06T12:00:10.000000000+0000"],
    ["the basic format", "20260506T120010Z"],
    ["lower-case letters", "2026-05-06t12:00:10z"],
    ["a blank between date and time", "2026-05-06 12:00:10Z"],
    ["no zone", "2026-05-06T12:00:10"],
  ])("reads a date with %s", (_name, text) => {
    expect(parseIsoDate(text)).toEqual(NOON);
  });

  test("reads a date without seconds", () => {
    expect(parseIsoDate("2026-05-06T12:00Z")).toEqual(new Date("2026-05-06T12:00:00Z"));
  });

  test("keeps milliseconds and drops what is finer", () => {
    expect(parseIsoDate("2026-05-06T12:00:10.1239Z")).toEqual(new Date("2026-05-06T12:00:10.123Z"));
  });

  test.each([
    ["words", "soon"],
    ["nothing", ""],
    ["a month that does not exist", "2026-13-06T12:00:10Z"],
    ["a day that its month does not have", "2026-02-29T12:00:10Z"],
    ["an hour that does not exist", "2026-05-06T25:00:10Z"],
    ["a date without a time", "2026-05-06"],
    ["an HTTP date", "Wed, 06 May 2026 12:00:10 GMT"],
  ])("gives undefined for %s", (_name, text) => {
    expect(parseIsoDate(text)).toBeUndefined();
  });

  test("gives back any time of this century in any zone", () => {
    const zone = fc.integer({ min: -14 * 60, max: 14 * 60 });
    fc.assert(
      fc.property(
        fc.date({ min: new Date("2000-01-02"), max: new Date("2099-12-30"), noInvalidDate: true }),
        zone,
        (date, minutes) => {
          const local = new Date(date.getTime() + minutes * 60_000).toISOString().slice(0, -1);
          const two = (value: number) => String(value).padStart(2, "0");
          const offset = Math.abs(minutes);
          const sign = minutes < 0 ? "-" : "+";
          expect(parseIsoDate(`${local}${sign}${two(Math.floor(offset / 60))}${two(offset % 60)}`)).toEqual(date);
        },
      ),
    );
  });
});

import { expect, test } from "vitest";
import { calendarOf, issueTime } from "./calendar.ts";

const at = (time: string) => new Date(`2025-04-25T${time}Z`);

test.each<
  readonly [what: string, created: string, answered: string | undefined, monthMs: number | undefined, issued: string]
>([
  ["an hour after what Atlas calls its creation", "04:08:11", "05:08:14", undefined, "05:08:11"],
  ["an hour after it, if Atlas does not say when it answered", "04:08:11", undefined, undefined, "05:08:11"],
  ["no later than the answer that lists it", "05:08:11", "05:08:14", undefined, "05:08:14"],
  ["no earlier than Atlas says, if its clocks disagree", "05:08:11", "05:08:10", undefined, "05:08:11"],
  ["a part of a simulator's shorter month later", "05:08:00", "05:20:00", 720_000, "05:08:01"],
])("a certificate was issued %s", (_, created, answered, monthMs, issued) => {
  expect(issueTime(at(created), answered === undefined ? undefined : at(answered), calendarOf(monthMs))).toEqual(
    at(issued),
  );
});

test("without a creation time nothing is known", () => {
  expect(issueTime(undefined, at("05:08:14"), calendarOf())).toBeUndefined();
});

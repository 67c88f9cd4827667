import { format, inspect } from "node:util";
import { expect, test } from "vitest";
import { SensitiveText } from "./sensitive-text.ts";

const text = "-----BEGIN PRIVATE KEY-----";
const sensitive = new SensitiveText(text);

test.each([
  ["JSON", JSON.stringify({ key: sensitive })],
  ["util.inspect", inspect({ key: sensitive }, { showHidden: true, depth: 10 })],
  ["util.format", format("%o %j", sensitive, sensitive)],
])("appears as [redacted] in %s", (_, printed) => {
  expect(printed).toContain("[redacted]");
  expect(printed).not.toContain("PRIVATE KEY");
});

test("has no property that holds the text", () => {
  expect(JSON.stringify(Object.entries(sensitive))).toBe("[]");
});

test.each<readonly [string, () => unknown]>([
  ["a template string", () => `${sensitive}`],
  [
    "string concatenation",
    () => {
      let file = "";
      file += sensitive;
      return file;
    },
  ],
  ["String()", () => String(sensitive)],
  ["toString()", () => sensitive.toString()],
  ["Array.prototype.join", () => [sensitive].join("")],
  ["util.format with %s", () => format("%s", sensitive)],
])("throws an error that names reveal() in %s", (_, convert) => {
  expect(convert).toThrow(
    new TypeError("A SensitiveText cannot be converted to a string; call reveal() to get its text."),
  );
});

test("gives the text to a caller that asks for it by name", () => {
  expect(sensitive.reveal()).toBe(text);
});

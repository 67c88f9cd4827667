import { format, inspect } from "node:util";
import { expect, test } from "vitest";
import { SensitiveText } from "./sensitive-text.ts";

const text = "-----BEGIN PRIVATE KEY-----";
const sensitive = new SensitiveText(text);

test.each([
  ["a template string", `${sensitive}`],
  ["string concatenation", `x${String(sensitive)}`],
  ["JSON", JSON.stringify({ key: sensitive })],
  ["util.inspect", inspect({ key: sensitive }, { showHidden: true, depth: 10 })],
  ["util.format", format("%s %o %j", sensitive, sensitive, sensitive)],
  ["an error's message", new Error(`bad: ${sensitive}`).message],
  ["its own properties", JSON.stringify(Object.entries(sensitive))],
])("says nothing in %s", (_, printed) => {
  expect(printed).not.toContain("PRIVATE KEY");
});

test("gives the text to whoever asks for it by name", () => {
  expect(sensitive.reveal()).toBe(text);
});

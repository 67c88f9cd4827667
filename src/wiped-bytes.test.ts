import { expect, test } from "vitest";
import { textOfWiped } from "./wiped-bytes.ts";

test.each([
  ["utf8", "a käy"],
  ["base64", "YSBrw6R5"],
] as const)("gives the text in %s and leaves nothing of it behind", (encoding, text) => {
  const bytes = Buffer.from("a käy");
  expect(textOfWiped(bytes, encoding)).toBe(text);
  expect(bytes).toEqual(Buffer.alloc(6));
});

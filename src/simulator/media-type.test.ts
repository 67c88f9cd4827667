import { describe, expect, test } from "vitest";
import { isJsonContentType, negotiateVersion } from "./media-type.ts";

describe("negotiateVersion", () => {
  test.each([
    ["the version itself", "application/vnd.atlas.2023-01-01+json"],
    ["a later date", "application/vnd.atlas.2024-08-05+json"],
    ["one acceptable type among others", "text/html, application/vnd.atlas.2023-02-01+json;q=0.5"],
    ["another case", "Application/VND.atlas.2023-01-01+JSON"],
  ])("accepts %s", (_, accept) => {
    expect(negotiateVersion(accept, "2023-01-01")).toBe("2023-01-01");
  });

  test.each([
    ["no header", undefined],
    ["plain JSON", "application/json"],
    ["anything", "*/*"],
    ["an earlier date", "application/vnd.atlas.2022-12-31+json"],
    ["a date that does not exist", "application/vnd.atlas.2023-02-30+json"],
    ["another format", "application/vnd.atlas.2023-01-01+csv"],
    ["a type with the quality 0", "application/vnd.atlas.2023-01-01+json;q=0"],
  ])("refuses %s", (_, accept) => {
    expect(negotiateVersion(accept, "2023-01-01")).toBeUndefined();
  });
});

describe("isJsonContentType", () => {
  test.each([
    ["application/json", true],
    ["application/json; charset=utf-8", true],
    ["application/vnd.atlas.2023-01-01+json", true],
    ["text/plain", false],
    [undefined, false],
  ])("%s: %s", (contentType, expected) => {
    expect(isJsonContentType(contentType)).toBe(expected);
  });
});

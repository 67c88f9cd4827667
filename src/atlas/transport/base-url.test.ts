import { describe, expect, test } from "vitest";
import { parseBaseUrl } from "./base-url.ts";

describe("parseBaseUrl", () => {
  test.each([
    ["the public cloud", "https://cloud.mongodb.com", "https://cloud.mongodb.com"],
    ["the government cloud", "https://cloud.mongodbgov.com", "https://cloud.mongodbgov.com"],
    ["a slash at the end", "https://cloud.mongodb.com/", "https://cloud.mongodb.com"],
    ["a port", "https://atlas.example:8443", "https://atlas.example:8443"],
    ["capital letters", "HTTPS://Cloud.MongoDB.com", "https://cloud.mongodb.com"],
    ["http to localhost", "http://localhost:8080", "http://localhost:8080"],
    ["http to 127.0.0.1", "http://127.0.0.1:8080", "http://127.0.0.1:8080"],
    ["http to another loopback address", "http://127.8.9.1", "http://127.8.9.1"],
    ["http to [::1]", "http://[::1]:8080", "http://[::1]:8080"],
  ])("accepts %s", (_name, text, origin) => {
    expect(parseBaseUrl(text)).toEqual({ ok: true, origin });
  });

  test.each([
    ["plain http to a host", "http://cloud.mongodb.com", "https"],
    ["plain http to a service in a cluster", "http://simulator.default.svc:8080", "https"],
    ["plain http to a name that only begins like loopback", "http://localhost.example.com", "https"],
    ["plain http to a name that begins with a loopback address", "http://127.0.0.1.example.com", "https"],
    ["plain http to every address of this machine", "http://0.0.0.0:8080", "https"],
    ["a path", "https://cloud.mongodb.com/api", "path"],
    ["a query", "https://cloud.mongodb.com?x=1", "query"],
    ["an empty query", "https://cloud.mongodb.com/?", "query"],
    ["a fragment", "https://cloud.mongodb.com#x", "fragment"],
    ["credentials", "https://user:hunter2@cloud.mongodb.com", "credentials"],
    ["empty credentials", "https://@cloud.mongodb.com", "credentials"],
    ["another scheme", "ftp://cloud.mongodb.com", "https://"],
    ["no scheme", "cloud.mongodb.com", "URL"],
    ["no slashes", "https:cloud.mongodb.com", "URL"],
    ["nothing", "", "URL"],
    ["a blank in front", " https://cloud.mongodb.com", "blanks"],
    ["a line break", "https://cloud.mongodb.com\n", "blanks"],
    ["a backslash", "https:\\\\cloud.mongodb.com", "backslashes"],
  ])("refuses %s with a sentence", (_name, text, word) => {
    const parsed = parseBaseUrl(text);
    expect(parsed).toMatchObject({ ok: false, problem: expect.stringContaining(word) });
    expect(JSON.stringify(parsed)).not.toContain("hunter2");
  });
});

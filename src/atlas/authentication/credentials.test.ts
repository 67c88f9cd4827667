import { describe, expect, test } from "vitest";
import { describeCredentials, parseCredentials } from "./credentials.ts";

describe("parseCredentials", () => {
  test("reads a service account", () => {
    const parsed = parseCredentials({ clientId: "mdb_sa_id_1", clientSecret: "s3cret" });
    expect(parsed.ok && parsed.credentials.kind === "serviceAccount" && parsed.credentials.clientId).toBe(
      "mdb_sa_id_1",
    );
    expect(parsed.ok && "clientSecret" in parsed.credentials && parsed.credentials.clientSecret.reveal()).toBe(
      "s3cret",
    );
  });

  test("reads an API key pair and ignores the organization beside it", () => {
    const parsed = parseCredentials({ orgId: "1", publicApiKey: "abcdefgh", privateApiKey: "s3cret" });
    expect(parsed.ok && parsed.credentials.kind === "apiKeys" && parsed.credentials.publicApiKey).toBe("abcdefgh");
    expect(parsed.ok && "privateApiKey" in parsed.credentials && parsed.credentials.privateApiKey.reveal()).toBe(
      "s3cret",
    );
  });

  test("takes nothing but the two entries, and no address from beside them", () => {
    const parsed = parseCredentials({
      clientId: "mdb_sa_id_0123",
      clientSecret: "s",
      baseUrl: "https://elsewhere.example",
      tokenUrl: "https://elsewhere.example/token",
    });
    expect(parsed.ok && Object.keys(parsed.credentials).toSorted()).toEqual(["clientId", "clientSecret", "kind"]);
  });

  test("trims the line break that echo and files leave behind", () => {
    const parsed = parseCredentials({ clientId: "mdb_sa_id_1\n", clientSecret: "s3cret\r\n" });
    expect(parsed.ok && "clientId" in parsed.credentials && parsed.credentials.clientId).toBe("mdb_sa_id_1");
    expect(parsed.ok && "clientSecret" in parsed.credentials && parsed.credentials.clientSecret.reveal()).toBe(
      "s3cret",
    );
  });

  test.each([
    ["nothing", {}, ["clientId", "clientSecret", "publicApiKey", "privateApiKey"]],
    ["only something else", { orgId: "1" }, ["clientId", "publicApiKey"]],
    [
      "both kinds",
      { clientId: "a", clientSecret: "s3cret", publicApiKey: "b", privateApiKey: "s3cret" },
      ["both kinds", "clientId", "privateApiKey"],
    ],
    ["a pair and half of the other", { clientId: "a", clientSecret: "s3cret", publicApiKey: "b" }, ["publicApiKey"]],
    ["no client secret", { clientId: "a" }, ["clientId", "clientSecret"]],
    ["no client id", { clientSecret: "s3cret" }, ["clientId", "clientSecret"]],
    ["no private key", { publicApiKey: "a" }, ["privateApiKey"]],
    ["no public key", { privateApiKey: "s3cret" }, ["publicApiKey"]],
    ["an empty client id", { clientId: "", clientSecret: "s3cret" }, ["clientId", "empty"]],
    ["a blank secret", { clientId: "a", clientSecret: " \n" }, ["clientSecret", "empty"]],
    ["a line break inside", { clientId: "a", clientSecret: "s3cret\ns3cret" }, ["clientSecret", "control"]],
    ["a colon in the public key", { publicApiKey: "a:b", privateApiKey: "s3cret" }, ["publicApiKey", "colon"]],
  ])("refuses %s with a sentence that names the keys and no value", (_name, entries, words) => {
    const parsed = parseCredentials(entries);
    const problem = parsed.ok ? "" : parsed.problem;
    for (const word of words) expect(problem).toContain(word);
    expect(problem).not.toContain("s3cret");
  });

  test.each([
    [
      "service account",
      { clientId: "mdb_sa_sk_s3cret\n", clientSecret: "mdb_sa_id_0123" },
      ["clientId", "clientSecret"],
    ],
    [
      "API key",
      { publicApiKey: "3b2d1c5e-aaaa-4bbb-8ccc-1234567890ab", privateApiKey: "abcdefgh" },
      ["publicApiKey", "privateApiKey"],
    ],
  ])("refuses swapped fields (%s), and quotes neither", (_name, entries, [field, other]) => {
    expect(parseCredentials(entries)).toEqual({
      ok: false,
      problem:
        `The credentials' ${field} holds a secret, so the two fields are swapped; ` +
        `exchange the values of ${field} and ${other}.`,
    });
  });

  test("lets a secret print as nothing", () => {
    expect(JSON.stringify(parseCredentials({ clientId: "a", clientSecret: "s3cret" }))).not.toContain("s3cret");
  });
});

test("credentials are described by their public part", () => {
  const parsed = parseCredentials({ publicApiKey: "abcdefgh", privateApiKey: "s3cret" });
  expect(parsed.ok && describeCredentials(parsed.credentials)).toBe("API key abcdefgh");
  const account = parseCredentials({ clientId: "mdb_sa_id_1", clientSecret: "s3cret" });
  expect(account.ok && describeCredentials(account.credentials)).toBe("service account mdb_sa_id_1");
});

test.each([
  ["the service account", { clientId: "Very-Secret_0123456789", clientSecret: "mdb_sa_id_1" }],
  ["the service account", { clientId: "3b2d1c5e-aaaa-4bbb-8ccc-1234567890ab", clientSecret: "abcdefgh" }],
  ["the service account", { clientId: "mdb_sa_id_1 mdb_sa_sk_Very-Secret", clientSecret: "s3cret" }],
  ["the API key", { publicApiKey: "mdb_sa_sk_Very-Secret", privateApiKey: "mdb_sa_id_1" }],
  ["the API key", { publicApiKey: "3b2d1c5eaaaa4bbb8ccc1234567890ab", privateApiKey: "abcdefgh" }],
])("credentials are described as %s where their public part does not look like one", (description, entries) => {
  const parsed = parseCredentials(entries);
  expect(parsed.ok && describeCredentials(parsed.credentials)).toBe(description);
});

import { describe, expect, test } from "vitest";
import {
  CERTIFICATE_KEY,
  COMBINED_KEY,
  judgeData,
  PRIVATE_KEY_KEY,
  pairFromData,
  type SecretData,
  secretData,
  standInData,
} from "./secret-data.ts";
import { issuePair, issuePem } from "./testing.ts";

const pair = await issuePair({ subject: "CN=orders-api" });
const other = await issuePem();
const good = secretData(pair);
const base64 = (text: string) => Buffer.from(text).toString("base64");
const text = (data: SecretData, key: string) => Buffer.from(data[key] ?? "", "base64").toString();
const without = (key: string): SecretData => Object.fromEntries(Object.entries(good).filter(([name]) => name !== key));

test("the combined file holds the certificate, then the key", () => {
  expect(text(good, COMBINED_KEY)).toBe(text(good, CERTIFICATE_KEY) + text(good, PRIVATE_KEY_KEY));
  expect(text(good, COMBINED_KEY)).toMatch(/^-----BEGIN CERTIFICATE-----[\s\S]*-----END PRIVATE KEY-----\n$/);
});

test("what is written is judged good and gives the same pair back", () => {
  expect(judgeData(good)).toEqual({ kind: "pair", facts: pair.facts, formatsCurrent: true, extras: {} });
  const again = pairFromData(good);
  expect(again && secretData(again)).toEqual(good);
});

describe("judges a Secret", () => {
  test.each([
    ["without data", {}, { kind: "missing", problem: "tls.crt and tls.key are missing" }],
    ["that lost its key", without(PRIVATE_KEY_KEY), { kind: "missing", problem: "tls.key is missing" }],
    [
      "with an empty certificate",
      { ...good, [CERTIFICATE_KEY]: "" },
      { kind: "missing", problem: "tls.crt is missing" },
    ],
    [
      "with rubbish for a certificate",
      { ...good, [CERTIFICATE_KEY]: base64("rubbish") },
      { kind: "undecodable", problem: "it holds no CERTIFICATE block" },
    ],
    [
      "with the key of another certificate",
      { ...good, [PRIVATE_KEY_KEY]: base64(other.keyPem) },
      { kind: "mismatch", problem: "the private key does not belong to the certificate" },
    ],
    [
      "with bytes that are no text",
      { ...good, [PRIVATE_KEY_KEY]: Buffer.from([0xff, 0xfe, 0x00, 0x80]).toString("base64") },
      { kind: "undecodable", problem: "it holds no PRIVATE KEY block" },
    ],
  ])("%s", (_what, data: SecretData, content) => {
    expect(judgeData(data)).toEqual(content);
  });

  test.each([
    ["without the combined file", without(COMBINED_KEY)],
    ["with another combined file", { ...good, [COMBINED_KEY]: base64(other.certificatePem + other.keyPem) }],
    ["with Windows line breaks", { ...good, [CERTIFICATE_KEY]: base64(pair.certificatePem.replaceAll("\n", "\r\n")) }],
    [
      "with certificate and key in each other's place",
      {
        ...good,
        [CERTIFICATE_KEY]: good[PRIVATE_KEY_KEY] ?? "",
        [PRIVATE_KEY_KEY]: good[CERTIFICATE_KEY] ?? "",
      },
    ],
  ])("%s as one to repair, and as good after the repair", (_what, data: SecretData) => {
    expect(judgeData(data)).toMatchObject({ kind: "pair", formatsCurrent: false });
    const found = pairFromData(data);
    expect(found && judgeData({ ...data, ...secretData(found) })).toMatchObject({ kind: "pair", formatsCurrent: true });
  });

  test("and leaves the data keys of others out of it", () => {
    expect(judgeData({ ...good, "ca.crt": base64("x") })).toMatchObject({ formatsCurrent: true });
  });

  test("and puts nothing of the key into its verdict", () => {
    for (const data of [good, { ...good, [CERTIFICATE_KEY]: good[PRIVATE_KEY_KEY] ?? "" }]) {
      const verdict = JSON.stringify(judgeData(data));
      const keyBody = pair.privateKeyPem.reveal().split("\n")[1] ?? "-";
      expect(verdict).not.toContain(keyBody.slice(0, 20));
    }
  });
});

test("gives no pair where there is none", () => {
  expect(pairFromData({})).toBeUndefined();
  expect(pairFromData(without(CERTIFICATE_KEY))).toBeUndefined();
});

test("the stand-in has the keys of a real one and is about as long, but holds no pair", () => {
  expect(Object.keys(standInData())).toEqual(Object.keys(good));
  expect(text(standInData(), COMBINED_KEY).length).toBeGreaterThan(text(good, COMBINED_KEY).length);
  expect(judgeData(standInData())).toMatchObject({ kind: "undecodable" });
});

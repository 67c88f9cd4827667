import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SensitiveText } from "../sensitive-text.ts";
import { readKeyPair, readPemBundle } from "./key-pair.ts";
import { issuePem } from "./testing.ts";

const ours = await issuePem({ subject: "CN=orders-api", serialHex: "3a6f1c2b9d8e7f01" });
const other = await issuePem({ subject: "CN=other" });
const read = (text: string) => readPemBundle(new SensitiveText(text));

describe("reads a bundle", () => {
  const sec1 = createPrivateKey(ours.keyPem).export({ type: "sec1", format: "pem" }).toString();
  test.each([
    ["of certificate and key", ours.certificatePem + ours.keyPem],
    ["of key and certificate", ours.keyPem + ours.certificatePem],
    ["with Windows line breaks", (ours.certificatePem + ours.keyPem).replaceAll("\n", "\r\n")],
    ["with text around the blocks", `subject=x\n${ours.certificatePem}issuer=y\n${ours.keyPem}end`],
    ["without a line break at its end", (ours.certificatePem + ours.keyPem).trimEnd()],
    ["with a key in the form of SEC 1", ours.certificatePem + sec1],
    ["with the chain behind the certificate", ours.certificatePem + other.certificatePem + ours.keyPem],
    ["with the chain before the certificate", other.certificatePem + ours.certificatePem + ours.keyPem],
  ])("%s", (_what, text) => {
    const result = read(text);
    expect(result.ok && result.pair.facts.serialNumber).toBe(BigInt("0x3a6f1c2b9d8e7f01").toString());
  });

  test("and puts the leaf before its chain, with one line break after each", () => {
    const result = read(`${other.certificatePem}\n\n${ours.certificatePem}${ours.keyPem}`);
    expect(result.ok && result.pair.certificatePem).toBe(ours.certificatePem + other.certificatePem);
    expect(result.ok && result.pair.privateKeyPem.reveal()).toBe(ours.keyPem);
  });

  test("with a serial number that a JavaScript number can't hold", async () => {
    const { certificatePem, keyPem } = await issuePem({ serialHex: "7fffffffffffffff" });
    const result = read(certificatePem + keyPem);
    expect(result.ok && result.pair.facts.serialNumber).toBe("9223372036854775807");
  });

  test("with a negative serial number, which a careless authority gives", async () => {
    const { certificatePem, keyPem } = await issuePem({ serialHex: "01" });
    const der = Buffer.from(certificatePem.replaceAll(/-----.*-----|\s/g, ""), "base64");
    // Version 3, then the serial number 1: it becomes -1.
    const serialAt = der.indexOf(Buffer.from("a003020102020101", "hex")) + 7;
    der[serialAt] = 0xff;
    const negative = `-----BEGIN CERTIFICATE-----\n${der.toString("base64")}\n-----END CERTIFICATE-----\n`;
    const result = read(negative + keyPem);
    expect(result.ok && result.pair.facts.serialNumber).toBe("-1");
  });

  test("and tells subject, validity and fingerprint", async () => {
    const validity = { notBefore: new Date("2030-01-01T00:00:00Z"), notAfter: new Date("2030-02-01T00:00:00Z") };
    const result = read((await issuePem({ subject: "CN=a,OU=b", ...validity })).bundle.reveal());
    expect(result).toMatchObject({
      ok: true,
      pair: { facts: { ...validity, fingerprint: expect.stringMatching(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/) } },
    });
    expect(result.ok && result.pair.facts.subject).toContainEqual({ type: "OU", value: "b" });
  });
});

describe("refuses a bundle", () => {
  const encrypted = createPrivateKey(ours.keyPem)
    .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" })
    .toString();
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs8", format: "pem" });
  const broken = (pem: string) => pem.replace(/\n[^-]{20}/, "\n!!!!!!!!!!!!!!!!!!!!");
  test.each([
    ["that is empty", "", "undecodable", "it holds no CERTIFICATE block"],
    ["without a certificate", ours.keyPem, "undecodable", "it holds no CERTIFICATE block"],
    ["without a key", ours.certificatePem, "undecodable", "it holds no PRIVATE KEY block"],
    ["with two keys", ours.bundle.reveal() + other.keyPem, "undecodable", "it holds more than one private key"],
    ["with an encrypted key", ours.certificatePem + encrypted, "undecodable", "its private key is encrypted"],
    [
      "with a broken key",
      ours.certificatePem + broken(ours.keyPem),
      "undecodable",
      "its private key cannot be decoded",
    ],
    [
      "with a broken certificate",
      broken(ours.certificatePem) + ours.keyPem,
      "undecodable",
      "a certificate in it cannot be decoded",
    ],
    [
      "with the key of another certificate",
      ours.certificatePem + other.keyPem,
      "mismatch",
      "the private key does not belong to the certificate",
    ],
    [
      "with a key of another type",
      ours.certificatePem + rsa.toString(),
      "mismatch",
      "the private key does not belong to the certificate",
    ],
  ])("%s", (_what, text, kind, problem) => {
    expect(read(text)).toEqual({ ok: false, kind, problem });
  });
});

test("a pair prints without its key", () => {
  const result = read(ours.bundle.reveal());
  const printed = `${inspect(result, { depth: 9 })} ${JSON.stringify(result)}`;
  expect(printed).toContain("BEGIN CERTIFICATE");
  expect(printed).not.toContain("PRIVATE KEY");
});

test("reads the two texts of a TLS Secret", () => {
  expect(readKeyPair(ours.certificatePem.trimEnd(), new SensitiveText(ours.keyPem))).toMatchObject({ ok: true });
});

/** Every line of the key that could tell something of it. */
const keyLines = ours.keyPem.split("\n").filter((line) => line.length > 20 && !line.startsWith("-----"));

function expectNoKey(text: string): void {
  for (const line of keyLines) expect(text).not.toContain(line.slice(0, 20));
}

describe("broken input never throws and never leaks:", () => {
  const whole = ours.bundle.reveal();

  test("a bundle that was cut anywhere", () => {
    for (let length = 0; length < whole.length - 1; length += 3) {
      const result = read(whole.slice(0, length));
      // The last line may lack its dashes; everything before that is no bundle.
      expect(result.ok).toBe(false);
      expectNoKey(JSON.stringify(result));
    }
  });

  test("a bundle with a piece changed, taken out or put twice", () => {
    const change = fc.record({
      at: fc.nat(whole.length),
      length: fc.nat(80),
      by: fc.oneof(fc.string({ maxLength: 20 }), fc.constantFrom("", "\n", "-----", whole.slice(0, 100))),
    });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        let text = whole;
        for (const { at, length, by } of changes) text = text.slice(0, at) + by + text.slice(at + length);
        const result = read(text);
        if (!result.ok) expectNoKey(JSON.stringify(result));
      }),
      { numRuns: 300 },
    );
  });

  test("random bytes in certificate and key", () => {
    const bytes = fc.uint8Array({ maxLength: 400 });
    fc.assert(
      fc.property(bytes, bytes, (certificate, key) => {
        const block = (label: string, body: Uint8Array) =>
          `-----BEGIN ${label}-----\n${Buffer.from(body).toString("base64")}\n-----END ${label}-----\n`;
        expect(read(block("CERTIFICATE", certificate) + block("PRIVATE KEY", key)).ok).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  test("a certificate with random bytes changed", () => {
    const der = Buffer.from(ours.certificatePem.replaceAll(/-----.*-----|\s/g, ""), "base64");
    const change = fc.tuple(fc.nat(der.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
        const changed = Buffer.from(der);
        for (const [at, byte] of changes) changed[at] = byte;
        const pem = `-----BEGIN CERTIFICATE-----\n${changed.toString("base64")}\n-----END CERTIFICATE-----\n`;
        const result = read(pem + ours.keyPem);
        if (!result.ok) expectNoKey(JSON.stringify(result));
      }),
      { numRuns: 1000 },
    );
  });
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SensitiveText } from "../sensitive-text.ts";
import { readPemAnswer } from "./pem-answer.ts";
import { PEM } from "./testing/samples.ts";

const read = (text: string) => readPemAnswer(new SensitiveText(text))?.reveal();

describe("readPemAnswer", () => {
  test("gives raw text back as it is", () => {
    expect(read(PEM)).toBe(PEM);
  });

  test("takes the quotes off a JSON string", () => {
    expect(read(JSON.stringify(PEM))).toBe(PEM);
    expect(read(` ${JSON.stringify(PEM)}\n`)).toBe(PEM);
  });

  test.each([
    ["without its closing quote", JSON.stringify(PEM).slice(0, -1)],
    ["that is cut inside the escape sequence at its end", JSON.stringify(PEM).slice(0, -2)],
    ["with something behind it", `${JSON.stringify(PEM)}} "`],
  ])("reads a JSON string %s", (_name, text) => {
    expect(read(text)?.trimEnd()).toBe(PEM.trimEnd());
  });

  test.each(["RSA PRIVATE KEY", "EC PRIVATE KEY"])("knows a %s", (label) => {
    expect(read(PEM.replaceAll("PRIVATE KEY", label))).toBeDefined();
  });

  test("takes the key before the certificate, and line ends of either kind", () => {
    const [certificate, key] = [
      PEM.slice(0, PEM.indexOf("-----BEGIN PRIVATE")),
      PEM.slice(PEM.indexOf("-----BEGIN PRIVATE")),
    ];
    expect(read(`${key}${certificate}`.replaceAll("\n", "\r\n"))).toBeDefined();
  });

  test.each([
    ["nothing", ""],
    ["only a certificate", PEM.slice(0, PEM.indexOf("-----BEGIN PRIVATE"))],
    ["only a key", PEM.slice(PEM.indexOf("-----BEGIN PRIVATE"))],
    ["a bundle without its end", PEM.slice(0, -10)],
    ["a page", "<!doctype html><title>Log in</title>"],
    ["a JSON object", JSON.stringify({ certificate: PEM })],
    ["a JSON string that is cut inside the key", JSON.stringify(PEM).slice(0, -10)],
  ])("refuses %s", (_name, text) => {
    expect(read(text)).toBeUndefined();
  });

  test("no part of a bundle passes for the whole", () => {
    const last = "-----END PRIVATE KEY-----";
    fc.assert(
      fc.property(fc.nat({ max: PEM.indexOf(last) + last.length - 1 }), fc.boolean(), (length, quoted) => {
        const cut = PEM.slice(0, length);
        expect(read(quoted ? JSON.stringify(cut) : cut)).toBeUndefined();
      }),
    );
  });

  test("gets through any text without a crash", () => {
    fc.assert(
      fc.property(fc.string(), fc.nat({ max: PEM.length }), (noise, at) => {
        expect(() => read(PEM.slice(0, at) + noise + PEM.slice(at))).not.toThrow();
      }),
    );
  });
});

import { generateKeyPairSync } from "node:crypto";
import { PassThrough } from "node:stream";
import { pino } from "pino";
import { expect, test } from "vitest";
import { SensitiveText } from "../sensitive-text.ts";
import { createLog, LOG_LEVELS, withoutKeyMaterial } from "./log.ts";

function captured(write: (log: ReturnType<typeof createLog>) => void): string {
  const destination = new PassThrough();
  write(createLog({ level: "debug", format: "json", destination }));
  return String(destination.read());
}

const pem = generateKeyPairSync("ec", { namedCurve: "P-256" })
  .privateKey.export({ type: "pkcs8", format: "pem" })
  .toString();
const keyLine = pem.split("\n")[1] ?? "";

test("accepts every level that pino has", () => {
  expect([...LOG_LEVELS].toSorted()).toEqual(Object.keys(pino.levels.values).toSorted());
});

test("writes one JSON object a line, with the level by name and the time in RFC 3339", () => {
  const line = JSON.parse(captured((log) => log.info({ resource: "shop/orders" }, "issued")));
  expect(line).toMatchObject({ level: "info", resource: "shop/orders", msg: "issued" });
  expect(line.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

test.each([
  ["a field of that name", { clientSecret: "sesame" }],
  ["one a level down", { credentials: { privateApiKey: "sesame" } }],
  ["one two levels down", { secret: { object: { data: "sesame" } } }],
])("redacts %s", (_, fields) => {
  const line = captured((log) => log.warn(fields, "look"));
  expect(line).not.toContain("sesame");
  expect(line).toContain("[redacted]");
});

test.each([
  ["in a message", (log: ReturnType<typeof createLog>) => log.error(`bad answer: ${pem}`)],
  ["in an error", (log: ReturnType<typeof createLog>) => log.error({ err: new Error(pem) }, "failed")],
  ["in a field of any name", (log: ReturnType<typeof createLog>) => log.error({ whatever: pem }, "failed")],
  ["cut off in the middle", (log: ReturnType<typeof createLog>) => log.error(pem.slice(0, 120))],
])("never writes a private key %s", (_, write) => {
  const text = captured(write);
  expect(text).toContain("[redacted]");
  expect(text).not.toContain(keyLine.slice(0, 20));
});

test("writes a sensitive text as [redacted] wherever it stands", () => {
  const line = captured((log) =>
    log.error({ key: new SensitiveText("sesame"), err: { key: new SensitiveText("sesame") } }, "failed"),
  );
  expect(line).not.toContain("sesame");
  expect(JSON.parse(line).key).toBe("[redacted]");
});

test("leaves every other line alone", () => {
  const line = '{"msg":"-----BEGIN CERTIFICATE-----"}\n';
  expect(withoutKeyMaterial(line)).toBe(line);
});

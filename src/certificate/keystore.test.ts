import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SensitiveText } from "../sensitive-text.ts";
import { pkcs12 } from "./keystore.ts";
import { issuePair } from "./testing.ts";

const PASSWORD = "p$ss word-1'\"";
const pair = await issuePair({ subject: "CN=orders-api" });
const keystore = await pkcs12(pair, new SensitiveText(PASSWORD));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "keystore-"));
  await writeFile(path.join(folder, "keystore.p12"), keystore);
});
afterAll(() => rm(folder, { recursive: true }));

async function openssl(password: string, ...options: readonly string[]) {
  const file = path.join(folder, "keystore.p12");
  const env = { ...process.env, PASSWORD: password };
  return promisify(execFile)("openssl", ["pkcs12", "-in", file, "-passin", "env:PASSWORD", ...options], { env });
}

test("OpenSSL reads the certificate and its key", async () => {
  const { stdout } = await openssl(PASSWORD, "-nodes");
  expect(stdout).toContain(pair.certificatePem.trim());
  expect(stdout).toContain(pair.privateKeyPem.reveal().trim());
  expect(stdout.match(/localKeyID: 01/g)).toHaveLength(2);
});

test("all of it is encrypted with AES-256, and the MAC is HMAC-SHA-256", async () => {
  const { stderr } = await openssl(PASSWORD, "-info", "-noout");
  expect(stderr).toMatch(/MAC: sha256, Iteration 10000/);
  const encrypted = stderr.match(/PBES2, PBKDF2, AES-256-CBC, Iteration 10000, PRF hmacWithSHA256/g);
  expect(encrypted).toHaveLength(2);
  expect(stderr).toMatch(/Encrypted data: PBES2.*Shrouded Keybag: PBES2/s);
});

test("another password opens nothing", async () => {
  await expect(openssl("p$ss word-2", "-noout")).rejects.toThrow("invalid password");
});

test("two keystores of one pair share no salt", async () => {
  expect((await pkcs12(pair, new SensitiveText(PASSWORD))).equals(keystore)).toBe(false);
});

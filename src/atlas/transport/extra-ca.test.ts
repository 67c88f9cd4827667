import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { makeAuthority } from "../testing/certificates.ts";
import { readExtraCaFile } from "./extra-ca.ts";
import { AtlasTransport } from "./transport.ts";

describe("readExtraCaFile", () => {
  async function withFile<T>(content: string, use: (path: string) => Promise<T>): Promise<T> {
    const folder = await mkdtemp(join(tmpdir(), "extra-ca-"));
    try {
      const path = join(folder, "ca.pem");
      await writeFile(path, content);
      return await use(path);
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  test("reads a file with several certificates", async () => {
    const { ca } = await makeAuthority(["localhost"]);
    const content = `# ours\n${ca}\n${ca}`;
    expect(await withFile(content, readExtraCaFile)).toBe(content);
  });

  test.each([
    ["no certificate", "hello", "no PEM certificate"],
    ["a certificate that is none", "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----", "number 1"],
  ])("refuses a file with %s", async (_name, content, words) => {
    await expect(withFile(content, readExtraCaFile)).rejects.toThrow(words);
  });

  test("names a file that is not there", async () => {
    await expect(readExtraCaFile("/nowhere/ca.pem")).rejects.toThrow("/nowhere/ca.pem");
  });
});

test("an extra CA that is none is refused when the transport is made", () => {
  expect(() => new AtlasTransport({ extraCa: "hello" })).toThrow(TypeError);
});

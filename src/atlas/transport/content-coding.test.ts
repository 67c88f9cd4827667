import { brotliCompressSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DecodedTooLarge, decodeContent } from "./content-coding.ts";

const TEXT = "Größe ".repeat(100);
const plain = Buffer.from(TEXT);
const decode = (body: Buffer, codings: readonly string[], most = 10_000) =>
  decodeContent(body, codings, most).toString();

describe("decodeContent", () => {
  test.each([
    ["no coding", plain, []],
    ["identity", plain, ["identity"]],
    ["gzip", gzipSync(plain), ["gzip"]],
    ["x-gzip in capitals", gzipSync(plain), ["X-GZIP"]],
    ["br", brotliCompressSync(plain), ["br"]],
    ["two codings in one header", brotliCompressSync(gzipSync(plain)), ["gzip, br"]],
    ["two codings in two headers", brotliCompressSync(gzipSync(plain)), ["gzip", "br"]],
    ["a coding that the body does not have", plain, ["gzip"]],
    ["a coding that is unknown", plain, ["zstd"]],
  ])("gives the text of a body with %s", (_name, body, codings) => {
    expect(decode(body, codings)).toBe(TEXT);
  });

  test.each([
    ["gzip", gzipSync(plain)],
    ["br", brotliCompressSync(plain)],
  ])("gives what there is of a body that was cut (%s)", (coding, body) => {
    expect(TEXT.startsWith(decode(body.subarray(0, -9), [coding]).slice(0, 6))).toBe(true);
  });

  test.each([
    ["gzip", gzipSync],
    ["br", brotliCompressSync],
  ])("refuses a body that grows beyond the limit (%s)", (coding, compress) => {
    const body = compress(Buffer.alloc(1_000_000));
    expect(() => decode(body, [coding], 1_000)).toThrow(DecodedTooLarge);
  });

  test("survives any body and any header", () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.array(fc.constantFrom("gzip", "br", "gzip, br", "x", "")), (bytes, codings) => {
        expect(() => decodeContent(Buffer.from(bytes), codings, 10_000)).not.toThrow();
      }),
    );
  });
});

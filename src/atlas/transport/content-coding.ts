import { brotliDecompressSync, constants, gunzipSync } from "node:zlib";

/** A body that is larger than allowed once it is decoded. */
export class DecodedTooLarge extends Error {
  override readonly name = "DecodedTooLarge";
}

/**
 * Decodes a body that was compressed although the request asked for `identity`: some proxies do it anyway. What
 * can't be decoded is given back as it came, because the header may be what is wrong. A body that was cut gives what can
 * be had of it.
 *
 * @param codings - the values of `Content-Encoding`
 * @throws DecodedTooLarge
 */
export function decodeContent(body: Buffer, codings: readonly string[], mostBytes: number): Buffer {
  // Several codings are undone from the last that was applied.
  const names = codings.flatMap((value) => value.toLowerCase().split(",")).map((name) => name.trim());
  return names.reduceRight((bytes, name) => decodeOne(bytes, name, mostBytes), body);
}

function decodeOne(bytes: Buffer, coding: string, maxOutputLength: number): Buffer {
  try {
    switch (coding) {
      case "gzip":
      case "x-gzip":
        return gunzipSync(bytes, { maxOutputLength, finishFlush: constants.Z_SYNC_FLUSH });
      case "br":
        return brotliDecompressSync(bytes, { maxOutputLength, finishFlush: constants.BROTLI_OPERATION_FLUSH });
      default:
        return bytes;
    }
  } catch (error) {
    if (error instanceof RangeError && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE") {
      throw new DecodedTooLarge(`the decoded answer is larger than ${maxOutputLength} bytes`);
    }
    return bytes;
  }
}

import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";

/** How a body may be compressed on its way (RFC 9110, 8.4.1). */
export const CONTENT_ENCODINGS = ["gzip", "br", "deflate"] as const;
export type ContentEncoding = (typeof CONTENT_ENCODINGS)[number];

const ENCODE: Readonly<Record<ContentEncoding, (body: Buffer) => Buffer>> = {
  gzip: (body) => gzipSync(body),
  br: (body) => brotliCompressSync(body),
  deflate: (body) => deflateSync(body),
};

/** The bytes of a body; without an encoding as UTF-8. */
export function encodeBody(body: string, encoding: ContentEncoding | undefined): Buffer {
  const bytes = Buffer.from(body);
  return encoding === undefined ? bytes : ENCODE[encoding](bytes);
}

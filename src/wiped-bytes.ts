/**
 * The text of bytes that may hold a secret; the bytes are overwritten. Node takes small Buffers from a pool that lives
 * for as long as one of them does, and what once stood in it could be read there for hours. (A string can't be
 * overwritten: it is gone once it is collected.)
 *
 * @param bytes used by no other code, for nothing is left in them
 */
export function textOfWiped(bytes: Buffer, encoding: "utf8" | "base64"): string {
  const text = bytes.toString(encoding);
  bytes.fill(0);
  return text;
}

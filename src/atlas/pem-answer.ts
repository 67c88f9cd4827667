import { readPemBundle } from "../certificate/key-pair.ts";
import { SensitiveText } from "../sensitive-text.ts";
import { parseExactJson } from "./exact-json.ts";

/**
 * Reads the answer to a create: a PEM certificate and a PEM private key. Atlas sends them as raw text, although the
 * media type ends in `+json`; a JSON string is taken as well. Whether they belong together is for others to check, but
 * a bundle without an end was cut on its way.
 *
 * @returns the text as Atlas meant it, or undefined when it is not a certificate with its key
 */
export function readPemAnswer(body: SensitiveText): SensitiveText | undefined {
  const text = unquote(body.reveal());
  const complete = text !== undefined && holdsBlock(text, "CERTIFICATE") && holdsBlock(text, "PRIVATE KEY");
  return complete ? new SensitiveText(text) : undefined;
}

/** Whether an answer that was cut, or did not end, holds a certificate and the key that belongs to it nevertheless. */
export function holdsKeyPair(body: SensitiveText): boolean {
  const pem = readPemAnswer(body);
  return pem !== undefined && readPemBundle(pem).ok;
}

/** The closing quote may have been cut off, and there may be more behind it. */
function unquote(text: string): string | undefined {
  const start = text.search(/\S/);
  if (text[start] !== '"') return text;
  let end = start + 1;
  while (end < text.length && text[end] !== '"') end += text[end] === "\\" ? 2 : 1;
  // Half an escape sequence is left out.
  const value = parseExactJson(`${text.slice(start, end > text.length ? -1 : end)}"`);
  return typeof value === "string" ? value : undefined;
}

/** RFC 7468: a private key's label may say more in front, such as `RSA PRIVATE KEY`. */
function holdsBlock(text: string, label: string): boolean {
  const begin = new RegExp(`-----BEGIN ((?:[A-Z0-9]{1,20} ){0,2}${label})-----\\r?\\n`).exec(text);
  return begin !== null && text.indexOf(`-----END ${begin[1]}-----`, begin.index) !== -1;
}

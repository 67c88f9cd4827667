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

function unquote(text: string): string | undefined {
  if (!text.trimStart().startsWith('"')) return text;
  const value = parseExactJson(text);
  return typeof value === "string" ? value : undefined;
}

/** RFC 7468: a private key's label may say more in front, such as `RSA PRIVATE KEY`. */
function holdsBlock(text: string, label: string): boolean {
  const begin = new RegExp(`-----BEGIN ((?:[A-Z0-9]{1,20} ){0,2}${label})-----\\r?\\n`).exec(text);
  return begin !== null && text.indexOf(`-----END ${begin[1]}-----`, begin.index) !== -1;
}

import type { X509Certificate } from "node:crypto";

/** One attribute of a distinguished name: type in capitals (`CN`, `OU`), value unescaped. */
export interface NameAttribute {
  readonly type: string;
  readonly value: string;
}

/** Names of one attribute type that differ between RFC 2253, RFC 4514 and OpenSSL. */
const ALIASES: Readonly<Record<string, string>> = {
  COMMONNAME: "CN",
  ORGANIZATIONALUNITNAME: "OU",
  ORGANIZATIONNAME: "O",
  LOCALITYNAME: "L",
  STATEORPROVINCENAME: "ST",
  S: "ST",
  COUNTRYNAME: "C",
  EMAILADDRESS: "E",
  EMAIL: "E",
  USERID: "UID",
};

/**
 * Parses a distinguished name in the form of RFC 2253 and RFC 4514 (`CN=reports,OU=analytics`), with escapes, quoted
 * values and multi-valued parts. Undefined where the text is none: a plain user name, say.
 */
export function parseDistinguishedName(text: string): readonly NameAttribute[] | undefined {
  const attributes: NameAttribute[] = [];
  for (const part of splitUnescaped(text)) {
    const equals = part.indexOf("=");
    if (equals === -1) return undefined;
    const type = part.slice(0, equals).trim();
    if (!/^(?:[A-Za-z][-A-Za-z0-9]*|(?:OID\.)?\d+(?:\.\d+)+)$/i.test(type)) return undefined;
    attributes.push({ type: canonicalType(type), value: unescapeValue(part.slice(equals + 1)) });
  }
  return attributes;
}

/** The subject of a certificate, attribute by attribute. */
export function subjectAttributes(certificate: X509Certificate): readonly NameAttribute[] {
  // Node writes one part in each line, escaped as in RFC 2253: a line break within a value is `\0A`. An empty subject is
  // undefined, whatever its type says. toLegacyObject() computes everything else as well, and takes ten times as long.
  const lines: string | undefined = certificate.subject;
  const attributes = parseDistinguishedName(lines?.replaceAll("\n", ",") ?? "") ?? [];
  // Kept for each Secret: a copy has the exact length, while an array that grew has spare room.
  return attributes.slice();
}

/**
 * Whether a certificate's subject is this database user: for a plain name it has exactly one CN, and that is the name;
 * for a distinguished name it has the same attributes, each as often, in any order.
 */
export function subjectIsUser(subject: readonly NameAttribute[], username: string): boolean {
  const commonNames = subject.filter(({ type }) => type === "CN");
  // A plain name may happen to look like a distinguished one (`a=b`): both readings count.
  if (commonNames.length === 1 && commonNames[0]?.value === username) return true;
  const wanted = parseDistinguishedName(username);
  return wanted !== undefined && sortedText(wanted) === sortedText(subject);
}

function sortedText(attributes: readonly NameAttribute[]): string {
  return JSON.stringify(attributes.map(({ type, value }) => [type, value].join("=")).toSorted());
}

/** A subject for people, in the form of RFC 4514. */
export function describeSubject(subject: readonly NameAttribute[]): string {
  return subject.map(({ type, value }) => `${type}=${value.replaceAll(/^[ #]|[,+"\\<>;=]| $/g, "\\$&")}`).join(",");
}

function canonicalType(type: string): string {
  const capitals = type.toUpperCase().replace(/^OID\./, "");
  return ALIASES[capitals] ?? capitals;
}

/** Splits at commas, semicolons and plus signs that are neither escaped nor quoted. */
function splitUnescaped(text: string): readonly string[] {
  const parts: string[] = [];
  let part = "";
  let quoted = false;
  for (let index = 0; index < text.length; index++) {
    const character = text[index] ?? "";
    if (character === "\\") {
      part += character + (text[++index] ?? "");
    } else if (character === '"') {
      quoted = !quoted;
      part += character;
    } else if (!quoted && (character === "," || character === ";" || character === "+")) {
      parts.push(part);
      part = "";
    } else {
      part += character;
    }
  }
  parts.push(part);
  return parts;
}

/** Removes white space around, quotes and backslash escapes; hexadecimal pairs are UTF-8 bytes. */
function unescapeValue(raw: string): string {
  const trimmed = trimUnescaped(raw);
  const quoted = trimmed.length >= 2 && trimmed.startsWith('"') && trimmed.endsWith('"');
  const text = quoted ? trimmed.slice(1, -1) : trimmed;
  return text.replaceAll(/(?:\\[0-9A-Fa-f]{2})+|\\(.)/g, (escaped, single: string | undefined) =>
    single === undefined ? Buffer.from(escaped.replaceAll("\\", ""), "hex").toString("utf8") : single,
  );
}

/** A blank at the end that is escaped belongs to the value; one after an escaped backslash does not. */
function trimUnescaped(raw: string): string {
  const started = raw.trimStart();
  const trimmed = started.trimEnd();
  let backslashes = 0;
  while (trimmed.at(-1 - backslashes) === "\\") backslashes++;
  return backslashes % 2 === 0 ? trimmed : started.slice(0, trimmed.length + 1);
}

/** One attribute of a name: its short type in capitals as RFC 2253 writes it, and the value without escapes. */
interface NameAttribute {
  readonly type: string;
  readonly value: string;
}

/**
 * A distinguished name in the order of RFC 2253 text, the most specific part first, each part one attribute or several
 * (joined by `+`). In a certificate the parts stand the other way round.
 */
export type DistinguishedName = readonly (readonly NameAttribute[])[];

/** The attribute types that Atlas takes in the name of a database user, and their object identifiers. */
export const ATTRIBUTE_OIDS: Readonly<Record<string, string>> = {
  CN: "2.5.4.3",
  SN: "2.5.4.4",
  SERIALNUMBER: "2.5.4.5",
  C: "2.5.4.6",
  L: "2.5.4.7",
  ST: "2.5.4.8",
  STREET: "2.5.4.9",
  O: "2.5.4.10",
  OU: "2.5.4.11",
  T: "2.5.4.12",
  GIVENNAME: "2.5.4.42",
  DC: "0.9.2342.19200300.100.1.25",
  UID: "0.9.2342.19200300.100.1.1",
  EMAILADDRESS: "1.2.840.113549.1.9.1",
};

/**
 * The subject that Atlas gives the certificate of a database user: the user's own distinguished name, or `CN=<name>`
 * for a plain one. A text with an `=` that is no distinguished name is a plain name.
 */
export function subjectOfUser(username: string): DistinguishedName {
  return parseDistinguishedName(username) ?? [[{ type: "CN", value: username }]];
}

/** Writes a name as RFC 2253 does: `CN=reports,OU=analytics`, special characters behind a backslash. */
export function formatDistinguishedName(name: DistinguishedName): string {
  return name.map((part) => part.map(({ type, value }) => `${type}=${escapeValue(value)}`).join("+")).join(",");
}

/** Reads a name in the text form of RFC 2253. Undefined for anything that is none. */
export function parseDistinguishedName(text: string): DistinguishedName | undefined {
  const parts: NameAttribute[][] = [[]];
  let position = 0;
  for (;;) {
    const type = matchAt(/\s*([A-Za-z]+)\s*=\s*/y, text, position);
    if (type === undefined || !(type.captured.toUpperCase() in ATTRIBUTE_OIDS)) return undefined;
    const value = readValue(text, type.end);
    if (value === undefined || value.text === "") return undefined;
    parts.at(-1)?.push({ type: type.captured.toUpperCase(), value: value.text });
    if (value.end === text.length) return parts;
    if (text[value.end] === ",") parts.push([]);
    position = value.end + 1;
  }
}

interface ReadText {
  readonly text: string;
  /** Where the text ends: at a separator or at the end of the whole. */
  readonly end: number;
}

/** Reads one value up to the next bare `,` or `+`; undefined where an escape or a quotation is broken. */
function readValue(text: string, start: number): ReadText | undefined {
  const bytes: number[] = [];
  // Spaces before a separator are not part of the value unless they are escaped.
  let significant = 0;
  let quoted = false;
  let position = start;
  while (position < text.length) {
    const character = String.fromCodePoint(text.codePointAt(position) ?? 0);
    if (!quoted && (character === "," || character === "+")) break;
    position += character.length;
    if (character === '"') {
      quoted = !quoted;
      significant = bytes.length;
      continue;
    }
    if (character === "\\") {
      const hex = matchAt(/([0-9A-Fa-f]{2})/y, text, position);
      const escaped = hex?.captured ?? text[position];
      if (escaped === undefined) return undefined;
      bytes.push(...(hex === undefined ? Buffer.from(escaped) : [Number.parseInt(escaped, 16)]));
      position += escaped.length;
      significant = bytes.length;
      continue;
    }
    bytes.push(...Buffer.from(character));
    if (quoted || character !== " ") significant = bytes.length;
  }
  if (quoted) return undefined;
  return { text: Buffer.from(bytes.slice(0, significant)).toString("utf8"), end: position };
}

function matchAt(sticky: RegExp, text: string, position: number): { captured: string; end: number } | undefined {
  sticky.lastIndex = position;
  const captured = sticky.exec(text)?.[1];
  return captured === undefined ? undefined : { captured, end: sticky.lastIndex };
}

function escapeValue(value: string): string {
  return value.replaceAll(/[,+"\\<>;]|^[ #]| $/g, "\\$&");
}

import { readFile } from "node:fs/promises";

/** Long enough that chance finds none, short enough to stand in one line of PEM. */
const NEEDLE_LENGTH = 32;
/**
 * Where the secret part begins in the base64 of a PKCS #8 P-256 key: what comes before is the same in all of them, and
 * behind 91 comes the public key.
 */
const SECRET_FROM = 50;

/** The strings of a V8 heap snapshot: every string that was alive, whole where V8 was told not to cut them. */
export async function readHeapStrings(file: string): Promise<readonly string[]> {
  const snapshot = await readFile(file);
  // The nodes and edges before it are a hundred times as many bytes and hold no text.
  const start = snapshot.lastIndexOf('\n"strings":[');
  if (start === -1) throw new Error(`${file} is no whole heap snapshot`);
  const tail = snapshot.toString("utf8", start).trimStart();
  const { strings }: { strings: string[] } = JSON.parse(`{${tail}`);
  return strings;
}

/**
 * Pieces of a private key by which it is found: in PEM, in PEM without its line ends, and in the base64 that a Secret's
 * data has, of the key alone and of what it is a part of.
 *
 * @param secretData of a Secret of the operator's, in base64 as the API server sends it
 */
export function needlesOf(secretData: Readonly<Record<string, string>>): readonly string[] {
  const pem = Buffer.from(secretData["tls.key"] ?? "", "base64").toString("utf8");
  const lines = pem.split("\n").filter((line) => line !== "" && !line.startsWith("-----"));
  const body = lines.join("");
  const firstLine = lines[0] ?? "";
  const needles = [
    firstLine.slice(firstLine.length - NEEDLE_LENGTH),
    body.slice(SECRET_FROM, SECRET_FROM + NEEDLE_LENGTH),
    ...Object.values(secretData).flatMap((value) => inBase64(value, firstLine)),
  ];
  if (needles.some((needle) => needle.length !== NEEDLE_LENGTH)) throw new Error("this is no P-256 key in PKCS #8");
  return needles;
}

/** The piece of a base64 value in which this line of its text stands, without the characters that depend on others. */
function inBase64(value: string, line: string): readonly string[] {
  const offset = Buffer.from(value, "base64").indexOf(line);
  if (offset === -1) return [];
  const end = Math.floor(((offset + line.length) * 4) / 3) - 2;
  return [value.slice(end - NEEDLE_LENGTH, end)];
}

/** The needles that stand in one of the strings. */
export function findIn(strings: readonly string[], needles: Iterable<string>): readonly string[] {
  // Most strings are names in the code: only what has a run of base64 can hold a needle.
  const run = new RegExp(`[A-Za-z0-9+/=]{${NEEDLE_LENGTH}}`);
  const haystack = strings.filter((text) => run.test(text)).join("\u0000");
  return [...needles].filter((needle) => haystack.includes(needle));
}

import { createHash } from "node:crypto";

/*
 * HTTP Digest Access Authentication, RFC 7616, as far as Atlas uses it: qop=auth with MD5 or SHA-256, and the older form
 * without qop. `auth-int` and the `-sess` algorithms are not spoken; a server that insists on them gets a clear error.
 */

export interface DigestChallenge {
  readonly realm: string;
  readonly nonce: string;
  readonly opaque: string | undefined;
  readonly algorithm: "MD5" | "SHA-256";
  /** Whether the server named the algorithm; only then is it repeated. */
  readonly algorithmNamed: boolean;
  /** `auth`, or undefined for a server of the time before RFC 2617. */
  readonly qop: "auth" | undefined;
  /** The credentials were right and only the nonce was too old. */
  readonly stale: boolean;
}

/**
 * Finds the best Digest challenge in the values of `WWW-Authenticate`: SHA-256 before MD5. Other schemes, other
 * algorithms and anything malformed are passed over.
 */
export function chooseDigestChallenge(headers: readonly string[]): DigestChallenge | undefined {
  const challenges = headers.flatMap(parseChallenges).map(toDigestChallenge);
  const usable = challenges.filter((challenge) => challenge !== undefined);
  return usable.find((challenge) => challenge.algorithm === "SHA-256") ?? usable[0];
}

interface DigestRequest {
  readonly username: string;
  readonly password: string;
  readonly method: string;
  /** Path and query exactly as in the request line. */
  readonly uri: string;
  /** A value that this client never used before. */
  readonly cnonce: string;
  /** How many requests this client sent with the challenge's nonce, this one included. */
  readonly nonceCount: number;
}

/** The value of the `Authorization` header that answers the challenge (RFC 7616, sections 3.4 and 3.5). */
export function digestAuthorization(challenge: DigestChallenge, request: DigestRequest): string {
  const hash = (text: string): string =>
    createHash(challenge.algorithm === "MD5" ? "md5" : "sha256")
      .update(text, "utf8")
      .digest("hex");
  const nonceCount = request.nonceCount.toString(16).padStart(8, "0");
  const secret = hash(`${request.username}:${challenge.realm}:${request.password}`);
  const message = hash(`${request.method}:${request.uri}`);
  const response =
    challenge.qop === undefined
      ? hash(`${secret}:${challenge.nonce}:${message}`)
      : hash(`${secret}:${challenge.nonce}:${nonceCount}:${request.cnonce}:${challenge.qop}:${message}`);

  const parameters = [
    `username=${quote(request.username)}`,
    `realm=${quote(challenge.realm)}`,
    `nonce=${quote(challenge.nonce)}`,
    `uri=${quote(request.uri)}`,
    // Section 3.4: algorithm, qop and nc stand without quotes; some servers insist.
    ...(challenge.algorithmNamed ? [`algorithm=${challenge.algorithm}`] : []),
    ...(challenge.qop === undefined ? [] : [`qop=auth`, `nc=${nonceCount}`, `cnonce=${quote(request.cnonce)}`]),
    `response="${response}"`,
    ...(challenge.opaque === undefined ? [] : [`opaque=${quote(challenge.opaque)}`]),
  ];
  return `Digest ${parameters.join(", ")}`;
}

function toDigestChallenge(challenge: Challenge): DigestChallenge | undefined {
  if (challenge.scheme.toLowerCase() !== "digest") return undefined;
  const { parameters } = challenge;
  const realm = parameters.get("realm");
  const nonce = parameters.get("nonce");
  if (realm === undefined || nonce === undefined || nonce === "") return undefined;
  const algorithm = (parameters.get("algorithm") ?? "MD5").toUpperCase();
  if (algorithm !== "MD5" && algorithm !== "SHA-256") return undefined;
  const offered = parameters.get("qop")?.toLowerCase();
  if (offered !== undefined && !offered.split(",").some((qop) => qop.trim() === "auth")) return undefined;
  return {
    realm,
    nonce,
    opaque: parameters.get("opaque"),
    algorithm,
    algorithmNamed: parameters.has("algorithm"),
    qop: offered === undefined ? undefined : "auth",
    stale: parameters.get("stale")?.toLowerCase() === "true",
  };
}

interface Challenge {
  readonly scheme: string;
  /** By lower-case name; the first of a repeated name counts. */
  readonly parameters: Map<string, string>;
}

/** RFC 9110, sections 5.6.2 and 5.6.4. Sticky, so that a header of any length is read once from front to back. */
const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"/sy;
const EQUALS = /[ \t]*=[ \t]*/y;
const SEPARATORS = /[ \t,]+/y;

/**
 * Takes a `WWW-Authenticate` value apart: several challenges may stand in one value, and both challenges and parameters
 * are separated by commas, so a name is a parameter when `=` follows and a scheme when not. Stops at what it can't read.
 */
function parseChallenges(header: string): readonly Challenge[] {
  const challenges: Challenge[] = [];
  let position = 0;
  const read = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = position;
    const match = pattern.exec(header);
    if (match !== null) position = pattern.lastIndex;
    return match ?? undefined;
  };
  while (position < header.length) {
    read(SEPARATORS);
    const name = read(TOKEN)?.[0];
    if (name === undefined) break;
    if (read(EQUALS) === undefined) {
      challenges.push({ scheme: name, parameters: new Map() });
      continue;
    }
    const value = read(QUOTED)?.[1]?.replace(/\\(.)/gs, "$1") ?? read(TOKEN)?.[0];
    const parameters = challenges.at(-1)?.parameters;
    if (value === undefined || parameters === undefined) break;
    const key = name.toLowerCase();
    if (!parameters.has(key)) parameters.set(key, value);
  }
  return challenges;
}

function quote(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

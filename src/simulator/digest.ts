import { createHash, randomBytes } from "node:crypto";
import type { Clock } from "../clock.ts";

/** The hashes of RFC 7616 that clients of Atlas know. */
export const DIGEST_ALGORITHMS = ["MD5", "SHA-256"] as const;
/** A hash of HTTP Digest. */
export type DigestAlgorithm = (typeof DIGEST_ALGORITHMS)[number];

export interface DigestOptions {
  readonly algorithm: DigestAlgorithm;
  /** How long a nonce is good, in milliseconds. */
  readonly nonceLifetimeMs: number;
}

/** A request as far as Digest looks at it. */
interface DigestRequest {
  readonly method: string;
  /** The request target, byte for byte: `uri` must be the same text. */
  readonly target: string;
  /** The value of `Authorization` after the word `Digest`. */
  readonly parameters: string;
}

type DigestVerdict =
  | { readonly kind: "verified"; readonly username: string }
  | { readonly kind: "refused"; readonly challenge: string };

/** The realm of the real API. */
const REALM = "MMS Public API";

interface Nonce {
  readonly expiresAtMs: number;
  readonly usedCounts: Set<number>;
}

/** The server's side of HTTP Digest (RFC 7616) with qop=auth: replaying an earlier request does not pass. */
export class DigestVerifier {
  readonly #options: DigestOptions;
  readonly #clock: Clock;
  readonly #passwordOf: (username: string) => string | undefined;
  #nonces = new Map<string, Nonce>();

  /** @param passwordOf the password of a user name; undefined for a name that does not exist */
  constructor(options: DigestOptions, clock: Clock, passwordOf: (username: string) => string | undefined) {
    this.#options = options;
    this.#clock = clock;
    this.#passwordOf = passwordOf;
  }

  /**
   * A challenge with a new nonce, for `WWW-Authenticate`.
   *
   * @param stale the client knew the password and only needs this new nonce
   */
  challenge(stale: boolean): string {
    const now = this.#clock.now();
    for (const [nonce, { expiresAtMs }] of this.#nonces) if (expiresAtMs <= now) this.#nonces.delete(nonce);
    const nonce = randomBytes(24).toString("base64");
    this.#nonces.set(nonce, { expiresAtMs: now + this.#options.nonceLifetimeMs, usedCounts: new Set() });
    // In this order and with these separators: the official SDK splits at comma and space, and knows no other field.
    return [
      `Digest realm="${REALM}"`,
      'domain=""',
      `nonce="${nonce}"`,
      `algorithm=${this.#options.algorithm}`,
      'qop="auth"',
      `stale=${stale}`,
    ].join(", ");
  }

  /** Checks an answer to a challenge. Each pair of nonce and count passes once. */
  verify(request: DigestRequest): DigestVerdict {
    const refused = (stale: boolean): DigestVerdict => ({ kind: "refused", challenge: this.challenge(stale) });
    const fields = parseParameters(request.parameters);
    if (fields === undefined) return refused(false);
    const { username, realm, nonce, uri, response, qop, nc, cnonce, algorithm = "MD5" } = fields;
    const password = this.#passwordOf(username ?? "");
    const wellFormed =
      realm === REALM &&
      uri === request.target &&
      qop === "auth" &&
      cnonce !== undefined &&
      cnonce !== "" &&
      /^[0-9a-f]{8}$/i.test(nc ?? "") &&
      algorithm.toUpperCase() === this.#options.algorithm;
    if (username === undefined || password === undefined || !wellFormed) return refused(false);

    const secret = this.#hash(`${username}:${realm}:${password}`);
    const requested = this.#hash(`${request.method}:${uri}`);
    const expected = this.#hash([secret, nonce, nc, cnonce, qop, requested].join(":"));
    if (response?.toLowerCase() !== expected) return refused(false);

    const known = this.#nonces.get(nonce ?? "");
    // A client that gets this far knows the password, so only a new nonce is missing (RFC 7616, 3.3).
    if (known === undefined || known.expiresAtMs <= this.#clock.now()) return refused(true);
    const count = Number.parseInt(nc ?? "", 16);
    // A count that was there before is a replay. Higher and lower ones pass: requests overtake one another.
    if (count === 0 || known.usedCounts.has(count)) return refused(false);
    known.usedCounts.add(count);
    return { kind: "verified", username };
  }

  /** Makes every nonce stale at once. */
  expireNonces(): void {
    this.#nonces = new Map();
  }

  #hash(text: string): string {
    const name = this.#options.algorithm === "MD5" ? "md5" : "sha256";
    return createHash(name).update(text, "utf8").digest("hex");
  }
}

/** Reads `key=token, key="quoted text"`; undefined where that is not what it is, or where a key is there twice. */
function parseParameters(text: string): Readonly<Partial<Record<string, string>>> | undefined {
  const fields = new Map<string, string>();
  const field = /\s*([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))\s*(,|$)/y;
  let position = 0;
  while (position < text.length) {
    field.lastIndex = position;
    const match = field.exec(text);
    const key = match?.[1]?.toLowerCase();
    if (match === null || key === undefined || fields.has(key)) return undefined;
    fields.set(key, match[2]?.replaceAll(/\\(.)/g, "$1") ?? match[3] ?? "");
    position = field.lastIndex;
  }
  return Object.fromEntries(fields);
}

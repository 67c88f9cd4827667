import { randomBytes } from "node:crypto";
import type { Clock } from "../clock.ts";
import { untilAborted } from "../deadline.ts";
import type { SensitiveText } from "../sensitive-text.ts";
import type { Authenticator, RequestLine } from "./authenticator.ts";
import { chooseDigestChallenge, type DigestChallenge, digestAuthorization } from "./digest.ts";
import type { ErrorContext } from "./error-context.ts";
import { errorFromAnswer, errorFromContent, errorFromFailure } from "./errors.ts";
import type { AtlasAnswer } from "./exchange-handler.ts";
import { ATLAS_MEDIA_TYPE } from "./media-type.ts";
import { repeat } from "./repeat.ts";
import type { AtlasTransport } from "./transport.ts";

export interface DigestAuthenticatorOptions {
  readonly publicApiKey: string;
  readonly privateApiKey: SensitiveText;
  /** Who this is, for messages. */
  readonly caller: string;
  readonly transport: AtlasTransport;
  readonly clock: Clock;
  readonly random: () => number;
  /** @default 16 random bytes in hexadecimal */
  readonly cnonce?: () => string;
}

interface NonceInUse {
  readonly challenge: DigestChallenge;
  count: number;
}

/**
 * Authenticates with an API key pair over HTTP Digest (RFC 7616).
 *
 * The challenge is fetched with a GET of its own, once for any number of waiting requests, so that a request that
 * changes something is sent only with its authorization, and its body goes out once.
 */
export class DigestAuthenticator implements Authenticator {
  readonly #options: DigestAuthenticatorOptions;
  #nonce: NonceInUse | undefined;
  #fetching: Promise<NonceInUse> | undefined;

  constructor(options: DigestAuthenticatorOptions) {
    this.#options = options;
  }

  async authorize(request: RequestLine, signal: AbortSignal): Promise<string> {
    const nonce = this.#nonce ?? (await untilAborted(this.#fetch(request.readPath ?? request.path), signal));
    nonce.count += 1;
    return digestAuthorization(nonce.challenge, {
      username: this.#options.publicApiKey,
      password: this.#options.privateApiKey.reveal(),
      method: request.method,
      uri: request.path,
      cnonce: this.#options.cnonce?.() ?? randomBytes(16).toString("hex"),
      nonceCount: nonce.count,
    });
  }

  refused(authorization: string, answer: AtlasAnswer): boolean {
    const used = this.#nonce;
    // Another request learned of a newer nonce meanwhile: this one was refused with the old one.
    if (used !== undefined && !authorization.includes(`nonce="${used.challenge.nonce}"`)) return true;
    const challenge = chooseDigestChallenge(answer.headers.get("www-authenticate") ?? []);
    // A nonce that comes a second time goes on counting: a count used twice is taken for a replay.
    const count = challenge?.nonce === used?.challenge.nonce ? (used?.count ?? 0) : 0;
    this.#nonce = challenge === undefined ? undefined : { challenge, count };
    // The first use of a fresh nonce is refused only for wrong keys. Later the nonce itself may have run out, which not
    // every server says with stale=true.
    return challenge?.stale === true || (used !== undefined && used.count > 1);
  }

  #fetch(path: string): Promise<NonceInUse> {
    this.#fetching ??= this.#fetchChallenge(path)
      .then((challenge) => {
        this.#nonce = { challenge, count: 0 };
        return this.#nonce;
      })
      .finally(() => {
        this.#fetching = undefined;
      });
    return this.#fetching;
  }

  #fetchChallenge(path: string): Promise<DigestChallenge> {
    const { caller, transport, clock, random } = this.#options;
    const context: ErrorContext = { operation: "authenticate", caller };
    return repeat({ clock, random, signal: undefined }, async () => {
      const headers = { Accept: ATLAS_MEDIA_TYPE };
      const answer = await transport.exchange({ method: "GET", path, headers }).catch((failure) => {
        throw errorFromFailure(failure, context);
      });
      if (answer.status >= 200 && answer.status < 300) {
        throw errorFromContent(answer, "to a request without credentials", context);
      }
      if (answer.status !== 401) throw errorFromAnswer(answer, context, clock);
      const challenge = chooseDigestChallenge(answer.headers.get("www-authenticate") ?? []);
      if (challenge !== undefined) return challenge;
      throw errorFromContent(answer, "without an HTTP Digest challenge for MD5 or SHA-256 with qop=auth", context);
    });
  }
}

import { randomBytes } from "node:crypto";
import type { SensitiveText } from "../../sensitive-text.ts";
import { conceal } from "../errors/conceal.ts";
import type { ErrorContext } from "../errors/error-context.ts";
import { errorFromAnswer, errorFromContent, errorFromFailure } from "../errors/make-error.ts";
import { ATLAS_MEDIA_TYPE } from "../media-type.ts";
import { type AtlasAnswer, isSuccess } from "../transport/exchange-handler.ts";
import type { AtlasTransport } from "../transport/transport.ts";
import type { Authenticator, RequestLine } from "./authenticator.ts";
import { chooseDigestChallenge, type DigestChallenge, digestAuthorization } from "./digest.ts";
import { SharedFetch, type SharedFetchOptions } from "./shared-fetch.ts";

export interface DigestAuthenticatorOptions extends SharedFetchOptions {
  readonly publicApiKey: string;
  readonly privateApiKey: SensitiveText;
  /** Name of the caller, for messages. */
  readonly caller: string;
  readonly transport: AtlasTransport;
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
  readonly #context: ErrorContext;
  readonly #fetch: SharedFetch<NonceInUse>;
  /** Where to ask for a challenge: the path of the newest request. */
  #path = "";
  #nonce: NonceInUse | undefined;

  constructor(options: DigestAuthenticatorOptions) {
    this.#options = options;
    this.#context = { operation: "authenticate", caller: options.caller, conceal: (text) => this.conceal(text) };
    this.#fetch = new SharedFetch(options, this.#context, () => this.#fetchNonce());
  }

  async authorize(request: RequestLine, signal: AbortSignal): Promise<string> {
    this.#path = request.readPath ?? request.path;
    const nonce = this.#nonce ?? (await this.#fetch.get(signal));
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

  conceal(text: string): string {
    return conceal(text, [this.#options.privateApiKey]);
  }

  async #fetchNonce(): Promise<NonceInUse> {
    const { transport, clock } = this.#options;
    const headers = { Accept: ATLAS_MEDIA_TYPE };
    const answer = await transport.exchange({ method: "GET", path: this.#path, headers }).catch((failure) => {
      throw errorFromFailure(failure, this.#context);
    });
    if (isSuccess(answer)) throw errorFromContent(answer, "to a request without credentials", this.#context);
    if (answer.status !== 401) throw errorFromAnswer(answer, this.#context, clock);
    const challenge = chooseDigestChallenge(answer.headers.get("www-authenticate") ?? []);
    if (challenge === undefined) {
      const shape = "without an HTTP Digest challenge for MD5 or SHA-256 with qop=auth";
      throw errorFromContent(answer, shape, this.#context);
    }
    this.#nonce = { challenge, count: 0 };
    return this.#nonce;
  }
}

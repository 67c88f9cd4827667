import * as z from "zod";
import { SensitiveText } from "../../sensitive-text.ts";
import { conceal } from "../errors/conceal.ts";
import type { ErrorContext } from "../errors/error-context.ts";
import { errorFromAnswer, errorFromContent, errorFromFailure } from "../errors/make-error.ts";
import { parseExactJson } from "../exact-json.ts";
import { ACCESS_TOKEN_PATH } from "../request-paths.ts";
import { type AtlasAnswer, isSuccess } from "../transport/exchange-handler.ts";
import type { AtlasTransport } from "../transport/transport.ts";
import type { Authenticator, RequestLine } from "./authenticator.ts";
import { SharedFetch, type SharedFetchOptions } from "./shared-fetch.ts";

export interface ServiceAccountAuthenticatorOptions extends SharedFetchOptions {
  readonly clientId: string;
  readonly clientSecret: SensitiveText;
  /** Name of the caller, for messages. */
  readonly caller: string;
  readonly transport: AtlasTransport;
}

interface AccessToken {
  readonly text: SensitiveText;
  /** When to get the next one, by both clocks: the monotonic one stands still while a machine sleeps. */
  readonly renewAtMonotonicMs: number;
  readonly renewAtWallMs: number;
}

/** RFC 6749, section 5.1. Atlas' tokens last an hour; without `expires_in` that is assumed. */
const accessTokenAnswer = z.object({
  access_token: z.string().regex(/^[\x21-\x7e]+$/),
  token_type: z
    .string()
    .regex(/^bearer$/i)
    .default("Bearer"),
  expires_in: z.number().positive().default(3600),
});

/** A token is renewed this long before it expires, or at nine tenths of a shorter life. */
const LONGEST_MARGIN_MS = 5 * 60 * 1000;

/**
 * Authenticates as a service account: OAuth 2.0 client credentials (RFC 6749, section 4.4). One token serves any number
 * of calls; however many wait, it is fetched once. It is held in memory only.
 */
export class ServiceAccountAuthenticator implements Authenticator {
  readonly #options: ServiceAccountAuthenticatorOptions;
  readonly #context: ErrorContext;
  readonly #fetch: SharedFetch<AccessToken>;
  #token: AccessToken | undefined;

  constructor(options: ServiceAccountAuthenticatorOptions) {
    this.#options = options;
    this.#context = { operation: "authenticate", caller: options.caller, conceal: (text) => this.conceal(text) };
    this.#fetch = new SharedFetch(options, this.#context, () => this.#requestToken());
  }

  async authorize(_request: RequestLine, signal: AbortSignal): Promise<string> {
    const { clock } = this.#options;
    const token = this.#token;
    const good =
      token !== undefined && clock.monotonic() < token.renewAtMonotonicMs && clock.now() < token.renewAtWallMs;
    return authorizationWith(good ? token : await this.#fetch.get(signal));
  }

  refused(authorization: string, _answer: AtlasAnswer): boolean {
    // Unless another call has brought a newer token already.
    if (this.#token !== undefined && authorizationWith(this.#token) === authorization) this.#token = undefined;
    return true;
  }

  conceal(text: string): string {
    return conceal(text, [this.#options.clientSecret, ...(this.#token === undefined ? [] : [this.#token.text])]);
  }

  async #requestToken(): Promise<AccessToken> {
    const { clientId, clientSecret, transport, clock } = this.#options;
    // RFC 6749, section 2.3.1: both parts are form-encoded before they are joined.
    const pair = `${formEncode(clientId)}:${formEncode(clientSecret.reveal())}`;
    const answer = await transport
      .exchange({
        method: "POST",
        path: ACCESS_TOKEN_PATH,
        headers: {
          Accept: "application/json",
          Authorization: `Basic ${Buffer.from(pair, "utf8").toString("base64")}`,
          "Content-Type": "application/x-www-form-urlencoded",
        },
        body: "grant_type=client_credentials",
      })
      .catch((failure) => {
        throw errorFromFailure(failure, this.#context);
      });
    if (!isSuccess(answer)) throw errorFromAnswer(answer, this.#context, clock);
    this.#token = this.#read(answer);
    return this.#token;
  }

  #read(answer: AtlasAnswer): AccessToken {
    const { clock } = this.#options;
    const parsed = accessTokenAnswer.safeParse(parseExactJson(answer.body.reveal()));
    if (!parsed.success) throw errorFromContent(answer, "without an access token", this.#context);
    const lifeMs = parsed.data.expires_in * 1000;
    const renewInMs = lifeMs - Math.min(LONGEST_MARGIN_MS, lifeMs / 10);
    return {
      text: new SensitiveText(parsed.data.access_token),
      renewAtMonotonicMs: clock.monotonic() + renewInMs,
      renewAtWallMs: clock.now() + renewInMs,
    };
  }
}

function authorizationWith(token: AccessToken): string {
  return `Bearer ${token.text.reveal()}`;
}

function formEncode(text: string): string {
  return new URLSearchParams({ v: text }).toString().slice("v=".length);
}

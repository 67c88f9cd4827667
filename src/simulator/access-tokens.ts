import { randomBytes } from "node:crypto";
import type { Clock } from "../clock.ts";
import type { Answer } from "./answers.ts";
import type { AtlasState } from "./state.ts";

/** How long an access token is good at Atlas. It can't be refreshed, only replaced. */
const TOKEN_LIFETIME_SECONDS = 3600;

interface Token {
  readonly credentialsId: string;
  readonly expiresAtMs: number;
}

/** The OAuth 2.0 side for service accounts: client credentials (RFC 6749, 4.4) in, bearer tokens (RFC 6750) out. */
export class AccessTokens {
  readonly #state: AtlasState;
  readonly #clock: Clock;
  #tokens = new Map<string, Token>();

  constructor(state: AtlasState, clock: Clock) {
    this.#state = state;
    this.#clock = clock;
  }

  /** Answers `POST /api/oauth/token`. */
  issue(request: TokenRequest): Answer {
    const credentialsId = this.client(request.authorization);
    if (credentialsId === undefined) return invalidClient();
    const form = parseForm(request);
    if (form === undefined) return oauthError(400, "invalid_request", "The body must be a form.");
    const grantType = form.get("grant_type");
    if (grantType === null) return oauthError(400, "invalid_request", "grant_type is missing.");
    if (grantType !== "client_credentials") {
      return oauthError(400, "unsupported_grant_type", "Only client_credentials is supported.");
    }
    this.#forgetExpired();
    const token = `simulator-token-${randomBytes(24).toString("base64url")}`;
    const expiresAtMs = this.#clock.now() + TOKEN_LIFETIME_SECONDS * 1000;
    this.#tokens.set(token, { credentialsId, expiresAtMs });
    const body = { access_token: token, expires_in: TOKEN_LIFETIME_SECONDS, token_type: "Bearer" };
    return oauthAnswer(200, body);
  }

  /** Answers `POST /api/oauth/revoke` (RFC 7009): 200 for any token, also an unknown one. */
  revoke(request: TokenRequest): Answer {
    const credentialsId = this.client(request.authorization);
    if (credentialsId === undefined) return invalidClient();
    const token = parseForm(request)?.get("token");
    if (token === null || token === undefined) return oauthError(400, "invalid_request", "token is missing.");
    if (this.#tokens.get(token)?.credentialsId === credentialsId) this.#tokens.delete(token);
    return oauthAnswer(200, {});
  }

  /** The id of the credentials that a bearer token stands for; undefined for an unknown or an expired one. */
  verify(token: string): string | undefined {
    const known = this.#tokens.get(token);
    if (known === undefined || known.expiresAtMs <= this.#clock.now()) return undefined;
    return known.credentialsId;
  }

  /** Makes every token worthless, or those of one service account. */
  expire(credentialsId?: string): void {
    for (const [token, known] of this.#tokens) {
      if (credentialsId === undefined || known.credentialsId === credentialsId) this.#tokens.delete(token);
    }
  }

  /** The id of the credentials that a request to the token endpoint shows; undefined where they are wrong. */
  client(authorization: string | undefined): string | undefined {
    const basic = parseBasic(authorization);
    if (basic === undefined) return undefined;
    const account = this.#state.credentialsByLogin("serviceAccount", basic.username);
    return account?.clientSecret === basic.password ? account.id : undefined;
  }

  #forgetExpired(): void {
    const now = this.#clock.now();
    for (const [token, { expiresAtMs }] of this.#tokens) if (expiresAtMs <= now) this.#tokens.delete(token);
  }
}

/** A request to the token endpoint. */
interface TokenRequest {
  readonly authorization: string | undefined;
  readonly contentType: string | undefined;
  readonly body: string;
}

function parseForm({ contentType, body }: TokenRequest): URLSearchParams | undefined {
  const type = (contentType ?? "").split(";")[0]?.trim().toLowerCase();
  return type === "application/x-www-form-urlencoded" ? new URLSearchParams(body) : undefined;
}

/**
 * HTTP Basic (RFC 7617) with both halves as they are. RFC 6749, 2.3.1 has them form-encoded, but the real API does not
 * decode: MongoDB's own Node.js client goes around its OAuth library, which writes `_` as `%5F`, for that.
 */
function parseBasic(authorization: string | undefined): { username: string; password: string } | undefined {
  const encoded = /^Basic ([A-Za-z0-9+/]+={0,2})$/i.exec(authorization ?? "")?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, "base64").toString("utf8");
  const colon = text.indexOf(":");
  return colon === -1 ? undefined : { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

function invalidClient(): Answer {
  const answer = oauthError(401, "invalid_client", "Client authentication failed.");
  return { ...answer, headers: { ...answer.headers, "www-authenticate": 'Basic realm="atlas"' } };
}

function oauthError(status: number, error: string, description: string): Answer {
  return oauthAnswer(status, { error, error_description: description });
}

function oauthAnswer(status: number, body: Readonly<Record<string, unknown>>): Answer {
  const headers = { "content-type": "application/json", "cache-control": "no-store" };
  return { status, headers, body: JSON.stringify(body) };
}

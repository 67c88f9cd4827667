import type { AccessTokens } from "./access-tokens.ts";
import { type Answer, errors } from "./answers.ts";
import type { DigestVerifier } from "./digest.ts";
import type { Credentials } from "./fixtures.ts";
import type { AtlasState } from "./state.ts";

type Authentication =
  | { readonly kind: "recognised"; readonly credentials: Credentials }
  | { readonly kind: "refused"; readonly answer: Answer };

/** Finds out who sends a request: the one place where both ways of authenticating come together. */
export class Authenticator {
  readonly #state: AtlasState;
  readonly #digest: DigestVerifier;
  readonly #tokens: AccessTokens;

  constructor(state: AtlasState, digest: DigestVerifier, tokens: AccessTokens) {
    this.#state = state;
    this.#digest = digest;
    this.#tokens = tokens;
  }

  /** @param target the request target, byte for byte */
  authenticate(method: string, target: string, authorization: string | undefined): Authentication {
    const [, scheme = "", rest = ""] = /^(\S+)\s+(.*)$/s.exec(authorization ?? "") ?? [];
    switch (scheme.toLowerCase()) {
      case "digest": {
        const verdict = this.#digest.verify({ method, target, parameters: rest });
        return verdict.kind === "verified"
          ? this.#recognised(this.#state.credentialsByLogin("apiKey", verdict.username)?.id)
          : refused(verdict.challenge);
      }
      case "bearer":
        return this.#recognised(this.#tokens.verify(rest.trim()));
      default:
        return refused(this.#digest.challenge(false));
    }
  }

  #recognised(credentialsId: string | undefined): Authentication {
    if (credentialsId === undefined) return refused('Bearer realm="atlas", error="invalid_token"');
    return { kind: "recognised", credentials: this.#state.credentialsById(credentialsId) };
  }
}

function refused(challenge: string): Authentication {
  return { kind: "refused", answer: errors.unauthenticated(challenge) };
}

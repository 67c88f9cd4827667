import type { AtlasAnswer } from "../transport/exchange-handler.ts";
import type { AtlasRequest } from "../transport/transport.ts";

/** The part of a request that its authentication depends on. */
export interface RequestLine extends Pick<AtlasRequest, "method" | "path"> {
  /** Something nearby that can be read with GET, when `path` itself can't. */
  readonly readPath?: string;
}

/** One of the two ways to prove who is calling. Keeps its state (a token, a nonce) in memory only. */
export interface Authenticator {
  /**
   * The value of the `Authorization` header for one sending of one request. May go to the network first; what it sends
   * for that changes nothing at Atlas.
   *
   * @throws AtlasError when Atlas does not accept the credentials or can't be asked; the request itself was not sent
   */
  authorize(request: RequestLine, signal: AbortSignal): Promise<string>;

  /**
   * Takes note that Atlas answered 401 to a request with this authorization.
   *
   * @returns true when the same request with a new authorization may succeed
   */
  refused(authorization: string, answer: AtlasAnswer): boolean;

  /** Takes out of a text from the network what this authenticator keeps secret. */
  conceal(text: string): string;
}

import type { Dispatcher } from "undici";
import packageJson from "../../../package.json" with { type: "json" };
import { type Clock, systemClock } from "../../clock.ts";
import { DeadlineReached, whenAborted, withDeadline } from "../../deadline.ts";
import type { SensitiveText } from "../../sensitive-text.ts";
import { DEFAULT_BASE_URL, parseBaseUrl } from "./base-url.ts";
import { openConnections, type ProxyEnvironment } from "./connections.ts";
import { type AtlasAnswer, ExchangeHandler } from "./exchange-handler.ts";
import { checkExtraCa } from "./extra-ca.ts";

/** Product and version, sent with every request. */
export const USER_AGENT = `${packageJson.name}/${packageJson.version}`;

/** Where Atlas is, whom to trust on the way there, and the limits of one exchange. */
export interface AtlasTransportOptions {
  /**
   * Scheme, host and port of the Atlas Administration API; https, or http to this machine.
   * @default "https://cloud.mongodb.com"
   */
  readonly baseUrl?: string | undefined;
  /** PEM certificates to trust beside the usual ones; `readExtraCaFile` reads them from a file. */
  readonly extraCa?: string | undefined;
  /** @default name and version of the package, such as "atlas-x509/1.0.0" */
  readonly userAgent?: string | undefined;
  /**
   * Where HTTPS_PROXY and NO_PROXY are read from.
   * @default process.env
   */
  readonly env?: ProxyEnvironment | undefined;
  /**
   * Milliseconds for a connection with its TLS session.
   * @default 10_000
   */
  readonly connectTimeoutMs?: number | undefined;
  /**
   * Milliseconds for one exchange: waiting for a free connection, connecting, sending, and the whole answer.
   * @default 30_000
   */
  readonly exchangeTimeoutMs?: number | undefined;
  /**
   * Bytes of an answer's body.
   * @default 1_048_576
   */
  readonly maxAnswerBytes?: number | undefined;
  /**
   * Connections at a time for requests that read, and as many for those that change something.
   * @default 16
   */
  readonly maxConnections?: number | undefined;
  readonly clock?: Clock | undefined;
}

export interface AtlasRequest {
  readonly method: "GET" | "POST" | "DELETE";
  /** Path and query, encoded. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called with the connection ready, before the first byte: what it throws keeps the request from being sent. */
  readonly beforeSending?: (() => void) | undefined;
  /**
   * Whether the body of a success that came without its proper end (a connection that was cut, a wrong length, the end of
   * the time) holds all that is wanted: then it counts as the answer.
   */
  readonly isWhole?: ((body: SensitiveText) => boolean) | undefined;
  /** Read over a connection of its own, and not over one that was kept. */
  readonly fresh?: boolean | undefined;
}

/**
 * Connections to one Atlas, shared by any number of X509AuthenticationApi objects. It sends a request exactly once and
 * follows no redirect; repeating is the business of those who know what a request does.
 *
 * It stands on undici's dispatcher and not on `fetch`, because `fetch` repeats a POST on its own after a 421 and
 * does not tell whether a failed request had left the machine.
 */
export class AtlasTransport {
  /** Scheme, host and port. */
  readonly origin: string;
  readonly #kept: Dispatcher;
  readonly #single: Dispatcher;
  readonly #userAgent: string;
  readonly #exchangeTimeoutMs: number;
  readonly #maxAnswerBytes: number;
  readonly #clock: Clock;

  /** @throws TypeError with one sentence when the base URL, the proxy or the extra CA is not acceptable */
  constructor(options: AtlasTransportOptions = {}) {
    const base = parseBaseUrl(options.baseUrl ?? DEFAULT_BASE_URL);
    if (!base.ok) throw new TypeError(base.problem);
    this.origin = base.origin;
    if (options.extraCa !== undefined) checkExtraCa(options.extraCa);
    const connections = {
      env: options.env ?? process.env,
      extraCa: options.extraCa,
      connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
      maxConnections: options.maxConnections ?? 16,
    };
    this.#kept = openConnections(this.origin, { ...connections, keepAlive: true });
    // A kept connection that the server closes at the wrong moment makes it unknowable whether a request arrived. What
    // changes something is rare, so it gets a connection of its own.
    this.#single = openConnections(this.origin, { ...connections, keepAlive: false });
    this.#userAgent = options.userAgent ?? USER_AGENT;
    this.#exchangeTimeoutMs = options.exchangeTimeoutMs ?? 30_000;
    this.#maxAnswerBytes = options.maxAnswerBytes ?? 1024 * 1024;
    this.#clock = options.clock ?? systemClock;
  }

  /**
   * Sends the request once and reads the whole answer, whatever its status.
   *
   * @throws TransportFailure when there is no whole answer; `sent` tells whether the request may have arrived
   */
  async exchange(request: AtlasRequest): Promise<AtlasAnswer> {
    const options = { clock: this.#clock, ms: this.#exchangeTimeoutMs, signal: request.signal };
    return withDeadline(options, (signal) => this.#send(request, signal));
  }

  /** Ends all connections; exchanges under way fail. */
  async close(): Promise<void> {
    await Promise.all([this.#kept.destroy(), this.#single.destroy()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #send(request: AtlasRequest, signal: AbortSignal): Promise<AtlasAnswer> {
    const { beforeSending, isWhole } = request;
    const handler = new ExchangeHandler({ maxAnswerBytes: this.#maxAnswerBytes, beforeSending, isWhole });
    const unlink = whenAborted(signal, (reason) => {
      const isTimeout = reason instanceof DeadlineReached;
      handler.stop(isTimeout ? "timeout" : "aborted", isTimeout ? reason.message : "stopped by the caller");
    });
    if (!signal.aborted) {
      const connections = request.method === "GET" && !request.fresh ? this.#kept : this.#single;
      connections.dispatch(
        {
          origin: this.origin,
          method: request.method,
          path: request.path,
          headers: { ...request.headers, "Accept-Encoding": "identity", "User-Agent": this.#userAgent },
          body: request.body ?? null,
        },
        handler,
      );
    }
    try {
      return await handler.answer;
    } finally {
      unlink();
    }
  }
}

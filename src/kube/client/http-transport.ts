import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Clock } from "../../clock.ts";
import { untilAborted, whenAborted } from "../../deadline.ts";
import type { KubeAuthentication, KubeConfig } from "../config/kube-config.ts";
import { ConnectionPool, type Lane } from "./connection-pool.ts";

export interface HttpTransportOptions {
  readonly kubeConfig: KubeConfig;
  readonly clock: Clock;
  readonly maxConnections: number;
}

/** How long token, certificate and CA are used before they are read again. */
const AUTHENTICATION_MAX_AGE_MS = 10_000;

export interface HttpExchange {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** Path and query, as they stand in the request line. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  readonly lane: Lane;
}

/**
 * Requests to the API server over pooled connections, authenticated with what is valid now. node:https and not undici:
 * measured at 20 MiB less resident memory for the same work.
 */
export class HttpTransport {
  readonly #options: HttpTransportOptions;
  readonly #pool: ConnectionPool;
  readonly #secure: boolean;
  #authentication: { readonly value: Promise<KubeAuthentication>; readonly readAt: number } | undefined;

  constructor(options: HttpTransportOptions) {
    this.#options = options;
    this.#secure = options.kubeConfig.server.protocol === "https:";
    this.#pool = new ConnectionPool({
      secure: this.#secure,
      maxConnections: options.maxConnections,
    });
  }

  /** Sends a request and resolves with the answer's head; its body is the caller's to read. Aborting ends both. */
  async send(exchange: HttpExchange, signal: AbortSignal): Promise<IncomingMessage> {
    // A credential plugin that hangs must not outlast the deadline.
    const authentication = await untilAborted(this.#authenticate(), signal);
    const first = new Attempt(this.#start(exchange, authentication), exchange.body, signal);
    try {
      return await first.answer;
    } catch (error: unknown) {
      // The API server closed an idle connection in the moment of its reuse. Reading again is always safe.
      if (exchange.method !== "GET" || !first.reusedConnection || signal.aborted) throw error;
      this.#pool.dropIdle();
      return await new Attempt(this.#start(exchange, authentication), exchange.body, signal).answer;
    }
  }

  /** After a failure: idle connections go, and token, certificate and CA are read again for the next request. */
  distrust(): void {
    this.#authentication = undefined;
    this.#pool.dropIdle();
  }

  /** Closes every connection. */
  close(): void {
    this.#pool.destroy();
  }

  #start(exchange: HttpExchange, authentication: KubeAuthentication): ClientRequest {
    const { server } = this.#options.kubeConfig;
    const options = {
      method: exchange.method,
      hostname: server.hostname.replace(/^\[|\]$/g, ""),
      port: server.port === "" ? undefined : Number(server.port),
      path: `${server.pathname.replace(/\/$/, "")}${exchange.path}`,
      agent: authentication.agent ?? this.#pool.agent(exchange.lane),
      headers: {
        ...exchange.headers,
        ...authentication.headers,
        ...(exchange.body !== undefined && { "content-length": String(Buffer.byteLength(exchange.body)) }),
      },
    };
    return this.#secure ? httpsRequest(options) : httpRequest(options);
  }

  /** One reading serves all calls of its time; a failed one is not kept. */
  async #authenticate(): Promise<KubeAuthentication> {
    const now = this.#options.clock.monotonic();
    let current = this.#authentication;
    if (current === undefined || now - current.readAt >= AUTHENTICATION_MAX_AGE_MS) {
      current = { value: this.#options.kubeConfig.authenticate(), readAt: now };
      this.#authentication = current;
    }
    try {
      const value = await current.value;
      if (this.#authentication === current) this.#pool.use(value.tls);
      return value;
    } catch (error: unknown) {
      if (this.#authentication === current) this.#authentication = undefined;
      throw error;
    }
  }
}

/** One request on its way. */
class Attempt {
  readonly answer: Promise<IncomingMessage>;
  readonly #request: ClientRequest;

  constructor(request: ClientRequest, body: string | undefined, signal: AbortSignal) {
    this.#request = request;
    this.answer = new Promise((resolve, reject) => {
      request.once("response", (response) => {
        // The reader sees later errors; without a listener, such an error would end the process.
        response.on("error", () => {});
        resolve(response);
      });
      request.on("error", reject);
      request.once("close", () => {
        unlink();
        reject(new Error("the connection closed without an answer"));
      });
      const unlink = whenAborted(signal, () => {
        request.destroy(signal.reason);
        // A request that waits for a connection reports its end only when it would get one.
        reject(signal.reason);
      });
    });
    // Out here, where no function closes over the body: a TLS connection holds on to the request that opened it, with all
    // that its listeners can reach, for as long as it stays open, and a body may hold a private key.
    request.end(body);
  }

  /** Whether it went over a connection that had served another request before. */
  get reusedConnection(): boolean {
    return this.#request.reusedSocket;
  }
}

import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { KubeTlsOptions } from "../config/kube-config.ts";

/**
 * - `shared`: capped; every ordinary call
 * - `own`: not capped, so that watches (which keep theirs) and the lease never wait for a connection
 */
export type Lane = "shared" | "own";

/** How long an idle connection is kept; the API server closes it after 90 s. */
const KEEP_ALIVE_MS = 55_000;

export interface ConnectionPoolOptions {
  /** Whether the API server is spoken to over TLS. */
  readonly secure: boolean;
  /** The most connections of the shared lane. */
  readonly maxConnections: number;
}

/**
 * The keep-alive connections to the API server: one pool for the whole process, because a TLS handshake per call costs
 * more than the call. HTTP/1.1 only.
 */
export class ConnectionPool {
  readonly #options: ConnectionPoolOptions;
  #tls: KubeTlsOptions = {};
  #agents: Record<Lane, HttpAgent>;

  constructor(options: ConnectionPoolOptions) {
    this.#options = options;
    this.#agents = this.#build();
  }

  agent(lane: Lane): HttpAgent {
    return this.#agents[lane];
  }

  /**
   * Goes over to new connections if CA, client certificate or server name differ from before. Calls under way end on
   * the old ones, which are not kept afterwards.
   */
  use(tls: KubeTlsOptions): void {
    if (sameTls(this.#tls, tls)) return;
    const old = this.#agents;
    this.#tls = tls;
    this.#agents = this.#build();
    for (const agent of Object.values(old)) {
      agent.maxFreeSockets = 0;
      destroyIdle(agent);
    }
  }

  /** Closes the unused connections: after a failure they may well be as dead as the one that failed. */
  dropIdle(): void {
    for (const agent of Object.values(this.#agents)) {
      destroyIdle(agent);
    }
  }

  /** Closes every connection, calls under way included. */
  destroy(): void {
    for (const agent of Object.values(this.#agents)) {
      agent.destroy();
    }
  }

  #build(): Record<Lane, HttpAgent> {
    const { secure, maxConnections } = this.#options;
    const shape = (maxSockets: number) => {
      const options = {
        keepAlive: true,
        // TCP keep-alive probes find a dead peer under an idle watch even without the watch's own silence limit.
        keepAliveMsecs: 30_000,
        maxSockets,
        scheduling: "lifo" as const,
        timeout: KEEP_ALIVE_MS,
      };
      return secure
        ? new HttpsAgent({ ...options, ALPNProtocols: ["http/1.1"], ...definedOnly(this.#tls) })
        : new HttpAgent(options);
    };
    return { shared: shape(maxConnections), own: shape(Number.POSITIVE_INFINITY) };
  }
}

function destroyIdle(agent: HttpAgent): void {
  for (const sockets of Object.values(agent.freeSockets)) {
    for (const socket of sockets ?? []) {
      socket.destroy();
    }
  }
}

function sameTls(a: KubeTlsOptions, b: KubeTlsOptions): boolean {
  return (
    same(a.ca, b.ca) &&
    same(a.cert, b.cert) &&
    same(a.key, b.key) &&
    a.servername === b.servername &&
    a.rejectUnauthorized === b.rejectUnauthorized
  );
}

function same(a: string | Buffer | undefined, b: string | Buffer | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && Buffer.from(a).equals(Buffer.from(b)));
}

/** Node takes a present but undefined TLS option for a set one in places. */
function definedOnly(tls: KubeTlsOptions): object {
  return Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined));
}

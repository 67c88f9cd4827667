import { getCACertificates } from "node:tls";
import { buildConnector, type Dispatcher, EnvHttpProxyAgent, Pool } from "undici";
import { skipAnnouncements } from "./skip-announcements.ts";

/** The proxy variables that count, from the environment. Lower case wins, as in curl. */
export type ProxyEnvironment = Readonly<
  Partial<Record<"HTTPS_PROXY" | "https_proxy" | "NO_PROXY" | "no_proxy", string | undefined>>
>;

export interface ConnectionOptions {
  readonly env: ProxyEnvironment;
  readonly extraCa: string | undefined;
  readonly connectTimeoutMs: number;
  readonly maxConnections: number;
  /** False: every request gets a connection of its own. */
  readonly keepAlive: boolean;
}

/** The options that undici's agents pass when they create a pool: by then each has a connector. */
type PoolOptions = Omit<Pool.Options, "connect"> & { readonly connect: buildConnector.connector };

/** Idle connections are closed after this; load balancers in front of Atlas hold them for about a minute. */
const KEEP_ALIVE_MS = 30_000;

/**
 * The pool of connections to Atlas. HTTP/1.1 only: over HTTP/2 undici replays requests on a new session on its own,
 * which must never happen to a certificate creation.
 */
export function openConnections(origin: string, options: ConnectionOptions): Dispatcher {
  const ca = options.extraCa === undefined ? {} : { ca: [...getCACertificates("default"), options.extraCa] };
  const tls = { ...ca, allowH2: false, timeout: options.connectTimeoutMs };
  const pool = {
    allowH2: false,
    connections: options.maxConnections,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    pipelining: options.keepAlive ? 1 : 0,
    // The transport's own deadline covers the whole exchange.
    headersTimeout: 0,
    bodyTimeout: 0,
  };
  const httpsProxy = options.env.https_proxy || options.env.HTTPS_PROXY;
  if (httpsProxy === undefined || httpsProxy === "") {
    return new Pool(origin, { ...pool, connect: skippingAnnouncements(buildConnector(tls)) });
  }
  // Checked here, because the error of the URL parser quotes the text, which may hold a password.
  if (!URL.canParse(httpsProxy) || !/^https?:\/\//i.test(httpsProxy)) {
    throw new TypeError("HTTPS_PROXY is not a URL that starts with http:// or https://.");
  }
  return new EnvHttpProxyAgent({
    ...pool,
    connect: buildConnector(tls),
    factory: (address: string | URL, poolOptions: PoolOptions) =>
      new Pool(address, { ...poolOptions, connect: skippingAnnouncements(poolOptions.connect) }),
    // Plain http is accepted for this machine only, and what goes there must not leave it on the way to a proxy.
    httpProxy: "",
    httpsProxy,
    noProxy: options.env.no_proxy || options.env.NO_PROXY || "",
    requestTls: tls,
    proxyTls: tls,
    connectTimeout: options.connectTimeoutMs,
    // A proxy's answer to CONNECT belongs to connecting, and undici would wait for it five minutes.
    clientFactory: (address, proxyOptions) =>
      new Pool(address, { ...proxyOptions, headersTimeout: options.connectTimeoutMs }),
  });
}

function skippingAnnouncements(connect: buildConnector.connector): buildConnector.connector {
  return (options, callback) =>
    connect(options, (...result) => {
      const [error, socket] = result;
      if (error === null) skipAnnouncements(socket);
      callback(...result);
    });
}

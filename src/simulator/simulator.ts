import { createServer as createHttpServer, type RequestListener } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { type Clock, systemClock } from "../clock.ts";
import { AccessTokens } from "./access-tokens.ts";
import { adminListener } from "./admin.ts";
import { Api } from "./api.ts";
import { Authenticator } from "./authentication.ts";
import { CertificateAuthority, type KeyAlgorithm } from "./certificate-authority.ts";
import { type DigestAlgorithm, DigestVerifier } from "./digest.ts";
import { FaultList } from "./faults.ts";
import { DEFAULT_FIXTURES, type Fixtures, parseFixtures } from "./fixtures.ts";
import { closeServer, listen, urlOf } from "./http-exchange.ts";
import { MovableClock } from "./movable-clock.ts";
import { Operations } from "./operations.ts";
import { DEFAULT_RATE_LIMIT, type RateLimit } from "./rate-limit.ts";
import { RequestLog } from "./request-log.ts";
import type { SimulatorControls } from "./simulator-controls.ts";
import { AtlasState } from "./state.ts";

/** Where the simulator listens, what it holds, and how it issues. */
export interface SimulatorOptions {
  /** The address of the API. @default "127.0.0.1" */
  readonly host?: string | undefined;
  /** 0 takes a free one. @default 0 */
  readonly port?: number | undefined;
  /** The address of the controls, which ask for no credentials. @default "127.0.0.1" */
  readonly adminHost?: string | undefined;
  /** 0 takes a free one. @default 0 */
  readonly adminPort?: number | undefined;
  /** How long a month lasts, in milliseconds. @default the months of the calendar */
  readonly monthMs?: number | undefined;
  /** The keys of the certificates it issues. @default "rsa-2048" */
  readonly keyAlgorithm?: KeyAlgorithm | undefined;
  /** The bucket of each project. @default 1200 tokens, 500 more every 60 s */
  readonly rateLimit?: RateLimit | "unlimited" | undefined;
  /** Projects, users and credentials at the start. @default {@link DEFAULT_FIXTURES} */
  readonly fixtures?: Fixtures | undefined;
  /** Serves HTTPS: true, with a certificate of an authority of the simulator's own; else with this pair. @default false */
  readonly tls?: boolean | ServerPair | undefined;
  /** The hash of HTTP Digest; Atlas uses MD5. @default "MD5" */
  readonly digestAlgorithm?: DigestAlgorithm | undefined;
  /** How long a Digest nonce is good, in milliseconds. @default 300000 */
  readonly nonceLifetimeMs?: number | undefined;
  /**
   * The status of the `USER_UNAUTHORIZED` error that a missing role gives. Atlas' specification has 403; the answers
   * of the real API on record have 401. @default 403
   */
  readonly roleMissingStatus?: 401 | 403 | undefined;
  /** Unexpired certificates per user before `ATLAS_GENERATED_CERTS_LIMIT_EXCEEDED`. @default no limit */
  readonly certificateLimit?: number | undefined;
  /** @default the system's */
  readonly clock?: Clock | undefined;
}

/** The certificate chain and private key of an HTTPS server, in PEM. */
export interface ServerPair {
  /** The server's certificate, then those between it and its authority. */
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

/** A running simulator with its controls. */
export interface Simulator extends SimulatorControls, AsyncDisposable {
  /** Base URL of the API, without a path. */
  readonly url: string;
  /** Base URL of the controls, without a path. */
  readonly adminUrl: string;
  /** Ends all connections and frees the ports. */
  close(): Promise<void>;
}

const NONCE_LIFETIME_MS = 300_000;
/** Longer than clients keep idle connections, so that no request meets a connection that is being closed. */
const KEEP_ALIVE_MS = 75_000;

/**
 * Starts an Atlas that issues real X.509 certificates.
 *
 * @throws {FixturesError} where the fixtures are not valid
 * @throws the error of `net.Server` where a port can't be had
 */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const { host = "127.0.0.1", adminHost = "127.0.0.1", rateLimit = DEFAULT_RATE_LIMIT } = options;
  const { keyAlgorithm = "rsa-2048", monthMs, certificateLimit, roleMissingStatus = 403 } = options;
  const state = await AtlasState.create(parseFixtures(options.fixtures ?? DEFAULT_FIXTURES), keyAlgorithm);
  const clock = new MovableClock(options.clock ?? systemClock);
  const log = new RequestLog();
  const faults = new FaultList();
  const tokens = new AccessTokens(state, clock);
  const digest = new DigestVerifier(
    { algorithm: options.digestAlgorithm ?? "MD5", nonceLifetimeMs: options.nonceLifetimeMs ?? NONCE_LIFETIME_MS },
    clock,
    (publicApiKey) => state.credentialsByLogin("apiKey", publicApiKey)?.privateApiKey,
  );
  const authenticator = new Authenticator(state, digest, tokens);
  const operations = new Operations(state, clock, { monthMs, certificateLimit, rateLimit });
  const api = new Api({ state, clock, log, faults, tokens, authenticator, operations, rateLimit, roleMissingStatus });
  const serverAuthority =
    options.tls === true ? await CertificateAuthority.create("atlas-simulator", "ec-p256") : undefined;

  const controls: SimulatorControls = {
    get projects() {
      return state.projects;
    },
    get credentials() {
      return state.credentials;
    },
    get caPem() {
      return state.authoritiesPem + (serverAuthority?.pem ?? "");
    },
    log,
    faults,
    addProject: (project) => state.addProject(project),
    addUser: (projectId, username, x509Type) => state.addUser(projectId, username, x509Type),
    removeUser: (projectId, username) => state.removeUser(projectId, username),
    certificates: (projectId, username) => state.certificates(projectId, username),
    forgetCertificate: (projectId, serialNumber) => state.forgetCertificate(projectId, serialNumber),
    setCustomerManagedX509: (projectId, caPem) => state.setCustomerManagedX509(projectId, caPem),
    setRole: (credentialsId, role) => state.setRole(credentialsId, role),
    setIpAccessAllowed: (allowed) => {
      state.ipAccessAllowed = allowed;
    },
    rotateCredentials: (credentialsId) => {
      tokens.expire(credentialsId);
      return state.rotateCredentials(credentialsId);
    },
    expireTokens: () => tokens.expire(),
    expireNonces: () => digest.expireNonces(),
    get now() {
      return new Date(clock.now());
    },
    advanceClock: (ms) => clock.advance(ms),
  };

  const listener: RequestListener = (request, response) => void api.handle(request, response);
  const pair = typeof options.tls === "object" ? options.tls : await serverAuthority?.issueServer(host);
  const server = pair === undefined ? createHttpServer(listener) : createSecureServer(listener, pair, serverAuthority);
  const adminServer = createHttpServer(adminListener(controls));
  const servers = [server, adminServer];
  for (const one of servers) one.keepAliveTimeout = KEEP_ALIVE_MS;
  const close = async () => {
    await Promise.all(servers.map(closeServer));
  };
  try {
    const port = await listen(server, host, options.port ?? 0);
    const adminPort = await listen(adminServer, adminHost, options.adminPort ?? 0);
    const addresses = {
      url: urlOf(pair === undefined ? "http" : "https", host, port),
      adminUrl: urlOf("http", adminHost, adminPort),
      close,
      [Symbol.asyncDispose]: close,
    };
    // Not a spread: the getters of the controls must stay getters.
    return Object.assign(controls, addresses);
  } catch (error: unknown) {
    await close();
    throw error;
  }
}

function createSecureServer(listener: RequestListener, pair: ServerPair, authority: CertificateAuthority | undefined) {
  return createHttpsServer({ cert: pair.certificatePem + (authority?.pem ?? ""), key: pair.privateKeyPem }, listener);
}

import { createHash, randomBytes } from "node:crypto";
import { onTestFinished } from "vitest";
import { http } from "../testing/http.ts";
import { ManualClock } from "../testing/manual-clock.ts";
import { type SimulatorOptions, startSimulator } from "./simulator.ts";

/** A clock that starts at the given time (ISO 8601). Only its methods move it, and a sleep on it moves it too. */
export function simulatorClock(start: string): ManualClock {
  return new ManualClock({ startAt: Date.parse(start), skipUpToMs: Number.POSITIVE_INFINITY });
}

/** Starts a simulator for the running test, with a clock that the test moves and keys that are quick to make. */
export async function startSimulated(options: SimulatorOptions = {}) {
  const clock = simulatorClock("2026-01-15T10:00:00Z");
  const simulator = await startSimulator({ keyAlgorithm: "ec-p256", clock, ...options });
  onTestFinished(() => simulator.close());
  return { simulator, clock, url: simulator.url };
}

/** Status and body of an answer. */
export async function errorOf(response: Response) {
  const body: unknown = await response.json();
  return { status: response.status, body };
}

/** The ids that the default fixtures use. */
export const PRODUCTION = "32b6e34b3d91647abb20e7b8";
export const STAGING = "5efda6aea3f2ed2e7dd6ce05";
export const API_KEY = { username: "simowner", password: "00000000-0000-4000-8000-000000000001" };
export const OWNER = ["mdb_sa_id_000000000000000000000001", "simulator-owner-not-a-real-secret"] as const;
export const READER = ["mdb_sa_id_000000000000000000000002", "simulator-read-only-not-a-real-secret"] as const;

/** The media type of the X.509 operations. */
export const V1 = "application/vnd.atlas.2023-01-01+json";

/** The path of a user's certificates. */
export function certsPath(username = "orders-api", projectId = PRODUCTION): string {
  return `/api/atlas/v2/groups/${projectId}/databaseUsers/${encodeURIComponent(username)}/certs`;
}

/** The request of a test; everything else is as a good client sends it. */
interface Call {
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Fetches an access token for a service account. */
export async function fetchToken(url: string, [id, secret]: readonly [string, string]): Promise<string> {
  const response = await requestToken(url, `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}`);
  const body: unknown = await response.json();
  if (typeof body === "object" && body !== null && "access_token" in body) return String(body.access_token);
  throw new Error(`no token: ${response.status}`);
}

/** Sends a token request as it is. */
export function requestToken(
  url: string,
  authorization: string | undefined,
  body = "grant_type=client_credentials",
): Promise<Response> {
  const headers = new Headers({ "content-type": "application/x-www-form-urlencoded" });
  if (authorization !== undefined) headers.set("authorization", authorization);
  return http(`${url}/api/oauth/token`, { method: "POST", headers, body });
}

/** Calls the API as a service account. */
export async function call(
  url: string,
  path: string,
  { method = "GET", body, headers }: Call = {},
  account: readonly [string, string] = OWNER,
): Promise<Response> {
  const authorization = `Bearer ${await fetchToken(url, account)}`;
  const init = { method, redirect: "manual" as const, headers: { accept: V1, authorization, ...headers } };
  if (body === undefined) return http(url + path, init);
  return http(url + path, { ...init, body, headers: { "content-type": V1, ...init.headers } });
}

/** Creates a certificate as the owner. */
export function create(url: string, months: unknown = 3, path = certsPath()): Promise<Response> {
  return call(url, path, { method: "POST", body: JSON.stringify({ monthsUntilExpiration: months }) });
}

/** The two halves of the answer to a create. */
export function splitPem(pem: string): { readonly certificate: string; readonly key: string } {
  const start = pem.indexOf("-----BEGIN PRIVATE KEY-----");
  return { certificate: pem.slice(0, start), key: pem.slice(start) };
}

/** The parts of a Digest answer (RFC 7616), computed here without a line of the simulator. */
interface DigestAnswer {
  readonly challenge: string;
  readonly method: string;
  readonly uri: string;
  readonly nc?: number;
  readonly username?: string;
  readonly password?: string;
  readonly qop?: string;
  readonly realm?: string;
}

/** The `Authorization` header for a challenge. */
export function digestHeader(answer: DigestAnswer): string {
  const { challenge, method, uri, nc = 1, username = API_KEY.username, password = API_KEY.password } = answer;
  const field = (name: string) => new RegExp(`${name}="?([^",]*)"?`).exec(challenge)?.[1] ?? "";
  const algorithm = field("algorithm");
  const hash = (text: string) =>
    createHash(algorithm === "SHA-256" ? "sha256" : "md5")
      .update(text)
      .digest("hex");
  const { realm = field("realm"), qop = "auth" } = answer;
  const nonce = field("nonce");
  const cnonce = randomBytes(8).toString("hex");
  const count = nc.toString(16).padStart(8, "0");
  const secret = hash(`${username}:${realm}:${password}`);
  const response = hash(`${secret}:${nonce}:${count}:${cnonce}:${qop}:${hash(`${method}:${uri}`)}`);
  return (
    `Digest username="${username}", realm="${realm}", nonce="${nonce}", uri="${uri}", response="${response}", ` +
    `algorithm=${algorithm}, qop=${qop}, nc=${count}, cnonce="${cnonce}"`
  );
}

import ky, { HTTPError, type KyInstance } from "ky";
import type { Fault, ParsedFault } from "./faults.ts";
import type { Credentials } from "./fixtures.ts";
import type { LoggedRequest, Operation } from "./request-log.ts";
import type { CertificateRecord } from "./state.ts";

/** A control was refused by the simulator; the message names the request and says why. */
export class SimulatorError extends Error {
  override readonly name = "SimulatorError";
}

/**
 * The controls of a running simulator over HTTP, wherever it runs: in this process, in another one or in a container.
 * Each method throws a SimulatorError for a request that the simulator refuses.
 */
export class SimulatorClient {
  readonly #http: KyInstance;

  /** @param adminUrl base URL of the controls: `adminUrl` of `startSimulator`, or of the first line that `simulate` prints */
  constructor(adminUrl: string) {
    // A request that is sent twice would add a fault twice.
    this.#http = ky.create({ baseUrl: adminUrl, retry: 0, timeout: 60_000 });
  }

  /** Disturbs one of the next requests, or as many as the fault says. */
  async addFault(fault: Fault): Promise<void> {
    await this.control("POST", "/faults", fault);
  }

  /** The faults that have not happened yet. */
  async pendingFaults(): Promise<readonly ParsedFault[]> {
    return (await this.#get<{ pending: readonly ParsedFault[] }>("/faults")).pending;
  }

  async clearFaults(): Promise<void> {
    await this.control("DELETE", "/faults");
  }

  /** Requests to the API, oldest first, of one operation or of all. */
  async requests(operation?: Operation | "unknown"): Promise<readonly LoggedRequest[]> {
    const query = operation === undefined ? "" : `?operation=${operation}`;
    return (await this.#get<{ requests: readonly LoggedRequest[] }>(`/requests${query}`)).requests;
  }

  async forgetRequests(): Promise<void> {
    await this.control("DELETE", "/requests");
  }

  /** The time on the simulator's clock. */
  async now(): Promise<Date> {
    return new Date((await this.#get<{ now: string }>("/clock")).now);
  }

  /**
   * Moves the simulator's clock: certificates, access tokens and nonces expire, and the rate limit refills.
   *
   * @param ms whole milliseconds, not negative
   * @returns the time that it is then
   */
  async advanceClock(ms: number): Promise<Date> {
    const answer = await this.#send("POST", "/clock", { advanceMs: ms });
    return new Date((await answer.json<{ now: string }>()).now);
  }

  /** All certificates of a user in the order they were issued, expired ones included. */
  async certificates(projectId: string, username: string): Promise<readonly CertificateRecord[]> {
    const path = `${userPath(projectId, username)}/certificates`;
    const { certificates } = await this.#get<{ certificates: readonly InJson<CertificateRecord>[] }>(path);
    return certificates.map((each) => ({
      ...each,
      issuedAt: new Date(each.issuedAt),
      notBefore: new Date(each.notBefore),
      notAfter: new Date(each.notAfter),
    }));
  }

  async addUser(projectId: string, username: string): Promise<void> {
    await this.control("PUT", userPath(projectId, username));
  }

  async removeUser(projectId: string, username: string): Promise<void> {
    await this.control("DELETE", userPath(projectId, username));
  }

  /** The credentials that the simulator accepts, secrets included. */
  async credentials(): Promise<readonly Credentials[]> {
    return (await this.#get<{ credentials: readonly Credentials[] }>("/credentials")).credentials;
  }

  /** The certificates of the authorities, in PEM. */
  async caPem(): Promise<string> {
    return (await this.#send("GET", "/ca.pem")).text();
  }

  /**
   * Any other control; `GET /` lists them all.
   *
   * @returns the JSON of the answer, undefined for an empty one
   */
  async control(method: "GET" | "POST" | "PUT" | "DELETE", path: string, body?: unknown): Promise<unknown> {
    const answer = await this.#send(method, path, body);
    return answer.status === 204 ? undefined : answer.json();
  }

  async #get<T>(path: string): Promise<T> {
    return (await this.#send("GET", path)).json<T>();
  }

  async #send(method: string, path: string, body?: unknown) {
    try {
      return await this.#http(path, { method, ...(body !== undefined && { json: body }) });
    } catch (error: unknown) {
      if (!(error instanceof HTTPError)) throw error;
      throw new SimulatorError(`${method} ${path}: ${error.response.status} ${reasonIn(error.data)}`, { cause: error });
    }
  }
}

/** A value after its way through JSON. */
type InJson<T> = { readonly [K in keyof T]: T[K] extends Date ? string : T[K] };

function userPath(projectId: string, username: string): string {
  return `/projects/${projectId}/users/${encodeURIComponent(username)}`;
}

function reasonIn(answer: unknown): string {
  return typeof answer === "object" && answer !== null && "error" in answer ? String(answer.error) : String(answer);
}

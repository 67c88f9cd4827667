/** The operations of the simulated API, by the names of Atlas' own specification where it has one. */
export const OPERATIONS = [
  "createDatabaseUserCertificate",
  "listDatabaseUserCertificates",
  "disableCustomerManagedX509",
  "getUserSecurity",
  "updateUserSecurity",
  "listDatabaseUsers",
  "createDatabaseUser",
  "getDatabaseUser",
  "deleteDatabaseUser",
  "listRateLimits",
  "createAccessToken",
  "revokeAccessToken",
] as const;
/** An operation of the simulated API. */
export type Operation = (typeof OPERATIONS)[number];

/** One request as it was seen and answered. Holds no header, no body and no key material. */
export interface LoggedRequest {
  /** When it arrived, in milliseconds since the epoch by the simulator's clock. */
  readonly time: number;
  readonly method: string;
  /** The request target, byte for byte. */
  readonly path: string;
  readonly operation: Operation | "unknown";
  readonly projectId?: string;
  readonly username?: string;
  /** The `id` of the credentials that were recognised. */
  readonly credentialsId?: string;
  /** The status that was sent; absent as long as none was, and for good where a fault kept it back. */
  readonly status?: number;
  /** The kind of the fault that changed this request's course. */
  readonly fault?: string;
}

/** Facts about a request that become known while it is answered. */
export type RequestProgress = Partial<Omit<LoggedRequest, "time" | "method" | "path">>;

/** Entries beyond this many push the oldest out, so that a soak test does not grow without end. */
const MOST_ENTRIES = 50_000;

/** Every request to the simulated API, in the order of arrival. */
export class RequestLog {
  #entries: Readonly<LoggedRequest>[] = [];

  /** Opens an entry; the function it returns adds what is learned later. */
  open(start: Pick<LoggedRequest, "time" | "method" | "path" | "operation">): (progress: RequestProgress) => void {
    const entry: LoggedRequest = { ...start };
    this.#entries.push(entry);
    if (this.#entries.length > MOST_ENTRIES) this.#entries.shift();
    return (progress) => Object.assign(entry, progress);
  }

  /** A copy of the entries, oldest first, of one operation or of all. */
  entries(operation?: Operation | "unknown"): readonly LoggedRequest[] {
    const chosen = operation === undefined ? this.#entries : this.#entries.filter((one) => one.operation === operation);
    return chosen.map((entry) => ({ ...entry }));
  }

  /** How many requests there were, of one operation or of all. */
  count(operation?: Operation | "unknown"): number {
    return this.entries(operation).length;
  }

  clear(): void {
    this.#entries = [];
  }
}

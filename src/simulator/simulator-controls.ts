import type { X509Type } from "./database-user.ts";
import type { Fault, ParsedFault } from "./faults.ts";
import type { Credentials, ProjectFixture, Role } from "./fixtures.ts";
import type { RequestLog } from "./request-log.ts";
import type { CertificateRecord, SimulatedProject } from "./state.ts";

/** Everything one can do to a running simulator beside using its API; the admin port offers the same. */
export interface SimulatorControls {
  /** The projects as they are now. */
  readonly projects: readonly SimulatedProject[];
  /** The credentials as they are now, secrets included: they are fixtures. */
  readonly credentials: readonly Credentials[];
  /** Every request to the API. */
  readonly log: RequestLog;
  /**
   * The certificates that sign client certificates, one per project, as PEM; with `tls` also the one behind the
   * server's own. Changes when a project is added.
   */
  readonly caPem: string;
  readonly faults: {
    /** Disturbs one of the next requests. @throws {FaultError} */
    add(fault: Fault): void;
    clear(): void;
    readonly pending: readonly ParsedFault[];
  };
  /** All credentials get their role in the new project. @throws {FixturesError} @throws {ControlError} */
  addProject(project: ProjectFixture): Promise<SimulatedProject>;
  /** @param x509Type Atlas issues certificates for a `MANAGED` user alone @default "MANAGED" */
  addUser(projectId: string, username: string, x509Type?: X509Type): void;
  /** The user's certificates are remembered, as they stay valid; the API's own way to delete a user forgets them. */
  removeUser(projectId: string, username: string): void;
  /** All certificates of a user in the order they were issued, the expired ones too. */
  certificates(projectId: string, username: string): readonly CertificateRecord[];
  /** Makes a certificate vanish from the list, which the real API never does before its end. */
  forgetCertificate(projectId: string, serialNumber: string): void;
  /** Turns customer-managed X.509 on with a CA (PEM), or off with undefined. */
  setCustomerManagedX509(projectId: string, caPem: string | undefined): void;
  setRole(credentialsId: string, role: Role): void;
  /** With false, every request is refused with `IP_ADDRESS_NOT_ON_ACCESS_LIST`. */
  setIpAccessAllowed(allowed: boolean): void;
  /** Makes a new secret and returns the credentials with it. The old secret and its tokens are worth nothing. */
  rotateCredentials(credentialsId: string): Credentials;
  /** Ends all access tokens, as if their hour were over. */
  expireTokens(): void;
  /** Ends all Digest nonces, as if their lifetime were over. */
  expireNonces(): void;
  /** The time on the simulator's clock. */
  readonly now: Date;
  /** Moves the simulator's clock ahead: certificates, tokens and nonces expire, the rate limit refills. */
  advanceClock(ms: number): void;
}

import { CertificateAuthority, type KeyAlgorithm } from "./certificate-authority.ts";
import { type DatabaseUser, databaseUser, type X509Type } from "./database-user.ts";
import {
  type Credentials,
  FixturesError,
  loginOf,
  type ParsedFixtures,
  type ParsedProject,
  type ProjectFixture,
  parseProject,
  type Role,
} from "./fixtures.ts";

/** A certificate as the simulated Atlas remembers it: without the key. */
export interface CertificateRecord {
  /** Decimal. */
  readonly serialNumber: string;
  /** RFC 2253. */
  readonly subject: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** `notBefore` is earlier. */
  readonly issuedAt: Date;
}

/** One project, as a copy. */
export interface SimulatedProject {
  readonly id: string;
  readonly name: string;
  readonly users: readonly string[];
  /** PEM of the customer's CA; absent while customer-managed X.509 is off. */
  readonly customerManagedX509?: string;
}

interface Project {
  readonly id: string;
  readonly name: string;
  readonly users: Map<string, DatabaseUser>;
  readonly authority: CertificateAuthority;
  /** By user; kept when a control removes the user, as the certificates stay valid. */
  readonly certificates: Map<string, CertificateRecord[]>;
  customerManagedX509: string | undefined;
}

/** A control was used on something that isn't there. */
export class ControlError extends Error {
  override readonly name = "ControlError";
}

/** Everything that the simulated Atlas knows: projects, users, certificates, credentials. */
export class AtlasState {
  readonly #projects = new Map<string, Project>();
  readonly #credentials = new Map<string, Credentials>();
  readonly #keyAlgorithm: KeyAlgorithm;
  #rotations = 0;
  /** Whether the client's address is on the access list of the API. */
  ipAccessAllowed = true;

  private constructor(keyAlgorithm: KeyAlgorithm) {
    this.#keyAlgorithm = keyAlgorithm;
  }

  static async create(fixtures: ParsedFixtures, keyAlgorithm: KeyAlgorithm): Promise<AtlasState> {
    const state = new AtlasState(keyAlgorithm);
    const opened = await Promise.all(fixtures.projects.map((project) => openProject(project, keyAlgorithm)));
    for (const project of opened) state.#projects.set(project.id, project);
    for (const credentials of fixtures.credentials) state.#credentials.set(credentials.id, credentials);
    return state;
  }

  get projects(): readonly SimulatedProject[] {
    return [...this.#projects.values()].map(copyOf);
  }

  get credentials(): readonly Credentials[] {
    return [...this.#credentials.values()].map((credentials) => ({ ...credentials }));
  }

  /** The certificates of all projects' authorities, one after the other. */
  get authoritiesPem(): string {
    return [...this.#projects.values()].map((project) => project.authority.pem).join("");
  }

  hasProject(projectId: string): boolean {
    return this.#projects.has(projectId);
  }

  databaseUsers(projectId: string): readonly DatabaseUser[] {
    return [...this.#project(projectId).users.values()];
  }

  databaseUser(projectId: string, username: string): DatabaseUser | undefined {
    return this.#project(projectId).users.get(username);
  }

  customerManagedX509(projectId: string): string | undefined {
    return this.#project(projectId).customerManagedX509;
  }

  setCustomerManagedX509(projectId: string, caPem: string | undefined): void {
    this.#project(projectId).customerManagedX509 = caPem;
  }

  authority(projectId: string): CertificateAuthority {
    return this.#project(projectId).authority;
  }

  /** Adds a project; all credentials get their role in it too. @throws {FixturesError} */
  async addProject(fixture: ProjectFixture): Promise<SimulatedProject> {
    const project = parseProject(fixture);
    if (this.#projects.has(project.id)) throw new FixturesError(`project ${project.id} is there already`);
    const opened = await openProject(project, this.#keyAlgorithm);
    this.#projects.set(project.id, opened);
    for (const [id, credentials] of this.#credentials) {
      this.#credentials.set(id, { ...credentials, projectIds: [...credentials.projectIds, project.id] });
    }
    return copyOf(opened);
  }

  addUser(projectId: string, username: string, x509Type: X509Type = "MANAGED"): void {
    this.addDatabaseUser(projectId, databaseUser(username, x509Type));
  }

  addDatabaseUser(projectId: string, user: DatabaseUser): void {
    this.#project(projectId).users.set(user.username, user);
  }

  removeUser(projectId: string, username: string): void {
    this.#project(projectId).users.delete(username);
  }

  /** Removes a user as its owner does: should one of that name come back, it has none of the certificates. */
  deleteDatabaseUser(projectId: string, username: string): void {
    const { users, certificates } = this.#project(projectId);
    users.delete(username);
    certificates.delete(username);
  }

  /** All certificates of a user that were not forgotten, the expired ones too, in the order they were issued. */
  certificates(projectId: string, username: string): readonly CertificateRecord[] {
    return [...(this.#project(projectId).certificates.get(username) ?? [])];
  }

  addCertificate(projectId: string, username: string, certificate: CertificateRecord): void {
    const project = this.#project(projectId);
    project.certificates.set(username, [...(project.certificates.get(username) ?? []), certificate]);
  }

  /** Makes a certificate vanish from every list, as nothing in the real API can. */
  forgetCertificate(projectId: string, serialNumber: string): void {
    const { certificates } = this.#project(projectId);
    for (const [username, records] of certificates) {
      const kept = records.filter((record) => record.serialNumber !== serialNumber);
      if (kept.length === records.length) continue;
      certificates.set(username, kept);
      return;
    }
    throw new ControlError(`project ${projectId} has no certificate ${serialNumber}`);
  }

  credentialsById(id: string): Credentials {
    const credentials = this.#credentials.get(id);
    if (credentials === undefined) throw new ControlError(`there are no credentials ${id}`);
    return credentials;
  }

  /** Looks for the owner of a client id or a public key. */
  credentialsByLogin<Kind extends Credentials["kind"]>(
    kind: Kind,
    login: string,
  ): Extract<Credentials, { kind: Kind }> | undefined {
    for (const credentials of this.#credentials.values()) {
      if (isOfKind(credentials, kind) && loginOf(credentials) === login) return credentials;
    }
    return undefined;
  }

  setRole(credentialsId: string, role: Role): void {
    this.#credentials.set(credentialsId, { ...this.credentialsById(credentialsId), role });
  }

  /** Gives credentials a new secret, and returns them with it; the old one is worth nothing from now on. */
  rotateCredentials(credentialsId: string): Credentials {
    const old = this.credentialsById(credentialsId);
    this.#rotations += 1;
    const secret = `simulator-rotated-not-a-real-secret-${this.#rotations}`;
    const rotated: Credentials =
      old.kind === "serviceAccount" ? { ...old, clientSecret: secret } : { ...old, privateApiKey: secret };
    this.#credentials.set(credentialsId, rotated);
    return rotated;
  }

  #project(projectId: string): Project {
    const project = this.#projects.get(projectId);
    if (project === undefined) throw new ControlError(`there is no project ${projectId}`);
    return project;
  }
}

function copyOf({ id, name, users, customerManagedX509 }: Project): SimulatedProject {
  const copy = { id, name, users: [...users.keys()] };
  return customerManagedX509 === undefined ? copy : { ...copy, customerManagedX509 };
}

async function openProject(project: ParsedProject, keyAlgorithm: KeyAlgorithm): Promise<Project> {
  const users = project.users.map((user) =>
    typeof user === "string" ? databaseUser(user, "MANAGED") : databaseUser(user.username, user.x509Type),
  );
  return {
    id: project.id,
    name: project.name,
    users: new Map(users.map((user) => [user.username, user])),
    authority: await CertificateAuthority.create(project.id, keyAlgorithm),
    certificates: new Map(),
    customerManagedX509: project.customerManagedX509,
  };
}

function isOfKind<Kind extends Credentials["kind"]>(
  credentials: Credentials,
  kind: Kind,
): credentials is Extract<Credentials, { kind: Kind }> {
  return credentials.kind === kind;
}

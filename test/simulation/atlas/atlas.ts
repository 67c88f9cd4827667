import { type CertificateText, forgetCertificates, makeCertificate } from "./certificates.ts";

/** A certificate that Atlas has issued, whether the answer ever arrived or not. */
export interface IssuedCertificate {
  readonly serialNumber: string;
  readonly projectId: string;
  readonly username: string;
  readonly createdAt: number;
  readonly notAfter: number;
  readonly text: CertificateText;
  /** The values of tls.crt and tls.key of a Secret that holds it. */
  readonly data: { readonly certificate: string; readonly key: string };
  /** Whether the user was deleted since: then nobody logs in with it. */
  isRevoked: boolean;
}

/** How Atlas' answers are wrong now, for one project. */
export interface AtlasWeather {
  /** Certificates younger than this are not listed yet, in milliseconds. */
  lagMs: number;
  listsNothing: boolean;
}

interface Project {
  readonly credentials: Set<string>;
  readonly users: Map<string, IssuedCertificate[]>;
  readonly weather: AtlasWeather;
}

/** Atlas: what it knows and issues. When requests arrive and whether answers do is the network's. */
export class Atlas {
  /** By the value of tls.crt. */
  readonly byData = new Map<string, IssuedCertificate>();
  readonly #now: () => number;
  readonly monthMs: number;
  readonly #projects = new Map<string, Project>();
  #serial = 0x4000_0000_0000_0000n;

  constructor(now: () => number, monthMs: number) {
    forgetCertificates();
    this.#now = now;
    this.monthMs = monthMs;
  }

  project(projectId: string): Project {
    let project = this.#projects.get(projectId);
    if (project === undefined) {
      project = { credentials: new Set(), users: new Map(), weather: { lagMs: 0, listsNothing: false } };
      this.#projects.set(projectId, project);
    }
    return project;
  }

  addUser(projectId: string, username: string): void {
    const { users } = this.project(projectId);
    if (!users.has(username)) users.set(username, []);
  }

  removeUser(projectId: string, username: string): void {
    const { users } = this.project(projectId);
    for (const certificate of users.get(username) ?? []) certificate.isRevoked = true;
    users.delete(username);
  }

  hasUser(projectId: string, username: string): boolean {
    return this.project(projectId).users.has(username);
  }

  /** Undefined where there is no such user. */
  issue(projectId: string, username: string, months: number): IssuedCertificate | undefined {
    const certificates = this.project(projectId).users.get(username);
    if (certificates === undefined) return undefined;
    const createdAt = this.#now();
    const notBefore = Math.floor(createdAt / 1000) * 1000;
    const notAfter = notBefore + months * this.monthMs;
    this.#serial += 1n;
    const text = makeCertificate({
      serialNumber: this.#serial,
      commonName: username,
      notBefore: new Date(notBefore),
      notAfter: new Date(notAfter),
    });
    const issued: IssuedCertificate = {
      serialNumber: this.#serial.toString(),
      ...{ projectId, username, createdAt, notAfter, text },
      data: { certificate: base64(`${text.pem}\n`), key: base64(`${text.keyPem}\n`) },
      isRevoked: false,
    };
    certificates.push(issued);
    this.byData.set(issued.data.certificate, issued);
    return issued;
  }

  /** Those that have not expired, whatever the weather; undefined where there is no such user. */
  unexpired(projectId: string, username: string): readonly IssuedCertificate[] | undefined {
    const now = this.#now();
    return this.project(projectId)
      .users.get(username)
      ?.filter(({ notAfter }) => notAfter > now);
  }

  /** What a list shows. */
  listed(projectId: string, username: string): readonly IssuedCertificate[] | undefined {
    const { lagMs, listsNothing } = this.project(projectId).weather;
    const latest = this.#now() - lagMs;
    return this.unexpired(projectId, username)?.filter(({ createdAt }) => !listsNothing && createdAt <= latest);
  }
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}

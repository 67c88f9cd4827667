import type { AtlasCredentials } from "../../../src/atlas/authentication/credentials.ts";
import { AtlasError, type AtlasErrorKind, type AtlasOperation } from "../../../src/atlas/errors/atlas-error.ts";
import { calendarOf } from "../../../src/controllers/user-certificate/atlas/calendar.ts";
import { SensitiveText } from "../../../src/sensitive-text.ts";
import type { Machine } from "../engine/machine.ts";
import type { Call, Network } from "../engine/network.ts";
import type { Scheduler } from "../engine/scheduler.ts";
import type { Atlas, IssuedCertificate } from "./atlas.ts";
import { unusedKey } from "./certificates.ts";

/** What stands in an answer instead of the certificate that was issued. */
export type WrongAnswer = "wrongUser" | "wrongKey" | "replayed" | "garbage";

/** One create, as Atlas and the network know it. */
export interface Post {
  readonly projectId: string;
  readonly username: string;
  readonly machine: Machine;
  readonly sentAt: number;
  certificate: IssuedCertificate | undefined;
  executedAt: number | undefined;
  /** When a good answer reached the process. */
  deliveredAt: number | undefined;
  /** Whether the process was told that no answer, or a refusal, came of it. */
  hasFailed: boolean;
  wrong: WrongAnswer | undefined;
}

export interface AtlasObserver {
  /** Called when a create leaves the process. */
  posting(post: Post): void;
  executed(post: Post): void;
  listed(projectId: string, username: string, certificates: readonly IssuedCertificate[]): void;
  /** What the next answer of a create holds instead of its certificate. */
  wrongAnswer(projectId: string): WrongAnswer | undefined;
}

export interface AtlasClientOptions {
  readonly machine: Machine;
  readonly atlas: Atlas;
  readonly network: Network;
  readonly scheduler: Scheduler;
  readonly observer: AtlasObserver;
}

interface User {
  readonly groupId: string;
  readonly username: string;
}

interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly beforeSending?: (() => void) | undefined;
}

const CREATE = "createDatabaseUserCertificate";
const LIST = "listDatabaseUserCertificates";

/** Atlas as one process reaches it with one set of credentials: the operations of X509AuthenticationApi that issuing needs. */
export class AtlasClient {
  readonly #options: AtlasClientOptions;
  readonly #secret: string;

  constructor(options: AtlasClientOptions, credentials: AtlasCredentials) {
    this.#options = options;
    this.#secret =
      credentials.kind === "serviceAccount" ? credentials.clientSecret.reveal() : credentials.privateApiKey.reveal();
  }

  async createDatabaseUserCertificate(
    { groupId, username, userCert }: User & { userCert?: { monthsUntilExpiration?: number | undefined } | undefined },
    { signal, beforeSending }: CallOptions = {},
  ): Promise<SensitiveText> {
    const { machine, scheduler, network, observer } = this.#options;
    // A token, a connection: the create does not leave at once.
    await machine.clock.sleep(network.delayMs(), signal);
    try {
      beforeSending?.();
    } catch (cause: unknown) {
      throw atlasError("aborted", CREATE, { cause });
    }
    const post: Post = {
      ...{ projectId: groupId, username, machine, sentAt: scheduler.now },
      ...{ certificate: undefined, executedAt: undefined, deliveredAt: undefined, hasFailed: false, wrong: undefined },
    };
    observer.posting(post);
    const call = callOf("POST", groupId, username, () => atlasError("ambiguous", CREATE));
    const months = userCert?.monthsUntilExpiration ?? 3;
    try {
      const bundle = await network.call(machine, call, () => this.#create(post, months), signal);
      if (post.wrong === undefined) post.deliveredAt = scheduler.now;
      else post.hasFailed = true;
      return new SensitiveText(bundle);
    } catch (error: unknown) {
      post.hasFailed = true;
      throw error;
    }
  }

  async *iterateDatabaseUserCertificates(user: User, options: CallOptions = {}) {
    yield* (await this.listAllDatabaseUserCertificates(user, options)).certificates;
  }

  async listAllDatabaseUserCertificates({ groupId, username }: User, { signal }: CallOptions = {}) {
    const { machine, network, atlas, observer } = this.#options;
    const call = callOf("GET", groupId, username, () => atlasError("unavailable", LIST));
    return network.call(
      machine,
      call,
      () => {
        this.#authorize(groupId, LIST);
        const listed = atlas.listed(groupId, username);
        if (listed === undefined) throw this.#refusal("userNotFound", LIST);
        observer.listed(groupId, username, listed);
        const certificates = listed.map(({ serialNumber, createdAt, notAfter }) => ({
          ...{ serialNumber, groupId, subject: `CN=${username}` },
          createdAt: new Date(createdAt - calendarOf(atlas.monthMs).backdatedMs),
          notAfter: new Date(notAfter),
        }));
        return { certificates, answeredAt: this.#answeredAt() };
      },
      signal,
    );
  }

  /** Customer-managed X.509 is off in every project. */
  async getUserSecurity() {
    return { customerX509: {}, answeredAt: undefined };
  }

  disableCustomerManagedX509(): Promise<never> {
    return Promise.reject(atlasError("role", "disableCustomerManagedX509"));
  }

  #create(post: Post, months: number): string {
    const { atlas, observer, scheduler } = this.#options;
    const { projectId, username } = post;
    this.#authorize(projectId, CREATE);
    const before = atlas.unexpired(projectId, username)?.at(-1);
    const issued = atlas.issue(projectId, username, months);
    if (issued === undefined) throw this.#refusal("userNotFound", CREATE);
    post.certificate = issued;
    post.executedAt = scheduler.now;
    post.wrong = observer.wrongAnswer(projectId);
    if (post.wrong === "replayed" && before === undefined) post.wrong = "garbage";
    observer.executed(post);
    const { text } = issued;
    switch (post.wrong) {
      case undefined:
        return `${text.pem}\n${text.keyPem}\n`;
      case "wrongKey":
        return `${text.pem}\n${unusedKey}\n`;
      case "replayed":
        return `${before?.text.pem}\n${before?.text.keyPem}\n`;
      case "garbage":
        return `${text.pem.slice(0, 40)}\n${text.keyPem}\n`;
      case "wrongUser": {
        const { users } = atlas.project(projectId);
        const other = [...users.keys()].find((name) => name !== username);
        const wrong = other === undefined ? undefined : atlas.issue(projectId, other, months);
        return wrong === undefined ? "" : `${wrong.text.pem}\n${wrong.text.keyPem}\n`;
      }
      default:
        return post.wrong satisfies never;
    }
  }

  #authorize(projectId: string, operation: AtlasOperation): void {
    if (!this.#options.atlas.project(projectId).credentials.has(this.#secret))
      throw this.#refusal("credentials", operation);
  }

  /** A refusal tells the time, too. */
  #refusal(kind: AtlasErrorKind, operation: AtlasOperation): AtlasError {
    return atlasError(kind, operation, { answeredAt: this.#answeredAt() });
  }

  /** The answer's `Date` has whole seconds. */
  #answeredAt(): Date {
    return new Date(Math.floor(this.#options.scheduler.now / 1000) * 1000);
  }
}

export function atlasError(
  kind: AtlasErrorKind,
  operation: AtlasOperation,
  more: { readonly retryAfterMs?: number; readonly answeredAt?: Date; readonly cause?: unknown } = {},
): AtlasError {
  return new AtlasError({ kind, operation, problem: `Atlas says ${kind}.`, ...more });
}

function callOf(verb: "POST" | "GET", projectId: string, username: string, unanswered: () => Error): Call {
  return { service: "atlas", verb, what: `${projectId} ${username}`, scope: projectId, dryRun: false, unanswered };
}

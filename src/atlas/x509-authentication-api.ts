import { type Clock, systemClock } from "../clock.ts";
import type { SensitiveText } from "../sensitive-text.ts";
import { parseBody, parseJson } from "./answer-content.ts";
import type { Authenticator } from "./authentication/authenticator.ts";
import { createAuthenticator } from "./authentication/create-authenticator.ts";
import { type AtlasCredentials, credentialsKey, describeCredentials } from "./authentication/credentials.ts";
import { type DatabaseUser, databaseUser } from "./database-user.ts";
import { answeredAt } from "./errors/answer-times.ts";
import { AtlasError, type AtlasOperation } from "./errors/atlas-error.ts";
import { errorFromContent } from "./errors/make-error.ts";
import { type CertificatePage, certificatePage } from "./issued-certificate.ts";
import { ATLAS_MEDIA_TYPE, RATE_LIMITS_MEDIA_TYPE } from "./media-type.ts";
import { Pacer } from "./pacing/pacer.ts";
import type { RateLimits } from "./pacing/rate-limits.ts";
import { readRateLimits } from "./pacing/rate-limits-answer.ts";
import { type CertificateList, readAllPages } from "./paging.ts";
import {
  type CreateCertificateParameters,
  checkGroupId,
  checkUser,
  checkWholeNumber,
  type DatabaseUserParameters,
  type ListAllCertificatesParameters,
  type ListCertificatesParameters,
  MOST_ITEMS_PER_PAGE,
  type ProjectParameters,
} from "./parameters.ts";
import { holdsKeyPair, readPemAnswer } from "./pem-answer.ts";
import {
  certificatesPath,
  customerX509Path,
  databaseUserPath,
  rateLimitsPath,
  userSecurityPath,
  withQuery,
} from "./request-paths.ts";
import { CALL_TIMEOUT_MS, type Call, type CallOptions, Session } from "./session.ts";
import type { AtlasAnswer } from "./transport/exchange-handler.ts";
import { AtlasTransport } from "./transport/transport.ts";
import { type UserSecurity, userSecurity } from "./user-security.ts";

/** The caller's credentials, and the parts it shares with other callers of Atlas. */
export interface X509AuthenticationApiOptions {
  /** `parseCredentials` makes them from the entries of a Secret or an environment. */
  readonly credentials: AtlasCredentials;
  /** Connections to share with other api objects. Without it, this object opens its own: close it then. */
  readonly transport?: AtlasTransport | undefined;
  /**
   * Only when there is no `transport`.
   * @default "https://cloud.mongodb.com"
   */
  readonly baseUrl?: string | undefined;
  /** Share one among all api objects of a process; without it, this object paces only itself. */
  readonly pacer?: Pacer | undefined;
  /**
   * Whether Atlas is asked for a project's rate limit after the project's first successful call, and then at most once
   * an hour. No call waits for the answer, and where the role does not allow the question the published limit stays.
   * @default true
   */
  readonly learnRateLimits?: boolean | undefined;
  /**
   * Milliseconds for which a call may wait because Atlas or the rate limit wants it to: for its turn in the project, or
   * for another try. One that would wait longer fails at once, with `retryAfterMs`: for callers who have something better
   * to do meanwhile, in other projects.
   * @default for a turn as long as the call's own time, for another try a minute
   */
  readonly longestWaitMs?: number | undefined;
  readonly clock?: Clock | undefined;
  /** From 0 (inclusive) to 1 (exclusive), for jitter. @default Math.random */
  readonly random?: (() => number) | undefined;
}

/** Milliseconds that the question for the rate limit may take, when it is asked beside the calls. */
const LEARNING_TIMEOUT_MS = 30_000;

/**
 * X.509 authentication of MongoDB Atlas database users: the operations of the Atlas Administration API's group of that
 * name, version 2023-01-01.
 *
 * Every operation throws AtlasError and nothing else. Operations that read are retried after transient failures; those
 * that change something are sent once, and when their answer is lost the error's kind is `ambiguous`.
 */
export class X509AuthenticationApi {
  readonly #caller: string;
  readonly #clock: Clock;
  readonly #authenticator: Authenticator;
  readonly #session: Session;
  readonly #pacer: Pacer;
  readonly #ownTransport: AtlasTransport | undefined;
  readonly #learnsRateLimits: boolean;

  /** @throws TypeError when the base URL is not acceptable */
  constructor(options: X509AuthenticationApiOptions) {
    const clock = options.clock ?? systemClock;
    const random = options.random ?? Math.random;
    const transport = options.transport ?? new AtlasTransport({ baseUrl: options.baseUrl, clock });
    this.#ownTransport = options.transport === undefined ? transport : undefined;
    this.#clock = clock;
    this.#caller = describeCredentials(options.credentials);
    this.#pacer = options.pacer ?? new Pacer({ clock });
    this.#learnsRateLimits = options.learnRateLimits ?? true;
    const common = { transport, clock, random, longestWaitMs: options.longestWaitMs };
    this.#authenticator = createAuthenticator({ ...common, credentials: options.credentials });
    const caller = credentialsKey(options.credentials);
    this.#session = new Session({ ...common, authenticator: this.#authenticator, pacer: this.#pacer, caller });
  }

  /**
   * Lets Atlas make a key pair and a certificate for a database user. There is no way to get the key again, to revoke the
   * certificate or to delete it. A pair that arrived whole is kept, whatever else was wrong with the answer. Needs the
   * role Project Owner.
   *
   * @returns PEM, the certificate and its private key, as Atlas sent it
   * @throws AtlasError; of kind `ambiguous` when Atlas may have issued a certificate whose key is lost
   */
  async createDatabaseUserCertificate(
    parameters: CreateCertificateParameters,
    options: CallOptions = {},
  ): Promise<SensitiveText> {
    const operation = "createDatabaseUserCertificate";
    const { groupId, username, userCert } = parameters;
    checkUser(parameters, operation);
    const monthsUntilExpiration = userCert?.monthsUntilExpiration;
    checkWholeNumber(monthsUntilExpiration, { name: "monthsUntilExpiration", least: 1, most: 24 }, operation);
    const call: Call = {
      ...this.#common(operation, groupId, username),
      method: "POST",
      path: certificatesPath(groupId, username),
      headers: { Accept: ATLAS_MEDIA_TYPE, "Content-Type": ATLAS_MEDIA_TYPE },
      body: JSON.stringify({ monthsUntilExpiration }),
      isWhole: holdsKeyPair,
    };
    const answer = await this.#call(call, options);
    const pem = readPemAnswer(answer.body);
    if (pem === undefined) throw errorFromContent(answer, "without a PEM certificate and private key", call);
    return pem;
  }

  /** One page of a database user's unexpired certificates. Needs the role Project Read Only. */
  async listDatabaseUserCertificates(
    parameters: ListCertificatesParameters,
    options: CallOptions = {},
  ): Promise<CertificatePage> {
    const call = this.#listCall(parameters);
    const answer = await this.#call(call, options);
    return { ...parseBody(answer, certificatePage, "a list of certificates", call), answeredAt: answeredAt(answer) };
  }

  /**
   * All of a database user's unexpired certificates, each once, also while others are added or expire, with the time at
   * Atlas. `timeoutMs` is for all pages together. Needs the role Project Read Only.
   *
   * @throws AtlasError; of kind `badAnswer` when the pages do not end, or the list changes each time it is read
   */
  async listAllDatabaseUserCertificates(
    parameters: ListAllCertificatesParameters,
    options: CallOptions = {},
  ): Promise<CertificateList> {
    const { groupId, username, itemsPerPage = MOST_ITEMS_PER_PAGE } = parameters;
    const page = { groupId, username, itemsPerPage, includeCount: true };
    const endsAt = this.#clock.monotonic() + (options.timeoutMs ?? CALL_TIMEOUT_MS);
    return readAllPages(
      itemsPerPage,
      (pageNum) => {
        const timeoutMs = Math.max(0, endsAt - this.#clock.monotonic());
        return this.listDatabaseUserCertificates({ ...page, pageNum }, { ...options, timeoutMs });
      },
      (problem) => errorFromContent({ status: 200, headers: new Map() }, problem, this.#listCall(page)),
    );
  }

  /**
   * Switches customer-managed X.509 off for a project, which **restarts the database's nodes one after the other**. Needs
   * the role Project Owner.
   *
   * @returns the settings as Atlas accepted them; it works on them after it has answered
   */
  async disableCustomerManagedX509(parameters: ProjectParameters, options: CallOptions = {}): Promise<UserSecurity> {
    const operation = "disableCustomerManagedX509";
    checkGroupId(parameters.groupId, operation);
    const call: Call = {
      ...this.#common(operation, parameters.groupId),
      method: "DELETE",
      path: customerX509Path(parameters.groupId),
      readPath: userSecurityPath(parameters.groupId),
    };
    const answer = await this.#call(call, options);
    if (answer.body.length === 0) return { customerX509: {}, answeredAt: answeredAt(answer) };
    return readUserSecurity(answer, call);
  }

  /** Tells whether customer-managed X.509 is on: `customerX509.cas`. Needs the role Project Owner. */
  async getUserSecurity(parameters: ProjectParameters, options: CallOptions = {}): Promise<UserSecurity> {
    const operation = "getUserSecurity";
    checkGroupId(parameters.groupId, operation);
    const call: Call = {
      ...this.#common(operation, parameters.groupId),
      method: "GET",
      path: userSecurityPath(parameters.groupId),
    };
    return readUserSecurity(await this.#call(call, options), call);
  }

  /**
   * Reads a database user that X.509 authenticates. Needs the role Project Read Only.
   *
   * @throws AtlasError; of kind `userNotFound` also for a user of the same name that X.509 does not authenticate
   */
  async getDatabaseUser(parameters: DatabaseUserParameters, options: CallOptions = {}): Promise<DatabaseUser> {
    const operation = "getDatabaseUser";
    const { groupId, username } = parameters;
    checkUser(parameters, operation);
    const call: Call = {
      ...this.#common(operation, groupId, username),
      method: "GET",
      path: databaseUserPath(groupId, username),
      paced: false,
    };
    const answer = await this.#session.call(call, options);
    return { ...parseBody(answer, databaseUser, "a database user", call), answeredAt: answeredAt(answer) };
  }

  /**
   * Asks Atlas for the project's rate limit and hands it to the pacer. Not every caller may ask, and older Atlas editions
   * do not know the question: treat an error as "keep what you assume".
   *
   * @returns undefined when the answer has no limit for these endpoints
   */
  async refreshRateLimits(parameters: ProjectParameters, options: CallOptions = {}): Promise<RateLimits | undefined> {
    return this.#askRateLimits(parameters, options, { once: false });
  }

  /** Ends the connections that this object opened itself; a shared transport stays as it is. */
  async close(): Promise<void> {
    await this.#ownTransport?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** The path of all operations except those that Atlas does not count in the bucket of the certificates. */
  async #call(call: Call, options: CallOptions): Promise<AtlasAnswer> {
    const answer = await this.#session.call(call, options);
    if (this.#learnsRateLimits && this.#pacer.limitsDue(call.groupId)) this.#learnRateLimits(call.groupId);
    return answer;
  }

  /** Beside the calls: none of them waits for it or fails with it. */
  #learnRateLimits(groupId: string): void {
    this.#askRateLimits({ groupId }, { timeoutMs: LEARNING_TIMEOUT_MS }, { once: true }).catch((error: unknown) => {
      // A caller that may not ask continues with the assumed limits and with the headers of the answers.
      if (!(error instanceof AtlasError)) throw error;
    });
  }

  async #askRateLimits(
    { groupId }: ProjectParameters,
    options: CallOptions,
    { once }: { readonly once: boolean },
  ): Promise<RateLimits | undefined> {
    const operation = "listRateLimits";
    checkGroupId(groupId, operation);
    const call: Call = {
      ...this.#common(operation, groupId),
      method: "GET",
      path: rateLimitsPath(groupId),
      headers: { Accept: RATE_LIMITS_MEDIA_TYPE },
      paced: false,
      once,
    };
    const answer = await this.#session.call(call, options);
    const limits = readRateLimits(parseJson(answer, call));
    if (limits !== undefined) this.#pacer.setLimits(groupId, limits);
    return limits;
  }

  #listCall(parameters: ListCertificatesParameters): Call {
    const operation = "listDatabaseUserCertificates";
    const { groupId, username, includeCount, itemsPerPage, pageNum } = parameters;
    checkUser(parameters, operation);
    checkWholeNumber(itemsPerPage, { name: "itemsPerPage", least: 1, most: MOST_ITEMS_PER_PAGE }, operation);
    checkWholeNumber(pageNum, { name: "pageNum", least: 1, most: Number.MAX_SAFE_INTEGER }, operation);
    return {
      ...this.#common(operation, groupId, username),
      method: "GET",
      path: withQuery(certificatesPath(groupId, username), { includeCount, itemsPerPage, pageNum }),
    };
  }

  #common(
    operation: AtlasOperation,
    groupId: string,
    username?: string,
  ): Pick<Call, "operation" | "caller" | "conceal" | "groupId" | "username" | "headers"> {
    return {
      operation,
      caller: this.#caller,
      conceal: (text) => this.#authenticator.conceal(text),
      groupId,
      username,
      headers: { Accept: ATLAS_MEDIA_TYPE },
    };
  }
}

function readUserSecurity(answer: AtlasAnswer, call: Call): UserSecurity {
  return { ...parseBody(answer, userSecurity, "the user security settings", call), answeredAt: answeredAt(answer) };
}

import * as z from "zod";
import type { Clock } from "../clock.ts";
import { type Answer, errors, jsonAnswer, pageAnswer } from "./answers.ts";
import { certificateListJson, type ListDeviation } from "./certificate-list.ts";
import { type DatabaseUser, databaseUserJson, EXTERNAL, parseNewUser } from "./database-user.ts";
import { formatDistinguishedName, subjectOfUser } from "./distinguished-name.ts";
import type { Deviation } from "./fault-effects.ts";
import { lifetimeFrom } from "./lifetime.ts";
import { isJsonContentType } from "./media-type.ts";
import { parsePage } from "./paging.ts";
import type { RateLimit } from "./rate-limit.ts";
import { ROUTES, type Route } from "./routes.ts";
import type { AtlasState, CertificateRecord } from "./state.ts";

/** How the operations behave where the fixtures don't say. */
export interface OperationOptions {
  /** Undefined: months of the calendar. */
  readonly monthMs: number | undefined;
  /** How many unexpired certificates a user may have before Atlas refuses another. Undefined: no limit. */
  readonly certificateLimit: number | undefined;
  readonly rateLimit: RateLimit | "unlimited";
}

/** A request that has passed authentication, negotiation and the limits. */
interface OperationRequest {
  readonly route: Route;
  readonly projectId: string | undefined;
  readonly username: string | undefined;
  readonly databaseName: string | undefined;
  readonly query: URLSearchParams;
  readonly contentType: string | undefined;
  readonly body: string;
  /** Scheme and authority for links, without a path. */
  readonly origin: string;
}

const createBody = z.strictObject({
  monthsUntilExpiration: z.int().min(1).max(24).default(3),
  // Read-only fields of the same schema: a client may send what it has read.
  _id: z.unknown().optional(),
  createdAt: z.unknown().optional(),
  groupId: z.unknown().optional(),
  links: z.unknown().optional(),
  notAfter: z.unknown().optional(),
  subject: z.unknown().optional(),
});

const securityBody = z.strictObject({
  customerX509: z.strictObject({ cas: z.string().optional() }).optional(),
  // LDAP is not simulated: a client may send what it has read.
  ldap: z.unknown().optional(),
  links: z.unknown().optional(),
});

/** Performs the operations, each for a project (and a user) that exists. */
export class Operations {
  readonly #state: AtlasState;
  readonly #clock: Clock;
  readonly #options: OperationOptions;

  constructor(state: AtlasState, clock: Clock, options: OperationOptions) {
    this.#state = state;
    this.#clock = clock;
    this.#options = options;
  }

  async run(request: OperationRequest, deviation: Deviation): Promise<Answer> {
    const { route, projectId } = request;
    if (route.operation === "listRateLimits") return this.#listRateLimits(request);
    if (projectId === undefined) return errors.resourceNotFound(route.path);
    switch (route.operation) {
      case "getUserSecurity":
        return this.#userSecurity(request, projectId, 200);
      case "updateUserSecurity":
        return this.#updateUserSecurity(request, projectId);
      case "disableCustomerManagedX509":
        this.#state.setCustomerManagedX509(projectId, undefined);
        return this.#userSecurity(request, projectId, 202);
      case "listDatabaseUsers":
        return this.#listUsers(request, projectId);
      case "createDatabaseUser":
        return this.#createUser(request, projectId);
      default:
        return this.#runForUser(request, projectId, deviation);
    }
  }

  async #runForUser(request: OperationRequest, projectId: string, deviation: Deviation): Promise<Answer> {
    const { route, username = "", databaseName } = request;
    const user = this.#state.databaseUser(projectId, username);
    if (user === undefined || (databaseName ?? user.databaseName) !== user.databaseName) {
      return errors.userNotFound(username);
    }
    switch (route.operation) {
      case "getDatabaseUser":
        return jsonAnswer(route, 200, databaseUserJson(user, projectId, usersUrl(request, projectId)));
      case "deleteDatabaseUser":
        this.#state.deleteDatabaseUser(projectId, username);
        return jsonAnswer(route, 204, "");
      case "listDatabaseUserCertificates":
        return this.#list(request, projectId, username, deviation.list ?? {});
      case "createDatabaseUserCertificate":
        return this.#create(request, projectId, user, deviation);
      default:
        return errors.resourceNotFound(route.path);
    }
  }

  async #create(
    request: OperationRequest,
    projectId: string,
    { username, x509Type }: DatabaseUser,
    deviation: Deviation,
  ): Promise<Answer> {
    const body = readJson(request);
    if ("refused" in body) return body.refused;
    const months = parseMonths(body.json);
    if (typeof months !== "number") return months;
    if (x509Type !== "MANAGED") return errors.userNotManaged();
    if (this.#state.customerManagedX509(projectId) !== undefined) return errors.customerManagedX509On();
    const { certificateLimit, monthMs } = this.#options;
    if (certificateLimit !== undefined && this.#unexpired(projectId, username).length >= certificateLimit) {
      return errors.certificateLimitReached();
    }

    const subject = subjectOfUser(deviation.subject ?? username);
    const now = this.#clock.now();
    const lifetime = lifetimeFrom(now + (deviation.clockOffsetMs ?? 0), months, monthMs);
    const pair = await this.#state.authority(projectId).issueClient(subject, lifetime);
    this.#state.addCertificate(projectId, username, {
      serialNumber: pair.serialNumber.toString(),
      subject: formatDistinguishedName(subject),
      ...lifetime,
      issuedAt: new Date(now),
    });
    return jsonAnswer(request.route, 201, pair.certificatePem + pair.privateKeyPem);
  }

  #list(request: OperationRequest, projectId: string, username: string, deviation: ListDeviation): Answer {
    const page = parsePage(request.query);
    if ("invalid" in page) return errors.invalidQueryParameter(page.invalid);
    const url = `${usersUrl(request, projectId)}/${encodeURIComponent(username)}/certs`;
    const list = { page, projectId, url, nowMs: this.#clock.now() };
    const json = certificateListJson(this.#state.certificates(projectId, username), list, deviation);
    return jsonAnswer(request.route, 200, json);
  }

  #userSecurity(request: OperationRequest, projectId: string, status: number): Answer {
    const cas = this.#state.customerManagedX509(projectId);
    const body = {
      customerX509: cas === undefined ? {} : { cas },
      ldap: { authenticationEnabled: false, authorizationEnabled: false },
    };
    return jsonAnswer(request.route, status, JSON.stringify(body));
  }

  #updateUserSecurity(request: OperationRequest, projectId: string): Answer {
    const body = readJson(request);
    if ("refused" in body) return body.refused;
    const parsed = securityBody.safeParse(body.json);
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      if (issue?.code === "unrecognized_keys") return errors.unknownAttribute(issue.keys[0] ?? "");
      return errors.malformedJson();
    }
    const cas = parsed.data.customerX509?.cas;
    if (cas !== undefined) this.#state.setCustomerManagedX509(projectId, cas);
    return this.#userSecurity(request, projectId, 202);
  }

  #listUsers(request: OperationRequest, projectId: string): Answer {
    const page = parsePage(request.query);
    if ("invalid" in page) return errors.invalidQueryParameter(page.invalid);
    const url = usersUrl(request, projectId);
    const users = this.#state.databaseUsers(projectId).map((user) => databaseUserJson(user, projectId, url));
    return pageAnswer(request.route, page, url, users);
  }

  #createUser(request: OperationRequest, projectId: string): Answer {
    const body = readJson(request);
    if ("refused" in body) return body.refused;
    const parsed = parseNewUser(body.json);
    if ("unknown" in parsed) return errors.unknownAttribute(parsed.unknown);
    if ("invalid" in parsed) {
      return parsed.invalid === "" ? errors.malformedJson() : errors.invalidField(parsed.invalid, "is not valid");
    }
    const { user, hasPassword } = parsed;
    if (this.#state.databaseUser(projectId, user.username) !== undefined) return errors.userExists(user.username);
    if (user.x509Type !== "NONE") {
      if (hasPassword) return errors.x509UserWithPassword();
      if (user.databaseName !== EXTERNAL) return errors.invalidField("databaseName", `must be ${EXTERNAL}`);
    }
    this.#state.addDatabaseUser(projectId, user);
    return jsonAnswer(request.route, 201, databaseUserJson(user, projectId, usersUrl(request, projectId)));
  }

  #listRateLimits({ route, query, origin }: OperationRequest): Answer {
    const page = parsePage(query);
    if ("invalid" in page) return errors.invalidQueryParameter(page.invalid);
    const { rateLimit } = this.#options;
    const [names, paths] = [query.getAll("name"), query.getAll("endpointPath")];
    const sets = (rateLimit === "unlimited" ? [] : [endpointSet(rateLimit)]).filter(
      ({ endpointSetName, endpoints }) =>
        (names.length === 0 || names.includes(endpointSetName)) &&
        (paths.length === 0 || endpoints.some(({ path }) => paths.includes(path))),
    );
    const url = `${origin}${route.path}`;
    return pageAnswer(
      route,
      page,
      url,
      sets.map((set) => JSON.stringify(set)),
    );
  }

  #unexpired(projectId: string, username: string): readonly CertificateRecord[] {
    const now = this.#clock.now();
    return this.#state.certificates(projectId, username).filter(({ notAfter }) => notAfter.getTime() > now);
  }
}

function usersUrl({ origin }: OperationRequest, projectId: string): string {
  return `${origin}/api/atlas/v2/groups/${projectId}/databaseUsers`;
}

function readJson({ contentType, body }: OperationRequest): { readonly json: unknown } | { readonly refused: Answer } {
  if (!isJsonContentType(contentType)) return { refused: errors.unsupportedMediaType() };
  try {
    return { json: JSON.parse(body) };
  } catch (error: unknown) {
    if (error instanceof SyntaxError) return { refused: errors.malformedJson() };
    throw error;
  }
}

function parseMonths(json: unknown): number | Answer {
  const parsed = createBody.safeParse(json);
  if (parsed.success) return parsed.data.monthsUntilExpiration;
  const issue = parsed.error.issues[0];
  if (issue?.code === "unrecognized_keys") return errors.unknownAttribute(issue.keys[0] ?? "");
  if (issue?.path.length === 0) return errors.malformedJson();
  return errors.invalidField("monthsUntilExpiration", "must be a whole number from 1 to 24");
}

function endpointSet({ capacity, refill, refillDurationSeconds }: RateLimit) {
  return {
    capacity: { value: capacity },
    endpointSetId: "databaseUserSecurity_group",
    endpointSetName: "Database User Security",
    endpoints: ROUTES.filter((route) => route.rateLimited).map(({ method, path }) => ({ method, path })),
    refillDurationSeconds: { value: refillDurationSeconds },
    refillRate: { value: refill },
    scope: "GROUP",
  };
}

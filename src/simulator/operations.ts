import { z } from "zod";
import type { Clock } from "../clock.ts";
import { type Answer, errors } from "./answers.ts";
import { formatDistinguishedName, subjectOfUser } from "./distinguished-name.ts";
import type { IssueDeviation } from "./fault-effects.ts";
import { lifetimeFrom } from "./lifetime.ts";
import { isJsonContentType, versionedMediaType } from "./media-type.ts";
import { type Page, pageLinks, parsePage } from "./paging.ts";
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
export interface OperationRequest {
  readonly route: Route;
  readonly projectId: string | undefined;
  readonly username: string | undefined;
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
  notAfter: z.unknown().optional(),
  subject: z.unknown().optional(),
});

/** What the operations do, each for a project (and a user) that exists. */
export class Operations {
  readonly #state: AtlasState;
  readonly #clock: Clock;
  readonly #options: OperationOptions;

  constructor(state: AtlasState, clock: Clock, options: OperationOptions) {
    this.#state = state;
    this.#clock = clock;
    this.#options = options;
  }

  async run(request: OperationRequest, deviation: IssueDeviation): Promise<Answer> {
    const { route, projectId, username } = request;
    if (route.operation === "listRateLimits") return this.#listRateLimits(request);
    if (projectId === undefined) return errors.resourceNotFound(route.path);
    if (route.operation === "getUserSecurity") return this.#userSecurity(request, projectId, 200);
    if (route.operation === "disableCustomerManagedX509") {
      this.#state.setCustomerManagedX509(projectId, undefined);
      return this.#userSecurity(request, projectId, 202);
    }
    if (username === undefined || !this.#state.hasUser(projectId, username)) {
      return errors.userNotFound(username ?? "");
    }
    if (route.operation === "listDatabaseUserCertificates") return this.#list(request, projectId, username);
    return this.#create(request, projectId, username, deviation);
  }

  async #create(
    request: OperationRequest,
    projectId: string,
    username: string,
    deviation: IssueDeviation,
  ): Promise<Answer> {
    if (!isJsonContentType(request.contentType)) return errors.unsupportedMediaType();
    const months = parseMonths(request.body);
    if (typeof months !== "number") return months;
    if (this.#state.customerManagedX509(projectId) !== undefined) return errors.customerManagedX509On();
    const { certificateLimit, monthMs } = this.#options;
    if (certificateLimit !== undefined && this.#unexpired(projectId, username).length >= certificateLimit) {
      return errors.certificateLimitReached();
    }

    const subject = subjectOfUser(deviation.subject ?? username);
    const lifetime = lifetimeFrom(this.#clock.now() + (deviation.clockOffsetMs ?? 0), months, monthMs);
    const pair = await this.#state.authority(projectId).issueClient(subject, lifetime);
    this.#state.addCertificate(projectId, username, {
      serialNumber: pair.serialNumber.toString(),
      subject: formatDistinguishedName(subject),
      ...lifetime,
    });
    return jsonAnswer(request.route, 201, pair.certificatePem + pair.privateKeyPem);
  }

  #list(request: OperationRequest, projectId: string, username: string): Answer {
    const page = parsePage(request.query);
    if ("invalid" in page) return errors.invalidQueryParameter(page.invalid);
    const all = this.#unexpired(projectId, username);
    const start = (page.pageNum - 1) * page.itemsPerPage;
    const results = all.slice(start, start + page.itemsPerPage).map((record) => userCertJson(record, projectId));
    const path = `${request.origin}/api/atlas/v2/groups/${projectId}/databaseUsers/${encodeURIComponent(username)}/certs`;
    return pageAnswer(request.route, page, path, results, all.length);
  }

  #userSecurity(request: OperationRequest, projectId: string, status: number): Answer {
    const cas = this.#state.customerManagedX509(projectId);
    const body = {
      customerX509: cas === undefined ? {} : { cas },
      ldap: { authenticationEnabled: false, authorizationEnabled: false, userToDNMapping: null },
    };
    return jsonAnswer(request.route, status, JSON.stringify(body));
  }

  #listRateLimits(request: OperationRequest): Answer {
    const page = parsePage(request.query);
    if ("invalid" in page) return errors.invalidQueryParameter(page.invalid);
    const { rateLimit } = this.#options;
    const sets = rateLimit === "unlimited" ? [] : [endpointSet(rateLimit)];
    const results = (page.pageNum === 1 ? sets : []).map((set) => JSON.stringify(set));
    return pageAnswer(request.route, page, `${request.origin}${request.route.path}`, results, sets.length);
  }

  #unexpired(projectId: string, username: string): readonly CertificateRecord[] {
    const now = this.#clock.now();
    return this.#state.certificates(projectId, username).filter(({ notAfter }) => notAfter.getTime() > now);
  }
}

function parseMonths(body: string): number | Answer {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch (error: unknown) {
    if (error instanceof SyntaxError) return errors.malformedJson();
    throw error;
  }
  const parsed = createBody.safeParse(json);
  if (parsed.success) return parsed.data.monthsUntilExpiration;
  const issue = parsed.error.issues[0];
  if (issue?.code === "unrecognized_keys") return errors.unknownAttribute(issue.keys[0] ?? "");
  if (issue?.path.length === 0) return errors.malformedJson();
  return errors.invalidField("monthsUntilExpiration", "must be a whole number from 1 to 24");
}

/** The serial goes out as an unquoted number beyond 2^53, which `JSON.stringify` can't write. */
function userCertJson({ serialNumber, subject, notBefore, notAfter }: CertificateRecord, groupId: string): string {
  // Atlas gives the beginning of the validity as the time of creation.
  const rest = { createdAt: timestamp(notBefore), groupId, notAfter: timestamp(notAfter), subject };
  return `{"_id":${serialNumber},${JSON.stringify(rest).slice(1)}`;
}

function pageAnswer(route: Route, page: Page, path: string, results: readonly string[], totalCount: number): Answer {
  const links = JSON.stringify(pageLinks(page, path, totalCount));
  const count = page.includeCount ? `,"totalCount":${totalCount}` : "";
  return jsonAnswer(route, 200, `{"links":${links},"results":[${results.join(",")}]${count}}`);
}

function jsonAnswer(route: Route, status: number, body: string): Answer {
  const contentType = `${versionedMediaType(route.version ?? "")};charset=utf-8`;
  return { status, headers: { "content-type": contentType }, body };
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

/** ISO 8601 without fractions of a second, as Atlas writes times. */
function timestamp(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/, "Z");
}

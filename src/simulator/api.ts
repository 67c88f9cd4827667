import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../clock.ts";
import type { AccessTokens } from "./access-tokens.ts";
import { type Answer, errorAnswer, errors } from "./answers.ts";
import type { Authenticator } from "./authentication.ts";
import { type Delivery, type Deviation, operateUnder } from "./fault-effects.ts";
import type { FaultList } from "./faults.ts";
import type { Credentials, Role } from "./fixtures.ts";
import { BodyTooLargeError, deliver, readBody } from "./http-exchange.ts";
import { negotiateVersion } from "./media-type.ts";
import type { Operations } from "./operations.ts";
import { prettyJson } from "./pretty-json.ts";
import { type RateLimit, TokenBucket } from "./rate-limit.ts";
import type { RequestLog, RequestProgress } from "./request-log.ts";
import { matchRoute, type Route, type RouteMatch } from "./routes.ts";
import type { AtlasState } from "./state.ts";

interface ApiParts {
  readonly state: AtlasState;
  readonly clock: Clock;
  readonly log: RequestLog;
  readonly faults: FaultList;
  readonly tokens: AccessTokens;
  readonly authenticator: Authenticator;
  readonly operations: Operations;
  readonly rateLimit: RateLimit | "unlimited";
  /** The status that a missing role gives. */
  readonly roleMissingStatus: 401 | 403;
}

type Found = Extract<RouteMatch, { kind: "found" }>;

/** One request, read to its end. */
interface Received {
  readonly request: IncomingMessage;
  readonly method: string;
  readonly target: string;
  readonly body: string;
  readonly learned: (progress: RequestProgress) => void;
}

/**
 * The simulated Atlas Administration API. The order of the checks is that of the real one as far as it shows: who is
 * it, may this address come in, which version, how fast, which project, which role; the operation looks at the rest.
 */
export class Api {
  readonly #parts: ApiParts;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(parts: ApiParts) {
    this.#parts = parts;
  }

  /** Answers one request of the server. Never rejects. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { clock, log } = this.#parts;
    const method = request.method ?? "";
    const target = request.url ?? "";
    const match = matchRoute(method, target);
    const operation = match.kind === "found" ? match.route.operation : "unknown";
    const learned = log.open({ time: clock.now(), method, path: target, operation });
    // Node's own date would be that of the system's clock.
    response.setHeader("date", new Date(clock.now()).toUTCString());
    let delivery: Delivery;
    try {
      const body = await readBody(request);
      delivery = await this.#respond({ request, method, target, body, learned }, match);
    } catch (error: unknown) {
      // A client that goes away in the middle of its own request leaves no one to answer.
      if (request.destroyed && !request.complete) return;
      delivery = { kind: "answer", answer: failure(error) };
    }
    if (delivery.kind === "answer" || delivery.kind === "broken") learned({ status: delivery.answer.status });
    await deliver(request, response, delivery);
  }

  async #respond(received: Received, match: RouteMatch): Promise<Delivery> {
    switch (match.kind) {
      case "notFound":
        return { kind: "answer", answer: errors.resourceNotFound(received.target.split("?")[0] ?? "") };
      case "wrongMethod":
        return { kind: "answer", answer: errors.methodNotAllowed(received.method) };
      case "found":
        return match.route.version === undefined
          ? this.#underFaults(received, match, this.#client(received), async () => this.#token(received, match.route))
          : this.#authenticated(received, match);
      default:
        return match satisfies never;
    }
  }

  #client({ request, learned }: Received): string | undefined {
    const credentialsId = this.#parts.tokens.client(request.headers.authorization);
    if (credentialsId !== undefined) learned({ credentialsId });
    return credentialsId;
  }

  #token({ request, body }: Received, route: Route): Answer {
    const { tokens } = this.#parts;
    const { authorization, "content-type": contentType } = request.headers;
    const tokenRequest = { authorization, contentType, body };
    return route.operation === "revokeAccessToken" ? tokens.revoke(tokenRequest) : tokens.issue(tokenRequest);
  }

  async #authenticated(received: Received, match: Found): Promise<Delivery> {
    const { method, target, request, learned } = received;
    const projectId = match.projectId ?? match.query.get("groupId") ?? undefined;
    learned({
      ...(projectId === undefined ? {} : { projectId }),
      ...(match.username === undefined ? {} : { username: match.username }),
    });
    const authentication = this.#parts.authenticator.authenticate(method, target, request.headers.authorization);
    if (authentication.kind === "refused") return { kind: "answer", answer: authentication.answer };
    const { credentials } = authentication;
    learned({ credentialsId: credentials.id });
    const found = { ...match, projectId };
    return this.#underFaults(received, found, credentials.id, async (deviation) =>
      present(await this.#checked(received, found, credentials, deviation), match.query),
    );
  }

  async #underFaults(
    { learned }: Received,
    { route, projectId, username }: Found,
    credentialsId: string | undefined,
    operate: (deviation: Deviation) => Promise<Answer>,
  ): Promise<Delivery> {
    const taken = this.#parts.faults.take({ operation: route.operation, projectId, username, credentialsId });
    if (taken === undefined) return { kind: "answer", answer: await operate({}) };
    const { delivery, acted } = await operateUnder(taken.effect, this.#parts.clock, operate);
    if (acted) learned({ fault: taken.effect.kind });
    else taken.putBack();
    return delivery;
  }

  async #checked(
    { request, body }: Received,
    { route, projectId, username, databaseName, query }: Found,
    credentials: Credentials,
    deviation: Deviation,
  ): Promise<Answer> {
    const { state, operations, roleMissingStatus } = this.#parts;
    if (!state.ipAccessAllowed) return errors.addressNotAllowed(request.socket.remoteAddress ?? "");
    if (negotiateVersion(request.headers.accept, route.version ?? "") === undefined) {
      return errors.versionNotAcceptable();
    }
    if (projectId !== undefined) {
      if (!/^[0-9a-f]{24}$/.test(projectId)) return errors.invalidProjectId(projectId);
      if (!state.hasProject(projectId)) return errors.projectNotFound(projectId);
    }
    const limit = route.rateLimited ? this.#admit(route, projectId) : { headers: {} };
    if ("refused" in limit) return limit.refused;
    const answer =
      projectId !== undefined && !mayUse(credentials, projectId, route.role)
        ? errors.roleMissing(roleMissingStatus)
        : await operations.run(
            {
              route,
              projectId,
              username,
              databaseName,
              query,
              contentType: request.headers["content-type"],
              body,
              origin: originOf(request),
            },
            deviation,
          );
    return { ...answer, headers: { ...answer.headers, ...limit.headers } };
  }

  /** Takes a token of the project's bucket: the headers of every answer, or the 429 instead of one. */
  #admit(
    route: Route,
    projectId: string | undefined,
  ): { readonly headers: Readonly<Record<string, string>> } | { readonly refused: Answer } {
    const { rateLimit, clock } = this.#parts;
    if (rateLimit === "unlimited" || projectId === undefined) return { headers: {} };
    const bucket = this.#buckets.get(projectId) ?? new TokenBucket(rateLimit, clock);
    this.#buckets.set(projectId, bucket);
    const admission = bucket.take();
    const limit = { "ratelimit-limit": String(rateLimit.capacity) };
    if (admission.kind === "admitted") {
      return { headers: { ...limit, "ratelimit-remaining": String(admission.remaining) } };
    }
    const { retryAfterSeconds: seconds } = admission;
    const path = route.path.slice(1);
    const { capacity, refill, refillDurationSeconds } = rateLimit;
    return {
      refused: errorAnswer({
        status: 429,
        errorCode: "RATE_LIMITED_TOKEN_BUCKET",
        detail:
          `Rate limit exceeded for ${path}. Please retry after ${seconds} seconds. ` +
          `Request capacity: ${capacity}. Refill rate: ${refill} per ${refillDurationSeconds} seconds.`,
        parameters: [path, seconds, capacity, refill, refillDurationSeconds],
        headers: { ...limit, "ratelimit-remaining": "0", "retry-after": String(seconds) },
      }),
    };
  }
}

function mayUse(credentials: Credentials, projectId: string, needed: Role): boolean {
  if (!credentials.projectIds.includes(projectId)) return false;
  return credentials.role === "GROUP_OWNER" || credentials.role === needed;
}

function originOf(request: IncomingMessage): string {
  return `${"encrypted" in request.socket ? "https" : "http"}://${request.headers.host ?? "localhost"}`;
}

function failure(error: unknown): Answer {
  if (error instanceof BodyTooLargeError) {
    return errorAnswer({ status: 413, errorCode: "PAYLOAD_TOO_LARGE", detail: error.message });
  }
  // A defect of the simulator itself: a person who tests against it should read it, and no key material is in a message.
  const detail = `The simulator failed: ${error instanceof Error ? error.message : String(error)}`;
  return errorAnswer({ status: 500, errorCode: "UNEXPECTED_ERROR", detail });
}

/**
 * Applies the query parameters `pretty` and `envelope`, which every operation has. An envelope takes the status into
 * the body: beside the fields of a list, around everything else.
 */
function present(answer: Answer, query: URLSearchParams): Answer {
  const enveloped = query.get("envelope") === "true" ? { ...answer, body: envelope(answer) } : answer;
  const isJson = /^[{[]/.test(enveloped.body);
  return query.get("pretty") === "true" && isJson ? { ...enveloped, body: prettyJson(enveloped.body) } : enveloped;
}

function envelope({ status, body }: Answer): string {
  if (body.startsWith("{") && body.includes('"results":[')) return `${body.slice(0, -1)},"status":${status}}`;
  const json = body.startsWith("{") ? body : JSON.stringify(body);
  return `{"envelope":${json},"status":${status}}`;
}

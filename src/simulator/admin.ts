import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import * as z from "zod";
import { X509_TYPES } from "./database-user.ts";
import { EFFECT_KINDS, FaultError, parseFault } from "./faults.ts";
import { FixturesError, parseProject, ROLES } from "./fixtures.ts";
import { BodyTooLargeError, readBody } from "./http-exchange.ts";
import { OPERATIONS } from "./request-log.ts";
import type { SimulatorControls } from "./simulator-controls.ts";
import { ControlError } from "./state.ts";

/** One request to the admin port. */
interface AdminRequest {
  /** The values of the path's parameters, in order, decoded. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
  /** The JSON of the body; undefined for an empty one. */
  readonly body: unknown;
}

interface AdminRoute {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** Parameters are written as `:name`. */
  readonly path: string;
  /** The description in the answer to `GET /`. */
  readonly about: string;
  /** Gives the JSON of the answer; undefined becomes 204. Text is sent as it is. */
  run(controls: SimulatorControls, request: AdminRequest): unknown;
}

const roleBody = z.strictObject({ role: z.enum(ROLES) });
const allowedBody = z.strictObject({ allowed: z.boolean() });
const customerX509Body = z.strictObject({ cas: z.string().min(1) });
const userBody = z.strictObject({ x509Type: z.enum(X509_TYPES) }).optional();
const clockBody = z.strictObject({ advanceMs: z.int().nonnegative() });
const operationName = z.enum([...OPERATIONS, "unknown"]).optional();

const ADMIN_ROUTES: readonly AdminRoute[] = [
  {
    method: "GET",
    path: "/",
    about: "This list.",
    run: () => ADMIN_ROUTES.map(({ method, path, about }) => ({ request: `${method} ${path}`, about })),
  },
  { method: "GET", path: "/healthz", about: "Whether it runs.", run: () => ({ status: "ok" }) },
  {
    method: "POST",
    path: "/faults",
    about:
      "Disturbs the next requests: {operation, effect: {kind, ...}, times, projectId, username, credentialsId}. " +
      `The kinds: ${EFFECT_KINDS.join(", ")}.`,
    run: ({ faults }, { body }) => {
      faults.add(parseFault(body));
      return { pending: faults.pending };
    },
  },
  {
    method: "GET",
    path: "/faults",
    about: "The faults that wait.",
    run: ({ faults }) => ({ pending: faults.pending }),
  },
  { method: "DELETE", path: "/faults", about: "Forgets all faults.", run: ({ faults }) => faults.clear() },
  {
    method: "GET",
    path: "/requests",
    about: "Every request to the API, oldest first; ?operation= for one operation.",
    run: ({ log }, { query }) => ({ requests: log.entries(operationName.parse(query.get("operation") ?? undefined)) }),
  },
  { method: "DELETE", path: "/requests", about: "Empties the list of requests.", run: ({ log }) => log.clear() },
  { method: "GET", path: "/ca.pem", about: "The certificates of the authorities.", run: ({ caPem }) => caPem },
  { method: "GET", path: "/projects", about: "Projects and their users.", run: ({ projects }) => ({ projects }) },
  {
    method: "POST",
    path: "/projects",
    about: "Adds a project: {id, name, users}.",
    run: (controls, { body }) => controls.addProject(parseProject(body)),
  },
  {
    method: "PUT",
    path: "/projects/:projectId/users/:username",
    about: "Adds a database user; with {x509Type} one whose X.509 is not MANAGED by Atlas.",
    run: (controls, { path: [projectId = "", username = ""], body }) =>
      controls.addUser(projectId, username, userBody.parse(body)?.x509Type),
  },
  {
    method: "DELETE",
    path: "/projects/:projectId/users/:username",
    about: "Removes a database user.",
    run: (controls, { path: [projectId = "", username = ""] }) => controls.removeUser(projectId, username),
  },
  {
    method: "GET",
    path: "/projects/:projectId/users/:username/certificates",
    about: "The certificates of a user, the expired ones too.",
    run: (controls, { path: [projectId = "", username = ""] }) => ({
      certificates: controls.certificates(projectId, username),
    }),
  },
  {
    method: "DELETE",
    path: "/projects/:projectId/certificates/:serialNumber",
    about: "Makes a certificate vanish from the list.",
    run: (controls, { path: [projectId = "", serial = ""] }) => controls.forgetCertificate(projectId, serial),
  },
  {
    method: "PUT",
    path: "/projects/:projectId/customerX509",
    about: "Turns customer-managed X.509 on: {cas}.",
    run: (controls, { path: [projectId = ""], body }) =>
      controls.setCustomerManagedX509(projectId, customerX509Body.parse(body).cas),
  },
  {
    method: "DELETE",
    path: "/projects/:projectId/customerX509",
    about: "Turns customer-managed X.509 off.",
    run: (controls, { path: [projectId = ""] }) => controls.setCustomerManagedX509(projectId, undefined),
  },
  { method: "GET", path: "/credentials", about: "The credentials.", run: ({ credentials }) => ({ credentials }) },
  {
    method: "PUT",
    path: "/credentials/:id/role",
    about: "Changes a role: {role}.",
    run: (controls, { path: [id = ""], body }) => controls.setRole(id, roleBody.parse(body).role),
  },
  {
    method: "POST",
    path: "/credentials/:id/rotate",
    about: "Makes a new secret; the old one is worth nothing.",
    run: (controls, { path: [id = ""] }) => controls.rotateCredentials(id),
  },
  {
    method: "PUT",
    path: "/ipAccess",
    about: "Lets the client's address in or keeps it out: {allowed}.",
    run: (controls, { body }) => controls.setIpAccessAllowed(allowedBody.parse(body).allowed),
  },
  { method: "DELETE", path: "/tokens", about: "Ends all access tokens.", run: (controls) => controls.expireTokens() },
  { method: "DELETE", path: "/nonces", about: "Ends all Digest nonces.", run: (controls) => controls.expireNonces() },
  { method: "GET", path: "/clock", about: "The time on the simulator's clock.", run: ({ now }) => ({ now }) },
  {
    method: "POST",
    path: "/clock",
    about: "Moves the clock ahead: {advanceMs}. Certificates, tokens and nonces expire.",
    run: (controls, { body }) => {
      controls.advanceClock(clockBody.parse(body).advanceMs);
      return { now: controls.now };
    },
  },
];

/** Serves the controls as JSON over HTTP. */
export function adminListener(controls: SimulatorControls): RequestListener {
  return (request, response) => void handle(controls, request, response);
}

async function handle(controls: SimulatorControls, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const text = await readBody(request);
    const [path = "", query = ""] = (request.url ?? "").split(/\?(.*)/s);
    const found = findRoute(request.method ?? "", path);
    if (found === undefined) {
      send(response, 404, { error: `there is no ${request.method} ${path}; GET / lists what there is` });
      return;
    }
    const body: unknown = text === "" ? undefined : JSON.parse(text);
    const result = await found.route.run(controls, { path: found.values, query: new URLSearchParams(query), body });
    send(response, result === undefined ? 204 : 200, result);
  } catch (error: unknown) {
    const [status, message] = explain(error);
    if (!response.headersSent) send(response, status, { error: message });
  }
}

function findRoute(method: string, path: string): { route: AdminRoute; values: readonly string[] } | undefined {
  const segments = path.split("/");
  for (const route of ADMIN_ROUTES) {
    const pattern = route.path.split("/");
    if (route.method !== method || pattern.length !== segments.length) continue;
    if (!pattern.every((expected, index) => expected.startsWith(":") || expected === segments[index])) continue;
    const values = segments.filter((_, index) => pattern[index]?.startsWith(":")).map(decodeURIComponent);
    return { route, values };
  }
  return undefined;
}

function explain(error: unknown): readonly [status: number, message: string] {
  if (error instanceof z.ZodError) return [400, z.prettifyError(error)];
  if (error instanceof SyntaxError) return [400, "the body is not JSON"];
  if (error instanceof URIError) return [400, "the path is not encoded well"];
  if (error instanceof FaultError || error instanceof FixturesError) return [400, error.message];
  if (error instanceof ControlError) return [404, error.message];
  if (error instanceof BodyTooLargeError) return [413, error.message];
  return [500, error instanceof Error ? error.message : String(error)];
}

function send(response: ServerResponse, status: number, body: unknown): void {
  if (status === 204) {
    response.writeHead(204).end();
    return;
  }
  const text = typeof body === "string" ? body : `${JSON.stringify(body)}\n`;
  const type = typeof body === "string" ? "application/x-pem-file" : "application/json";
  response.writeHead(status, { "content-type": type, "content-length": String(Buffer.byteLength(text)) }).end(text);
}

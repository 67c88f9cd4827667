import { Agent, request } from "node:https";
import type { ClientCredentials } from "./credentials.ts";

const TIME_LIMIT_MS = 30_000;

export interface RestAnswer {
  readonly status: number;
  /** The parsed body where it is JSON, else its text. */
  readonly body: unknown;
}

/**
 * One request to the API server.
 *
 * @param requestPath with the query, as in `/api/v1/namespaces?limit=1`
 * @param body sent as JSON unless it is a string
 * @param contentType of the body @default "application/json"
 */
export type Rest = (method: string, requestPath: string, body?: unknown, contentType?: string) => Promise<RestAnswer>;

/**
 * A Kubernetes client of a page, on purpose not the product's own: the tests judge the product with something else.
 * Sends each request once.
 */
export function createRest(credentials: ClientCredentials): Rest {
  const agent = new Agent({
    ca: credentials.caPem,
    cert: credentials.certPem,
    key: credentials.keyPem,
    keepAlive: true,
    // The API server closes idle connections after 90 s, perhaps at the moment a request is sent on one.
    timeout: 45_000,
    maxSockets: 16,
  });
  return (method, requestPath, body, contentType = "application/json") =>
    new Promise((resolve, reject) => {
      const text = body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body);
      const headers = {
        accept: "application/json",
        ...(text === undefined ? {} : { "content-type": contentType, "content-length": Buffer.byteLength(text) }),
      };
      const signal = AbortSignal.timeout(TIME_LIMIT_MS);
      const outgoing = request(new URL(requestPath, credentials.server), { agent, method, headers, signal });
      outgoing.once("error", reject);
      outgoing.once("response", (incoming) => {
        let received = "";
        incoming.setEncoding("utf8").on("data", (chunk: string) => {
          received += chunk;
        });
        incoming.once("error", reject);
        incoming.once("end", () => resolve({ status: incoming.statusCode ?? 0, body: parse(received) }));
      });
      outgoing.end(text);
    });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type BindAddress, formatBindAddress } from "./bind-address.ts";

export interface Answer {
  readonly status: number;
  readonly contentType: string;
  /** Whole, or in parts that are made as they are sent. */
  readonly body: string | Iterable<string>;
}

/** Answers a GET of one path. */
export type Route = (query: URLSearchParams) => Answer | Promise<Answer>;

export interface ServerOptions {
  readonly address: BindAddress;
  /** Name of the served content, for messages, such as `metrics`. */
  readonly what: string;
  /** By path. */
  readonly routes: Readonly<Record<string, Route>>;
  readonly onError: (error: unknown) => void;
}

export interface RunningServer {
  /** With the port that it really listens on. */
  readonly address: BindAddress;
  /** Ends every connection. */
  close(): Promise<void>;
}

/** The address can't be listened on. The message is a sentence for the one who chose it. */
export class ListenError extends Error {
  override readonly name = "ListenError";
}

/** Time limit of a request's headers, in milliseconds. */
const HEADERS_TIMEOUT_MS = 1_000;
/** Time limit of a whole request, and of a connection without one, in milliseconds. */
const TIMEOUT_MS = 5_000;
/** A slow reader has this long between two parts of an answer, in milliseconds. */
const SOCKET_TIMEOUT_MS = 10_000;
const MAX_CONNECTIONS = 64;
const MAX_CONNECTIONS_PER_ADDRESS = 16;
const PLAIN_TEXT = "text/plain; charset=utf-8";

/**
 * Serves texts over plain HTTP: GET and HEAD alone, nothing is read from a body, no one can hold a connection for long, and
 * slow clients make room for new ones.
 *
 * @throws ListenError
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const connections = new Connections();
  const server = createServer(
    {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: TIMEOUT_MS,
      keepAliveTimeout: TIMEOUT_MS,
      connectionsCheckingInterval: HEADERS_TIMEOUT_MS / 2,
    },
    (request, response) => {
      connections.answering(request.socket, response);
      void respond(options, request, response);
    },
  );
  server.setTimeout(SOCKET_TIMEOUT_MS);
  server.on("connection", (socket) => connections.add(socket));
  await listen(server, options);
  server.on("error", options.onError);
  const bound = server.address();
  return {
    address: { ...options.address, port: typeof bound === "object" && bound !== null ? bound.port : 0 },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A new connection always gets in: where there are too many, the oldest that waits for its request is closed. */
class Connections {
  /** In the order of their arrival, with the number of requests that are being answered. */
  readonly #requests = new Map<Socket, number>();

  add(socket: Socket): void {
    const all = [...this.#requests.keys()];
    const ofAddress = all.filter(({ remoteAddress }) => remoteAddress === socket.remoteAddress);
    if (ofAddress.length >= MAX_CONNECTIONS_PER_ADDRESS) this.#closeOne(ofAddress);
    else if (all.length >= MAX_CONNECTIONS) this.#closeOne(all);
    this.#requests.set(socket, 0);
    socket.once("close", () => this.#requests.delete(socket));
  }

  answering(socket: Socket, response: ServerResponse): void {
    this.#count(socket, 1);
    response.once("close", () => this.#count(socket, -1));
  }

  #closeOne(sockets: readonly Socket[]): void {
    const socket = sockets.find((one) => this.#requests.get(one) === 0) ?? sockets[0];
    if (socket === undefined) return;
    this.#requests.delete(socket);
    socket.destroy();
  }

  #count(socket: Socket, change: number): void {
    const requests = this.#requests.get(socket);
    if (requests !== undefined) this.#requests.set(socket, requests + change);
  }
}

async function listen(server: Server, { address, what }: ServerOptions): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ port: address.port, host: address.host }, () => {
        server.off("error", reject);
        resolve();
      });
    });
  } catch (error: unknown) {
    throw new ListenError(`can't serve ${what} on ${formatBindAddress(address)}: ${reasonOf(error)}`, { cause: error });
  }
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  switch (code) {
    case "EADDRINUSE":
      return "the port is in use";
    case "EACCES":
      return "this user may not listen on that port";
    case "EADDRNOTAVAIL":
      return "this machine has no such address";
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "there is no such host";
    default:
      return error instanceof Error ? error.message : String(error);
  }
}

/** Never rejects. */
async function respond(
  { routes, onError }: ServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  let answer: Answer;
  try {
    answer = await answerTo(routes, request);
  } catch (error: unknown) {
    onError(error);
    answer = { status: 500, contentType: PLAIN_TEXT, body: "internal error\n" };
  }
  if (response.destroyed) return;
  try {
    await send(request, response, answer);
  } catch (error: unknown) {
    response.destroy();
    // The client has left, or was too slow.
    const hasLeft = error instanceof Error && "code" in error && error.code === "ERR_STREAM_PREMATURE_CLOSE";
    if (!hasLeft) onError(error);
  }
}

function answerTo(routes: ServerOptions["routes"], request: IncomingMessage): Answer | Promise<Answer> {
  const [path = "", query = ""] = (request.url ?? "").split(/\?(.*)/s);
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
  if (route === undefined) {
    const known = Object.keys(routes).join(", ");
    return { status: 404, contentType: PLAIN_TEXT, body: `there is nothing here; try ${known}\n` };
  }
  if (request.method !== "GET" && request.method !== "HEAD") {
    return { status: 405, contentType: PLAIN_TEXT, body: "only GET and HEAD\n" };
  }
  return route(new URLSearchParams(query));
}

/** Resolves when all of it was handed to the connection, which takes the parts no faster than they are read. */
async function send(
  request: IncomingMessage,
  response: ServerResponse,
  { status, contentType, body }: Answer,
): Promise<void> {
  response.writeHead(status, {
    "content-type": contentType,
    ...(typeof body === "string" && { "content-length": String(Buffer.byteLength(body)) }),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...(status === 405 && { allow: "GET, HEAD" }),
  });
  if (request.method === "HEAD") response.end();
  else await pipeline(Readable.from(body), response);
}

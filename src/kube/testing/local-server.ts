import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { KubeConfig } from "../config/kube-config.ts";

export interface SeenRequest {
  readonly method: string;
  /** Path and query as they arrived. */
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
  /** Which connection it came over, from 1. */
  readonly connection: number;
}

export type Answer = (request: SeenRequest, response: ServerResponse) => void;

/** A server on the loopback that answers as the test says and remembers what it was asked. */
export class LocalServer implements AsyncDisposable {
  readonly requests: SeenRequest[] = [];
  answer: Answer = (_request, response) => sendJson(response, 500, { kind: "Status", message: "no answer set" });
  #server: Server = this.#build();
  readonly #connections = new Map<Socket, number>();
  #opened = 0;
  #port = 0;

  static async start(): Promise<LocalServer> {
    const server = new LocalServer();
    await server.listen();
    return server;
  }

  /** How many connections have been made so far. */
  get connections(): number {
    return this.#opened;
  }

  get openConnections(): number {
    return this.#connections.size;
  }

  get kubeConfig(): KubeConfig {
    return {
      server: new URL(`http://127.0.0.1:${this.#port}`),
      source: "test",
      namespace: undefined,
      authenticate: async () => ({ headers: {}, tls: {} }),
    };
  }

  /** Listens, on the same port as before if there was one. */
  async listen(): Promise<void> {
    this.#server = this.#build();
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(this.#port, "127.0.0.1", resolve);
    });
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Goes away: closes the port and cuts every connection. */
  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.cutAll();
    await closed;
  }

  cutAll(): void {
    for (const socket of this.#connections.keys()) {
      socket.destroy();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #build(): Server {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      response.on("error", () => {});
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const seen: SeenRequest = {
          method: request.method ?? "",
          url: request.url ?? "",
          headers: request.headers,
          body: Buffer.concat(chunks).toString("utf8"),
          connection: this.#connections.get(request.socket) ?? 0,
        };
        this.requests.push(seen);
        this.answer(seen, response);
      });
    });
    // Idle connections are the client's to close in these tests.
    server.keepAliveTimeout = 0;
    server.on("connection", (socket) => {
      this.#opened += 1;
      this.#connections.set(socket, this.#opened);
      socket.on("close", () => this.#connections.delete(socket));
      socket.on("error", () => {});
    });
    return server;
  }
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

/** A failure as the API server writes it. */
export function sendStatus(
  response: ServerResponse,
  code: number,
  reason: string,
  message = `it is ${reason}`,
  headers: Readonly<Record<string, string>> = {},
): void {
  sendJson(
    response,
    code,
    { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, reason, code },
    headers,
  );
}

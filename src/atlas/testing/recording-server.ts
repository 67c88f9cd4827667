import { createServer, type Server, type Socket } from "node:net";

/** One request as it arrived, byte for byte. */
export interface RecordedRequest {
  /** Request line and headers without the empty line at the end. */
  readonly head: string;
  readonly method: string;
  readonly target: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The reaction to a request: an answer to send, or a function that uses the socket itself. */
export type Reaction = string | ((socket: Socket) => void);

/**
 * An HTTP server on 127.0.0.1 that understands just enough to take requests apart, keeps every byte of them, and answers
 * with exactly the bytes it is told to.
 */
export class RecordingServer {
  readonly requests: RecordedRequest[] = [];
  connections = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #react: (request: RecordedRequest, index: number) => Reaction | Promise<Reaction>;

  constructor(react: (request: RecordedRequest, index: number) => Reaction | Promise<Reaction>) {
    this.#react = react;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  static async start(
    react: (request: RecordedRequest, index: number) => Reaction | Promise<Reaction>,
  ): Promise<RecordingServer> {
    const server = new RecordingServer(react);
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the server does not listen");
    return address.port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  set react(react: (request: RecordedRequest, index: number) => Reaction | Promise<Reaction>) {
    this.#react = react;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #serve(socket: Socket): void {
    this.connections += 1;
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => undefined);
    let received = "";
    socket.on("data", async (data: Buffer) => {
      received += data.toString("latin1");
      const end = received.indexOf("\r\n\r\n");
      if (end === -1) return;
      const head = received.slice(0, end);
      const headers = Object.fromEntries(
        head
          .split("\r\n")
          .slice(1)
          .map((line): [string, string] => {
            const colon = line.indexOf(":");
            return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
          }),
      );
      const length = Number(headers["content-length"] ?? 0);
      if (received.length < end + 4 + length) return;
      const body = received.slice(end + 4, end + 4 + length);
      received = received.slice(end + 4 + length);
      const [method = "", target = ""] = head.split(" ");
      const request = { head, method, target, headers, body };
      this.requests.push(request);
      const reaction = await this.#react(request, this.requests.length - 1);
      if (typeof reaction === "string") socket.write(reaction);
      else reaction(socket);
    });
  }
}

/** The bytes of an answer. */
export function answer(
  status: number,
  body: unknown = "",
  headers: Readonly<Record<string, string | readonly string[]>> = {},
): string {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const lines = Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().map((value) => `${name}: ${value}`),
  );
  return [`HTTP/1.1 ${status} Status`, `content-length: ${Buffer.byteLength(text)}`, ...lines, "", text].join("\r\n");
}

/** The answer to a request for an access token. */
export function tokenAnswer(token = "token-1", expiresIn = 3600): string {
  return answer(200, { access_token: token, token_type: "Bearer", expires_in: expiresIn });
}

/** An error as Atlas sends it. */
export function atlasErrorAnswer(
  status: number,
  errorCode: string,
  detail = "Something is wrong.",
  headers: Readonly<Record<string, string>> = {},
): string {
  const body = { error: status, errorCode, detail, reason: "Reason", parameters: [] };
  return answer(status, body, { "content-type": "application/json", ...headers });
}

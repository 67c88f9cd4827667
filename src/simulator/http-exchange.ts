import { once } from "node:events";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { isIPv6 } from "node:net";
import { TLSSocket } from "node:tls";
import type { Answer } from "./answers.ts";
import { encodeBody } from "./content-encoding.ts";
import type { BrokenBody, Delivery } from "./fault-effects.ts";

/** A request with more than this is refused. */
const MOST_BODY_BYTES = 1024 * 1024;

export class BodyTooLargeError extends Error {
  override readonly name = "BodyTooLargeError";
}

/** Reads a request's body as UTF-8. @throws {BodyTooLargeError} */
export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    const bytes = Buffer.from(chunk);
    length += bytes.length;
    // Read on beyond the limit, but keep nothing: leaving the loop would destroy the connection before the answer.
    if (length <= MOST_BODY_BYTES) chunks.push(bytes);
  }
  if (length > MOST_BODY_BYTES) throw new BodyTooLargeError("The body is larger than 1 MiB.");
  return Buffer.concat(chunks).toString("utf8");
}

/** Sends an answer, or breaks the connection the way a fault wants it broken. */
export async function deliver(request: IncomingMessage, response: ServerResponse, delivery: Delivery): Promise<void> {
  switch (delivery.kind) {
    case "answer": {
      const { answer, encoding, continueFirst } = delivery;
      const body = encodeBody(answer.body, encoding);
      if (continueFirst) response.writeContinue();
      response.writeHead(answer.status, {
        ...answer.headers,
        ...(encoding === undefined ? {} : { "content-encoding": encoding }),
        // A 204 must not have one (RFC 9110, 8.6).
        ...(answer.status === 204 ? {} : { "content-length": String(body.length) }),
      });
      response.end(body);
      return;
    }
    case "broken":
      sendBroken(request, response, delivery.answer, delivery.as);
      return;
    case "reset":
      // Node can reset only a plain connection.
      if (request.socket instanceof TLSSocket) request.socket.destroy();
      else request.socket.resetAndDestroy();
      return;
    case "silence":
      // Kept open until the client gives up or the simulator is closed.
      return;
    default:
      delivery satisfies never;
  }
}

function sendBroken(request: IncomingMessage, response: ServerResponse, answer: Answer, as: BrokenBody): void {
  const body = Buffer.from(answer.body);
  const announced = as === "half" ? body.length : body.length + 10;
  const length = as === "missingLastChunk" ? {} : { "content-length": String(announced) };
  response.writeHead(answer.status, { ...answer.headers, ...length });
  const sent = as === "half" ? body.subarray(0, Math.floor(body.length / 2)) : body;
  // An orderly end of the connection: a reset could overtake what is on its way.
  response.write(sent, () => {
    if (as !== "unending") request.socket.destroy();
  });
}

/** Starts a server and tells its port. Rejects if it can't have the address. */
export async function listen(server: Server, host: string, port: number): Promise<number> {
  server.listen(port, host);
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no TCP address");
  return address.port;
}

/** Ends every connection of a server, also those that wait for an answer. */
export async function closeServer(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, "close");
  server.close();
  server.closeAllConnections();
  await closed;
}

/** A URL by which a client on the same machine reaches a server that listens on `host`. */
export function urlOf(scheme: "http" | "https", host: string, port: number): string {
  const everywhere: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };
  const reachable = everywhere[host] ?? host;
  return `${scheme}://${isIPv6(reachable) ? `[${reachable}]` : reachable}:${port}`;
}

import { createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** A server on 127.0.0.1 that writes down what comes and hangs up. */
export interface Decoy {
  readonly port: number;
  readonly url: string;
  /** The first line of each connection; empty where nothing was said. */
  readonly visits: readonly string[];
}

/** Starts one for the running test. */
export async function startDecoy(): Promise<Decoy> {
  const visits: string[] = [];
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    const visit = visits.push("") - 1;
    socket.on("error", () => undefined);
    socket.on("close", () => open.delete(socket));
    socket.once("data", (data) => {
      visits[visit] = data.toString("latin1").split("\r\n", 1)[0] ?? "";
      socket.end("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the decoy has no port");
  return { port: address.port, url: `http://127.0.0.1:${address.port}`, visits };
}

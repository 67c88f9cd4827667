import type { AddressInfo } from "node:net";
import { connect, createServer, type Server, type Socket } from "node:net";

/** What the proxy does to bytes on their way. */
export type Weather = "fair" | "blackhole" | "refuse";

/** A TCP proxy to the API server that can cut, hold back and swallow. TLS goes through it untouched. */
export class FaultProxy implements AsyncDisposable {
  weather: Weather = "fair";
  readonly #target: { readonly host: string; readonly port: number };
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();

  constructor(target: URL) {
    this.#target = { host: target.hostname, port: Number(target.port) };
    this.#server = createServer((client) => this.#accept(client));
  }

  static async start(target: URL): Promise<FaultProxy> {
    const proxy = new FaultProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get url(): URL {
    return new URL(`https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`);
  }

  get connections(): number {
    return this.#pairs.size;
  }

  /** Resets every connection. */
  reset(): void {
    for (const [client, server] of this.#pairs) {
      client.resetAndDestroy();
      server.destroy();
    }
  }

  /** Lets one connection end after so many more bytes from the API server, wherever that is in a line. */
  cutAfter(bytes: number): void {
    const [pair] = this.#pairs;
    if (pair === undefined) {
      return;
    }
    const [client, server] = pair;
    let left = bytes;
    server.on("data", (chunk: Buffer) => {
      left -= chunk.length;
      if (left <= 0) {
        client.destroy();
        server.destroy();
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.reset();
    await closed;
  }

  #accept(client: Socket): void {
    if (this.weather === "refuse") {
      client.resetAndDestroy();
      return;
    }
    const server = connect(this.#target);
    const pair = [client, server] as const;
    this.#pairs.add(pair);
    const forward = (from: Socket, to: Socket) => {
      from.on("data", (chunk: Buffer) => {
        if (this.weather !== "blackhole") {
          to.write(chunk);
        }
      });
      from.on("error", () => {});
      from.on("close", () => {
        this.#pairs.delete(pair);
        // Half-open: who sits behind a black hole does not learn that the other end is gone.
        if (this.weather !== "blackhole") {
          to.destroy();
        }
      });
    };
    forward(client, server);
    forward(server, client);
  }
}

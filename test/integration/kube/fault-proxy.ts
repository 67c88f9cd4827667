import type { AddressInfo } from "node:net";
import { connect, createServer, type Server, type Socket } from "node:net";
import { systemClock } from "../../../src/clock.ts";

/**
 * What the proxy does to bytes on their way.
 *
 * - `slow`: they arrive, in their order, each part `DELAY_MS` late
 * - `blackhole`: they are swallowed, and so is everything later on the same connection: a stream with a hole in it can't
 *   go on, and neither end learns of that
 * - `refuse`: those of old connections pass, new connections are reset
 */
export type Weather = "fair" | "slow" | "blackhole" | "refuse";

export const DELAY_MS = 300;

/** A TCP proxy to the API server that can cut, hold back, delay and swallow. TLS goes through it untouched. */
export class FaultProxy implements AsyncDisposable {
  weather: Weather = "fair";
  readonly #target: { readonly host: string; readonly port: number };
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  #delayed = 0;

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
    return this.#connections.size;
  }

  /** How many parts of streams have been delayed. */
  get delayed(): number {
    return this.#delayed;
  }

  /** Resets every connection. */
  reset(): void {
    for (const connection of this.#connections) connection.reset();
  }

  /**
   * Ends each connection of this moment after so many more bytes from the API server, wherever that is in a line. One
   * over which nothing more comes stays.
   */
  cutAfter(bytes: number): void {
    for (const connection of this.#connections) connection.cutAfter(bytes);
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
    const connection = new Connection({
      client,
      server: connect(this.#target),
      weather: () => this.weather,
      onDelay: () => {
        this.#delayed += 1;
      },
      onClose: () => this.#connections.delete(connection),
    });
    this.#connections.add(connection);
  }
}

interface ConnectionOptions {
  readonly client: Socket;
  readonly server: Socket;
  readonly weather: () => Weather;
  readonly onDelay: () => void;
  /** Called when both ends are closed. */
  readonly onClose: () => void;
}

/** The two halves of a connection through the proxy. */
class Connection {
  readonly #options: ConnectionOptions;
  /** Something was swallowed: nothing passes any more, in neither direction. */
  #isDead = false;
  /** Bytes from the API server that may still pass; undefined for any number. */
  #left: number | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { client, server, onClose } = options;
    this.#forward(client, server);
    this.#forward(server, client);
    let open = 2;
    for (const socket of [client, server]) {
      socket.on("close", () => {
        open -= 1;
        if (open === 0) onClose();
      });
    }
  }

  reset(): void {
    this.#options.client.resetAndDestroy();
    this.#options.server.destroy();
  }

  cutAfter(bytes: number): void {
    this.#left = bytes;
  }

  #forward(from: Socket, to: Socket): void {
    /** The parts that are on their way, one after the other. */
    let way: Promise<void> | undefined;
    const send = (part: Buffer) => {
      if (this.#isDead || to.destroyed) return;
      const { client, server } = this.#options;
      const isLast = from === server && this.#left !== undefined && part.length >= this.#left;
      if (from === server && this.#left !== undefined) this.#left -= part.length;
      if (!isLast) {
        to.write(part);
        return;
      }
      // What passes does arrive, in the middle of a line: an end in good order, not a reset, which would throw it away.
      client.end(part.subarray(0, part.length + (this.#left ?? 0)));
      server.destroy();
    };
    from.on("data", (part: Buffer) => {
      const weather = this.#options.weather();
      if (weather === "blackhole") this.#isDead = true;
      if (weather === "slow") this.#options.onDelay();
      if (weather !== "slow" && way === undefined) {
        send(part);
        return;
      }
      const dueAt = systemClock.monotonic() + (weather === "slow" ? DELAY_MS : 0);
      const mine = (way ?? Promise.resolve()).then(async () => {
        await systemClock.sleep(Math.max(0, dueAt - systemClock.monotonic()));
        send(part);
        if (way === mine) way = undefined;
      });
      way = mine;
    });
    from.on("error", () => {});
    from.on("close", () => {
      // Half-open: who sits behind a black hole does not learn that the other end is gone.
      if (this.#options.weather() !== "blackhole" && !this.#isDead)
        void (way ?? Promise.resolve()).then(() => to.destroySoon());
    });
  }
}

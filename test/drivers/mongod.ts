import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import { BSON } from "mongodb";
import type { KeyAndCertificate } from "../../src/kube/testing/tls-authority.ts";

/** The subset of a MongoDB server that a login takes: hello, authenticate with MONGODB-X509, ping. */

/** A ping that was answered. */
export interface Ping {
  /** The appName of the client's connection string. */
  readonly app: string;
  /** Serial number of the certificate that the connection presented, in decimal. */
  readonly serialNumber: string;
}

export interface MongodOptions {
  readonly pair: KeyAndCertificate;
  /** PEM of the authorities of client certificates. */
  readonly clientCa: string;
  /** Subjects of the database users, in RFC 2253. */
  readonly users: readonly string[];
  /** @default a free port of 127.0.0.1 */
  readonly listen?: { readonly host: string; readonly port: number };
}

interface Session {
  app: string;
  user: string | undefined;
}

/** Opcodes of the wire protocol (https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/). */
const OP_REPLY = 1;
const OP_QUERY = 2004;
const OP_MSG = 2013;
const HEADER_LENGTH = 16;

const HELLO = {
  isWritablePrimary: true,
  ismaster: true,
  helloOk: true,
  maxBsonObjectSize: 16_777_216,
  maxMessageSizeBytes: 48_000_000,
  maxWriteBatchSize: 100_000,
  minWireVersion: 0,
  maxWireVersion: 25,
  ok: 1,
};

export class Mongod implements AsyncDisposable {
  /** The pings that were answered, in their order. */
  readonly pings: Ping[] = [];
  readonly #server: Server;
  readonly #users: readonly string[];
  readonly #sockets = new Set<TLSSocket>();

  private constructor({ pair, clientCa, users }: MongodOptions) {
    this.#users = users;
    this.#server = createServer({
      ...{ ...pair, ca: clientCa, requestCert: true, rejectUnauthorized: true },
      // A resumed session would present nothing.
      sessionTimeout: 1,
    });
    this.#server.on("secureConnection", (socket) => this.#serve(socket));
  }

  static async start(options: MongodOptions): Promise<Mongod> {
    const mongod = new Mongod(options);
    mongod.#server.listen(options.listen ?? { host: "127.0.0.1", port: 0 });
    await once(mongod.#server, "listening");
    return mongod;
  }

  get host(): string {
    // It listens on TCP.
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Ends all connections, as a restart of the server does. */
  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.drop();
    await once(this.#server, "close");
  }

  #serve(socket: TLSSocket): void {
    this.#sockets.add(socket);
    const session: Session = { app: "", user: undefined };
    let received = Buffer.alloc(0);
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= HEADER_LENGTH && received.length >= received.readInt32LE(0)) {
        const length = received.readInt32LE(0);
        this.#answer(socket, session, received.subarray(0, length));
        received = received.subarray(length);
      }
    });
    socket.on("error", () => {
      // The client went away.
    });
    socket.on("close", () => this.#sockets.delete(socket));
  }

  #answer(socket: TLSSocket, session: Session, message: Buffer): void {
    const opcode = message.readInt32LE(12);
    const command = opcode === OP_QUERY ? queryDocument(message) : messageDocument(message);
    const reply = BSON.serialize(this.#run(command, session, socket));
    // OP_QUERY: flags, cursor, start and number of documents; OP_MSG: flags and the kind of its one section.
    const head = Buffer.alloc(opcode === OP_QUERY ? 20 : 5);
    if (opcode === OP_QUERY) head.writeInt32LE(1, 16);
    const header = Buffer.alloc(HEADER_LENGTH);
    header.writeInt32LE(HEADER_LENGTH + head.length + reply.length, 0);
    header.writeInt32LE(message.readInt32LE(4), 8);
    header.writeInt32LE(opcode === OP_QUERY ? OP_REPLY : OP_MSG, 12);
    socket.write(Buffer.concat([header, head, reply]));
  }

  #run(command: BSON.Document, session: Session, socket: TLSSocket): BSON.Document {
    const name = Object.keys(command)[0]?.toLowerCase();
    const certificate = socket.getPeerX509Certificate();
    const serialNumber = BigInt(`0x${certificate?.serialNumber ?? "0"}`).toString();
    switch (name) {
      case "hello":
      case "ismaster":
        session.app ||= String(command.client?.application?.name ?? "");
        return { ...HELLO, localTime: new Date(), connectionId: 1 };
      case "authenticate": {
        const subject = certificate?.subject.split("\n").toReversed().join(",") ?? "";
        const isKnown = command.mechanism === "MONGODB-X509" && command.$db === "$external";
        if (!isKnown || !this.#users.includes(subject)) return failure(18, "AuthenticationFailed");
        session.user = subject;
        return { dbname: "$external", user: subject, ok: 1 };
      }
      case "ping":
        if (session.user === undefined) return failure(13, "Unauthorized");
        this.pings.push({ app: session.app, serialNumber });
        // More than MongoDB says: who asked, and with which certificate.
        return { ok: 1, user: session.user, serialNumber };
      case "endsessions":
        return { ok: 1 };
      default:
        return failure(59, "CommandNotFound");
    }
  }
}

function failure(code: number, codeName: string): BSON.Document {
  return { ok: 0, code, codeName, errmsg: codeName };
}

/** Flags, a name that ends in 0, two numbers, then the document. */
function queryDocument(message: Buffer): BSON.Document {
  const end = message.indexOf(0, HEADER_LENGTH + 4);
  return BSON.deserialize(message.subarray(end + 9));
}

/** Flags, the section's kind (0: one document), then the document; others may follow. */
function messageDocument(message: Buffer): BSON.Document {
  const start = HEADER_LENGTH + 5;
  return BSON.deserialize(message.subarray(start, start + message.readInt32LE(start)));
}

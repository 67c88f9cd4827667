import { once } from "node:events";
import { createServer, type Http2Server, type ServerHttp2Stream } from "node:http2";
import { buffer } from "node:stream/consumers";

const SERVICE = "/v1beta1.KeyManagementService/";
/** Of gRPC: "internal". */
const FAILED = "13";

/**
 * A key management service for kube-apiserver, which asks it to encrypt each Secret that is written (gRPC on a Unix
 * socket, https://kubernetes.io/docs/tasks/administer-cluster/kms-provider/). It encrypts nothing, and fails on demand.
 *
 * It speaks the first version of the protocol. With the second, kube-apiserver goes on for three minutes with the last
 * key after the plugin has failed, and then refuses writes with the same error.
 */
export class EncryptionPlugin implements AsyncDisposable {
  /** Whether it fails whatever it is asked to encrypt. */
  isBroken = false;
  readonly #server: Http2Server;

  private constructor() {
    this.#server = createServer().on("stream", (stream, headers) => void this.#serve(stream, headers[":path"] ?? ""));
  }

  static async listen(socketPath: string): Promise<EncryptionPlugin> {
    const plugin = new EncryptionPlugin();
    plugin.#server.listen(socketPath);
    await once(plugin.#server, "listening");
    return plugin;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
  }

  async #serve(stream: ServerHttp2Stream, path: string): Promise<void> {
    const request = await buffer(stream);
    const call = path.slice(SERVICE.length);
    if (call === "Version") return answer(stream, 1, Buffer.from("v1beta1"));
    if (call === "Encrypt" && this.isBroken) {
      stream.respond(
        {
          ":status": 200,
          "content-type": "application/grpc",
          "grpc-status": FAILED,
          "grpc-message": "the key is gone",
        },
        { endStream: true },
      );
      return;
    }
    answer(stream, 1, bytesField(request.subarray(FRAME_HEADER_BYTES), 2));
  }
}

/** Before each message: whether it is compressed, and its length. */
const FRAME_HEADER_BYTES = 5;

function answer(stream: ServerHttp2Stream, field: number, bytes: Buffer): void {
  const message = Buffer.concat([Buffer.from([(field << 3) | 2]), varint(bytes.length), bytes]);
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  header.writeUInt32BE(message.length, 1);
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  stream.end(Buffer.concat([header, message]));
}

/** A field of a protobuf message that holds only strings and bytes. */
function bytesField(message: Buffer, wanted: number): Buffer {
  for (let at = 0; at < message.length; ) {
    const field = (message[at++] ?? 0) >> 3;
    let length = 0;
    for (let shift = 0, byte = 0x80; byte >= 0x80; shift += 7) {
      byte = message[at++] ?? 0;
      length |= (byte & 0x7f) << shift;
    }
    if (field === wanted) return message.subarray(at, at + length);
    at += length;
  }
  return Buffer.alloc(0);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.from([...bytes, rest]);
    bytes.push((rest & 0x7f) | 0x80);
  }
}

import type { IncomingMessage } from "node:http";
import { finished } from "node:stream/promises";
import { textOfWiped } from "../../wiped-bytes.ts";
import { KubeError } from "../kube-error.ts";
import type { KubeObject } from "../resource-type.ts";
import type { KubeRequest } from "./requests.ts";
import { isRecord } from "./status-answer.ts";

/** The answer is larger than may be read. */
export class AnswerTooLarge extends KubeError {
  constructor(operation: string, maxBytes: number) {
    super({ reason: "BadAnswer", operation, explanation: `the answer is larger than ${maxBytes} bytes` });
  }
}

/** Reads a whole body as text. Throws AnswerTooLarge beyond `maxBytes`; a cut connection throws what Node throws. */
export async function readText(response: IncomingMessage, maxBytes: number, operation: string): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    await readChunks(response, (chunk) => {
      length += chunk.length;
      chunks.push(chunk);
      if (length > maxBytes) throw new AnswerTooLarge(operation, maxBytes);
    });
    return textOfWiped(Buffer.concat(chunks), "utf8");
  } finally {
    for (const chunk of chunks.splice(0)) chunk.fill(0);
  }
}

/** Gives the body out piece by piece; if `onChunk` throws, the connection ends and the same is thrown here. */
export async function readChunks(response: IncomingMessage, onChunk: (chunk: Buffer) => void): Promise<void> {
  // By its events: iterating over a stream gives copies of what it has in several pieces, and leaves those unwiped.
  response.on("data", (chunk: Buffer) => {
    try {
      onChunk(chunk);
    } catch (error: unknown) {
      response.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  });
  await finished(response, { writable: false });
}

/** Parses a JSON body; undefined if it is none. What a parser says about a body quotes it, so it is not kept. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The body as an object of the API server. Throws `BadAnswer` when it has no metadata that can be worked with. */
export function asObject<T extends KubeObject>(
  body: unknown,
  { isReview, operation }: Pick<KubeRequest, "isReview" | "operation">,
): T {
  const identity = isReview ? UNSTORED : {};
  const stored = isDryRunObject(body)
    ? { ...body, metadata: { ...identity, resourceVersion: "", ...body.metadata } }
    : body;
  if (!isObject(stored)) {
    throw new KubeError({ reason: "BadAnswer", operation, explanation: "the answer is not a Kubernetes object" });
  }
  // The parsed edge: beyond the metadata the API server's own schema is trusted.
  return stored as T;
}

/** A review that is created is answered at once, and stored nowhere. */
const UNSTORED = { name: "", uid: "" };

/** A dry run of a create answers with an object that was never stored, hence without a resourceVersion. */
function isDryRunObject(value: unknown): value is { readonly metadata: Readonly<Record<string, unknown>> } {
  return isRecord(value) && isRecord(value.metadata) && value.metadata.resourceVersion === undefined;
}

export function isObject(value: unknown): value is KubeObject {
  if (!isRecord(value) || !isRecord(value.metadata)) return false;
  const { name, uid, resourceVersion } = value.metadata;
  return typeof name === "string" && typeof uid === "string" && typeof resourceVersion === "string";
}

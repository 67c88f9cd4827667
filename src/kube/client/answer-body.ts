import type { IncomingMessage } from "node:http";
import { finished } from "node:stream/promises";
import { textOfWiped } from "../../wiped-bytes.ts";
import type { ListPage } from "../kube-api.ts";
import { KubeError } from "../kube-error.ts";
import type { KubeObject } from "../resource-type.ts";
import { isRecord } from "./status-answer.ts";

/** The answer is larger than may be read. */
export class AnswerTooLarge extends KubeError {
  /** How it begins: it may hold what must not be logged. */
  readonly head: () => string;

  constructor(operation: string, maxBytes: number, head: string) {
    super({ reason: "BadAnswer", operation, explanation: `the answer is larger than ${maxBytes} bytes` });
    this.head = () => head;
  }
}

/** Where the page token of a list stands, before its items. */
const HEAD_BYTES = 4096;

/** Reads a whole body as text. Throws AnswerTooLarge beyond `maxBytes`; a cut connection throws what Node throws. */
export async function readText(response: IncomingMessage, maxBytes: number, operation: string): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  // By its events: iterating over a stream gives copies of what it has in several pieces, and leaves those unwiped.
  response.on("data", (chunk: Buffer) => {
    length += chunk.length;
    chunks.push(chunk);
    if (length > maxBytes) {
      const head = Buffer.concat(chunks).subarray(0, HEAD_BYTES).toString("utf8");
      response.destroy(new AnswerTooLarge(operation, maxBytes, head));
    }
  });
  try {
    await finished(response, { writable: false });
    return textOfWiped(Buffer.concat(chunks), "utf8");
  } finally {
    for (const chunk of chunks.splice(0)) chunk.fill(0);
  }
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
export function asObject<T extends KubeObject>(body: unknown, operation: string): T {
  const stored = isDryRunObject(body) ? { ...body, metadata: { resourceVersion: "", ...body.metadata } } : body;
  if (!isObject(stored)) {
    throw new KubeError({ reason: "BadAnswer", operation, explanation: "the answer is not a Kubernetes object" });
  }
  // The parsed edge: beyond the metadata the API server's own schema is trusted.
  return stored as T;
}

/** A dry run of a create answers with an object that was never stored, hence without a resourceVersion. */
function isDryRunObject(value: unknown): value is { readonly metadata: Readonly<Record<string, unknown>> } {
  return isRecord(value) && isRecord(value.metadata) && value.metadata.resourceVersion === undefined;
}

/** The body as a page of a list. Throws `BadAnswer` when it isn't one: an empty answer must never empty a cache. */
export function asPage<T extends KubeObject>(
  body: unknown,
  operation: string,
): ListPage<T> & { readonly continueToken: string | undefined } {
  const metadata = isRecord(body) ? body.metadata : undefined;
  if (
    !isRecord(body) ||
    typeof body.kind !== "string" ||
    !body.kind.endsWith("List") ||
    !isRecord(metadata) ||
    typeof metadata.resourceVersion !== "string" ||
    metadata.resourceVersion === ""
  ) {
    throw new KubeError({ reason: "BadAnswer", operation, explanation: "the answer is not a list" });
  }
  // Go writes an empty list of some kinds as null.
  const items = body.items ?? [];
  if (!Array.isArray(items) || !items.every(isObject)) {
    throw new KubeError({ reason: "BadAnswer", operation, explanation: "the list has items that are no objects" });
  }
  const token = metadata.continue;
  return {
    items: items as T[],
    resourceVersion: metadata.resourceVersion,
    continueToken: typeof token === "string" && token !== "" ? token : undefined,
  };
}

/** The metadata at the beginning of a list that was too large to read. */
export interface ListHead {
  readonly resourceVersion: string;
  readonly continueToken: string | undefined;
  /** Name of the first object. */
  readonly name: string;
}

/** Reads the beginning of a list; undefined if it is none. Its metadata stands before its items. */
export function listHead(head: string): ListHead | undefined {
  const [metadata = "", items = ""] = head.split('"items":');
  const resourceVersion = /"resourceVersion":"(\d+)"/.exec(metadata)?.[1];
  if (resourceVersion === undefined) return undefined;
  const continueToken = /"continue":"([^"\\]+)"/.exec(metadata)?.[1];
  return { resourceVersion, continueToken, name: /"name":"([^"\\]+)"/.exec(items)?.[1] ?? "an object" };
}

function isObject(value: unknown): value is KubeObject {
  if (!isRecord(value) || !isRecord(value.metadata)) {
    return false;
  }
  const { name, uid, resourceVersion } = value.metadata;
  return typeof name === "string" && typeof uid === "string" && typeof resourceVersion === "string";
}

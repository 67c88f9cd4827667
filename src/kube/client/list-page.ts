import type { IncomingMessage } from "node:http";
import type { ListPage } from "../kube-api.ts";
import { KubeError } from "../kube-error.ts";
import type { KubeObject } from "../resource-type.ts";
import { AnswerTooLarge, isObject, parseJson, readChunks } from "./answer-body.ts";
import { ItemSplitter } from "./item-splitter.ts";
import { isRecord } from "./status-answer.ts";

export interface PageReading<T, R> {
  readonly operation: string;
  /** The largest page that is read to its end, in bytes. */
  readonly maxBytes: number;
  /** The largest object that is parsed, in bytes, and as much may stand around the objects. */
  readonly maxItemBytes: number;
  readonly keep: (object: T) => R;
}

/** One answer to a list. */
export interface ReadPage<R> {
  readonly page: ListPage<R>;
  readonly continueToken: string | undefined;
  readonly bytes: number;
}

/**
 * Reads one page of a list, object by object: at no time is more of it in memory than one of them.
 *
 * @throws AnswerTooLarge beyond `maxBytes`; KubeError `BadAnswer` when it is no list: an empty answer must never empty a cache
 */
export async function readPage<T extends KubeObject, R>(
  response: IncomingMessage,
  { operation, maxBytes, maxItemBytes, keep }: PageReading<T, R>,
): Promise<ReadPage<R>> {
  const items: R[] = [];
  const skipped: string[] = [];
  const splitter = new ItemSplitter({
    maxItemBytes,
    onItem: (text) => {
      const object = parseJson(text);
      if (!isObject(object)) throw bad(operation, "the list has items that are no objects");
      // The parsed edge: beyond the metadata the API server's own schema is trusted.
      items.push(keep(object as T));
    },
    onTooLarge: (head) => void skipped.push(/"name":"([^"\\]+)"/.exec(head)?.[1] ?? "an object"),
  });
  let bytes = 0;
  try {
    await readChunks(response, (chunk) => {
      bytes += chunk.length;
      splitter.push(chunk);
      chunk.fill(0);
      if (bytes > maxBytes) throw new AnswerTooLarge(operation, maxBytes);
      if (splitter.aroundBytes > maxItemBytes) throw new AnswerTooLarge(operation, maxItemBytes);
    });
    const { resourceVersion, continueToken } = listMetadata(parseJson(splitter.around()), operation);
    return { page: { items, resourceVersion, skipped }, continueToken, bytes };
  } finally {
    splitter.clear();
  }
}

function listMetadata(list: unknown, operation: string) {
  const metadata = isRecord(list) ? list.metadata : undefined;
  if (
    !isRecord(list) ||
    typeof list.kind !== "string" ||
    !list.kind.endsWith("List") ||
    !isRecord(metadata) ||
    typeof metadata.resourceVersion !== "string" ||
    metadata.resourceVersion === ""
  ) {
    throw bad(operation, "the answer is not a list");
  }
  // Go writes an empty list of some kinds as null.
  const rest = list.items ?? [];
  if (!Array.isArray(rest) || rest.length > 0) throw bad(operation, "the list has items that are no objects");
  const token = metadata.continue;
  return {
    resourceVersion: metadata.resourceVersion,
    continueToken: typeof token === "string" && token !== "" ? token : undefined,
  };
}

function bad(operation: string, explanation: string): KubeError {
  return new KubeError({ reason: "BadAnswer", operation, explanation });
}

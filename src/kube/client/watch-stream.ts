import { StringDecoder } from "node:string_decoder";
import type { WatchEvent } from "../kube-api.ts";
import { KubeError } from "../kube-error.ts";
import type { KubeObject } from "../resource-type.ts";
import { asObject, parseJson } from "./answer-body.ts";
import { errorOfAnswer, isRecord } from "./status-answer.ts";

/** Cuts chunks of bytes into lines, across chunk borders and in the middle of a character. */
export class LineSplitter {
  readonly #decoder = new StringDecoder("utf8");
  #parts: string[] = [];
  #length = 0;

  /** The lines that are complete now, without their line ends; empty lines are left out. */
  push(chunk: Buffer): readonly string[] {
    const pieces = this.#decoder.write(chunk).split("\n");
    const lines: string[] = [];
    for (const [index, piece] of pieces.entries()) {
      this.#parts.push(piece);
      this.#length += piece.length;
      if (index < pieces.length - 1) {
        const line = this.#parts.join("").trim();
        this.#parts = [];
        this.#length = 0;
        if (line !== "") lines.push(line);
      }
    }
    return lines;
  }

  /** Length of the line that has begun, in UTF-16 code units. */
  get pending(): number {
    return this.#length;
  }
}

/**
 * One line of a watch. Throws KubeError: the one that an ERROR event reports (`Expired` for a resourceVersion that is
 * too old), `BadAnswer` for a line that no API server writes.
 */
export function parseWatchLine<T extends KubeObject>(line: string, operation: string, now: number): WatchEvent<T> {
  const event = parseJson(line);
  if (!isRecord(event)) {
    throw new KubeError({ reason: "BadAnswer", operation, explanation: "a line of the watch is not a JSON object" });
  }
  switch (event.type) {
    case "ADDED":
    case "MODIFIED":
    case "DELETED":
      return { type: event.type, object: asObject<T>(event.object, { operation }) };
    case "BOOKMARK":
      return { type: "BOOKMARK", resourceVersion: bookmarkVersion(event.object, operation) };
    case "ERROR":
      throw errorOfAnswer(operation, { body: event.object }, now);
    default:
      throw new KubeError({ reason: "BadAnswer", operation, explanation: "a line of the watch has an unknown type" });
  }
}

function bookmarkVersion(object: unknown, operation: string): string {
  const metadata = isRecord(object) && isRecord(object.metadata) ? object.metadata : {};
  const version = metadata.resourceVersion;
  if (typeof version !== "string" || version === "") {
    throw new KubeError({ reason: "BadAnswer", operation, explanation: "a bookmark without a resourceVersion" });
  }
  return version;
}

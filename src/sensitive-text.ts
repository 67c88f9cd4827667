import { inspect } from "node:util";

/**
 * A text that must not leak: a private key, a client secret. It prints, serializes and inspects as `[redacted]`, so
 * that a log line, an error or a heap of debug output can hold the object without holding the text. Only `reveal()`
 * gives the text, which makes every place that reads it easy to find.
 */
export class SensitiveText {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** The text itself. Use it at the last moment and keep no copy. */
  reveal(): string {
    return this.#text;
  }

  /** Length in UTF-16 code units, which may be told. */
  get length(): number {
    return this.#text.length;
  }

  toString(): string {
    return "[redacted]";
  }

  toJSON(): string {
    return "[redacted]";
  }

  [inspect.custom](): string {
    return "[redacted]";
  }
}

import { inspect } from "node:util";

/**
 * A text that must not leak: a private key, a client secret. It serializes and inspects as `[redacted]`, so that a log
 * line, an error or debug output can hold the object without holding the text. Used as a string it throws: a file that
 * held `[redacted]` instead of a key would be noticed too late. Only `reveal()` gives the text, which makes every place
 * that reads it easy to find.
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

  /** @throws TypeError always, as does every conversion to a string or a number */
  toString(): never {
    throw new TypeError("A SensitiveText cannot be converted to a string; call reveal() to get its text.");
  }

  [Symbol.toPrimitive](): never {
    return this.toString();
  }

  toJSON(): string {
    return "[redacted]";
  }

  [inspect.custom](): string {
    return "[redacted]";
  }
}

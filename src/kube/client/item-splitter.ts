import { textOfWiped } from "../../wiped-bytes.ts";

export interface ItemSplitterOptions {
  /** The largest object that is given out, in bytes. */
  readonly maxItemBytes: number;
  /** Receives each element of `items` that is an object or an array, as JSON, in order. */
  readonly onItem: (text: string) => void;
  /** Receives the beginning of an object that is too large. It may hold what must not be logged. */
  readonly onTooLarge: (head: string) => void;
}

/** Where the name of an object stands. */
const HEAD_BYTES = 4096;

const [QUOTE, BACKSLASH] = [0x22, 0x5c];
const [OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [0x7b, 0x7d, 0x5b, 0x5d];
const SEPARATORS: readonly (number | undefined)[] = [..." ,\t\r\n"].map((character) => character.charCodeAt(0));

/** Matches a list up to the array of its objects. */
const BEFORE_ITEMS = /(?:^|[^\\])"items"\s*:\s*$/;
const BEFORE_ITEMS_BYTES = 64;

/**
 * Cuts a list of the API server, while it arrives, into its objects and what stands around them, so that the memory which
 * reading takes depends on the largest object and not on the list. It only finds where objects begin and end: whether
 * something is valid JSON is for a parser to say.
 */
export class ItemSplitter {
  readonly #options: ItemSplitterOptions;
  readonly #around = new Collected(Number.POSITIVE_INFINITY);
  readonly #item: Collected;
  #depth = 0;
  #isInString = false;
  #isEscaped = false;
  #isInItems = false;

  constructor(options: ItemSplitterOptions) {
    this.#options = options;
    this.#item = new Collected(options.maxItemBytes);
  }

  /** Number of bytes so far that belong to no object. */
  get aroundBytes(): number {
    return this.#around.bytes;
  }

  /** Takes the next bytes. The chunk may be overwritten afterwards. */
  push(chunk: Buffer): void {
    /** Where the bytes begin that are not collected yet. */
    let start = 0;
    for (let index = 0; index < chunk.length; index += 1) {
      if (this.#isInString) index = this.#endOfString(chunk, index);
      const byte = chunk[index];
      const isBetweenItems = this.#isInItems && this.#depth === 2;
      if (byte === QUOTE) {
        this.#isInString = true;
      } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        if (isBetweenItems || (this.#depth === 1 && byte === OPEN_BRACKET)) {
          this.#around.add(chunk.subarray(start, index));
          start = index;
          this.#isInItems ||= BEFORE_ITEMS.test(this.#around.tail(BEFORE_ITEMS_BYTES));
        }
        this.#depth += 1;
      } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
        this.#depth -= 1;
        if (this.#isInItems && this.#depth === 2) {
          this.#endItem(chunk.subarray(start, index + 1));
          start = index + 1;
        } else if (isBetweenItems) {
          this.#isInItems = false;
        }
      } else if (isBetweenItems && SEPARATORS.includes(byte)) {
        this.#around.add(chunk.subarray(start, index));
        start = index + 1;
      }
    }
    const rest = chunk.subarray(start);
    (this.#isInItems && this.#depth > 2 ? this.#item : this.#around).add(rest);
  }

  /** Where the string has ended that goes on at this index: behind its last quotation mark. */
  #endOfString(chunk: Buffer, from: number): number {
    let index = this.#isEscaped ? from + 1 : from;
    do {
      const quote = chunk.indexOf(QUOTE, index);
      const end = quote === -1 ? chunk.length : quote;
      this.#isEscaped = isEscaped(chunk, index, end);
      if (quote === -1) return end;
      index = end + 1;
    } while (this.#isEscaped);
    this.#isInString = false;
    return index;
  }

  /** The list without its objects. Call it at the end, once. */
  around(): string {
    return this.#around.takeText();
  }

  /** Drops and overwrites what is held. */
  clear(): void {
    this.#around.clear();
    this.#item.clear();
  }

  #endItem(last: Buffer): void {
    const { onItem, onTooLarge, maxItemBytes } = this.#options;
    if (this.#item.bytes === 0 && last.length <= maxItemBytes) {
      onItem(last.toString("utf8"));
      return;
    }
    this.#item.add(last);
    const tell = this.#item.bytes > maxItemBytes ? onTooLarge : onItem;
    tell(this.#item.takeText());
  }
}

/** Whether an odd number of backslashes stands between `from` and `end`, right before `end`. */
function isEscaped(chunk: Buffer, from: number, end: number): boolean {
  let first = end;
  while (first > from && chunk[first - 1] === BACKSLASH) first -= 1;
  return (end - first) % 2 === 1;
}

/** Copies of bytes that belong together; of more than `maxBytes` only the beginning is kept. */
class Collected {
  readonly #maxBytes: number;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Number of bytes that were added, kept or not. */
  get bytes(): number {
    return this.#bytes;
  }

  add(bytes: Buffer): void {
    const wasTooLarge = this.#bytes > this.#maxBytes;
    this.#bytes += bytes.length;
    if (bytes.length === 0 || wasTooLarge) return;
    this.#parts.push(Buffer.from(bytes));
    if (this.#bytes <= this.#maxBytes) return;
    const whole = Buffer.concat(this.#parts);
    this.#wipe();
    this.#parts.push(Buffer.from(whole.subarray(0, HEAD_BYTES)));
    whole.fill(0);
  }

  /** The end of what is kept. */
  tail(bytes: number): string {
    return Buffer.concat(this.#parts).subarray(-bytes).toString("latin1");
  }

  /** Everything that is kept, which is then held here no longer. */
  takeText(): string {
    const text = textOfWiped(Buffer.concat(this.#parts), "utf8");
    this.clear();
    return text;
  }

  clear(): void {
    this.#wipe();
    this.#bytes = 0;
  }

  #wipe(): void {
    for (const part of this.#parts.splice(0)) part.fill(0);
  }
}

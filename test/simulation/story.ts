const SECOND_MS = 1000;

/** What happened, told for people in simulated time. Only a replay tells it; every run makes its fingerprint. */
export class Story {
  readonly lines: string[] = [];
  readonly #now: () => number;
  readonly #startedAt: number;
  readonly #isTold: boolean;
  #hash = 0x811c9dc5;

  constructor(now: () => number, isTold: boolean) {
    this.#now = now;
    this.#startedAt = now();
    this.#isTold = isTold;
  }

  /** Two runs with one fingerprint were the same, call by call. */
  get fingerprint(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, "0");
  }

  tell(line: () => string): void {
    if (this.#isTold) this.lines.push(`${this.#time()}  ${line()}`);
  }

  /** Adds to the fingerprint. */
  note(text: string): void {
    let hash = this.#hash ^ (this.#now() & 0xffffffff);
    for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
    this.#hash = hash;
  }

  #time(): string {
    return clock(this.#now() - this.#startedAt);
  }
}

/** `13:05:07.250`, in hours since the start. */
export function clock(sinceMs: number): string {
  const seconds = Math.floor(sinceMs / SECOND_MS);
  const two = (value: number) => String(value).padStart(2, "0");
  const time = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return `${time}.${String(sinceMs % SECOND_MS).padStart(3, "0")}`;
}

/** What the demo prints. Colours are for terminals alone; everything fits into 100 columns. */
export class Terminal {
  readonly #stream: NodeJS.WriteStream;
  #step = 0;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  /** A new part of the story. */
  step(title: string): void {
    this.#step += 1;
    this.line(`\n${this.#paint("1;36", `${this.#step}  ${title}`)}`);
  }

  line(text = ""): void {
    this.#stream.write(`${text}\n`);
  }

  /** Something that was promised and is so. */
  proven(text: string): void {
    this.line(`${this.#paint("32", "✓")} ${text}`);
  }

  /** A command as the person would type it. */
  command(text: string): void {
    this.line(`${this.#paint("2", "$")} ${this.#paint("1", text)}`);
  }

  /** What a command printed. */
  output(text: string): void {
    const trimmed = text.trimEnd();
    if (trimmed !== "") this.line(trimmed);
  }

  failed(text: string): void {
    this.line(`${this.#paint("31", "✗")} ${text}`);
  }

  #paint(code: string, text: string): string {
    return this.#stream.isTTY ? `\x1b[${code}m${text}\x1b[0m` : text;
  }
}

/** One metric in the text format of Prometheus (version 0.0.4), written series by series. */
export class MetricText {
  readonly #name: string;
  #text: string;

  /** @param help one line without backslashes */
  constructor(name: string, help: string, type: "gauge" | "counter" = "gauge") {
    this.#name = name;
    this.#text = `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
  }

  /** @param labels as they are written: values that need no escape, as names of Kubernetes objects don't */
  add(labels: string, value: number): void {
    this.#text += labels === "" ? `${this.#name} ${value}\n` : `${this.#name}{${labels}} ${value}\n`;
  }

  /** Adds a time in milliseconds since the epoch, as seconds; nothing where there is none. */
  addTime(labels: string, timeMs: number | undefined): void {
    if (timeMs !== undefined) this.add(labels, timeMs / 1000);
  }

  /** In characters. */
  get length(): number {
    return this.#text.length;
  }

  /** Returns the text so far, and removes it. */
  take(): string {
    const text = this.#text;
    this.#text = "";
    return text;
  }

  get text(): string {
    return `${this.#text}\n`;
  }
}

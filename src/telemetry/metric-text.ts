/** One metric in the text format of Prometheus (version 0.0.4), written series by series. */
export class MetricText {
  readonly #name: string;
  #text: string;

  /** @param help one line without backslashes */
  constructor(name: string, help: string, type: "gauge" | "counter" = "gauge") {
    this.#name = name;
    this.#text = `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
  }

  /**
   * Adds a series, or nothing where there is no value.
   *
   * @param labels as they are written: values that need no escape, as names of Kubernetes objects don't
   */
  add(labels: string, value: number | undefined): void {
    if (value === undefined) return;
    this.#text += labels === "" ? `${this.#name} ${value}\n` : `${this.#name}{${labels}} ${value}\n`;
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

/** Prometheus has times and durations in seconds. */
export function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000;
}

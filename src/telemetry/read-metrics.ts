import { Counter, Gauge, type Registry } from "prom-client";

/** One series of a metric: its labels and its value. */
export interface Sample<L extends string> {
  readonly labels: Readonly<Record<L, string>>;
  readonly value: number;
}

export interface ReadMetricOptions<L extends string> {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly L[];
  /** Gives the series of this moment. */
  readonly read: () => Iterable<Sample<L>>;
}

/** A gauge that is read from where its values live, at the moment somebody asks: nothing is kept between two scrapes. */
class ReadGauge<L extends string> extends Gauge<L> {
  readonly #read: () => Iterable<Sample<L>>;

  constructor(registry: Registry, { name, help, labelNames, read }: ReadMetricOptions<L>) {
    super({ name, help, labelNames, registers: [registry] });
    this.#read = read;
  }

  override async get() {
    return { ...(await super.get()), values: [...this.#read()] };
  }
}

/** The same for what is counted elsewhere since the start of the process. */
class ReadCounter<L extends string> extends Counter<L> {
  readonly #read: () => Iterable<Sample<L>>;

  constructor(registry: Registry, { name, help, labelNames, read }: ReadMetricOptions<L>) {
    super({ name, help, labelNames, registers: [registry] });
    this.#read = read;
  }

  override async get() {
    return { ...(await super.get()), values: [...this.#read()] };
  }
}

export function readGauge<L extends string>(registry: Registry, options: ReadMetricOptions<L>): void {
  new ReadGauge(registry, options);
}

export function readCounter<L extends string>(registry: Registry, options: ReadMetricOptions<L>): void {
  new ReadCounter(registry, options);
}

/** A gauge of one number. */
export function readNumber(registry: Registry, name: string, help: string, read: () => number): void {
  readGauge<never>(registry, { name, help, labelNames: [], read: () => [{ labels: {}, value: read() }] });
}

/** A counter of one number. */
export function readCount(registry: Registry, name: string, help: string, read: () => number): void {
  readCounter<never>(registry, { name, help, labelNames: [], read: () => [{ labels: {}, value: read() }] });
}

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

/** A gauge that is read from where its values live, at the moment of a scrape. */
export function readGauge<L extends string>(registry: Registry, { read, ...metric }: ReadMetricOptions<L>): void {
  new Gauge({
    ...metric,
    registers: [registry],
    collect() {
      this.reset();
      for (const { labels, value } of read()) this.set(labels, value);
    },
  });
}

/** The same for what is counted elsewhere since the start of the process. */
export function readCounter<L extends string>(registry: Registry, { read, ...metric }: ReadMetricOptions<L>): void {
  new Counter({
    ...metric,
    registers: [registry],
    collect() {
      this.reset();
      for (const { labels, value } of read()) this.inc(labels, value);
    },
  });
}

/** A gauge of one number. */
export function readNumber(registry: Registry, name: string, help: string, read: () => number): void {
  readGauge<never>(registry, { name, help, labelNames: [], read: () => [{ labels: {}, value: read() }] });
}

/** A counter of one number. */
export function readCount(registry: Registry, name: string, help: string, read: () => number): void {
  readCounter<never>(registry, { name, help, labelNames: [], read: () => [{ labels: {}, value: read() }] });
}

import type { EventSeries } from "./event-series.ts";

/**
 * Events that wait to be sent, in order. The Events of one object are handed out one at a time, so that people read them in
 * the order in which they happened; those of other objects do not wait for it.
 */
export class EventQueue {
  /** A set, so that a waiting series is not added twice. */
  readonly #waiting = new Set<EventSeries>();
  /** Objects that have an Event under way, by uid. */
  readonly #busy = new Set<string>();

  /** How many wait or are under way. */
  get size(): number {
    return this.#waiting.size;
  }

  has(series: EventSeries): boolean {
    return this.#waiting.has(series);
  }

  add(series: EventSeries): void {
    this.#waiting.add(series);
  }

  [Symbol.iterator](): Iterator<EventSeries> {
    return this.#waiting.values();
  }

  /** Hands out the next one, until `remove` or `putBack`. */
  take(): EventSeries | undefined {
    for (const series of this.#waiting) {
      const { uid } = series.report.regarding;
      if (!this.#busy.has(uid)) {
        this.#busy.add(uid);
        return series;
      }
    }
    return undefined;
  }

  /** It is over with one that was handed out. */
  remove(series: EventSeries): void {
    this.#waiting.delete(series);
    this.putBack(series);
  }

  /** One that was handed out waits again, at its old place. */
  putBack(series: EventSeries): void {
    this.#busy.delete(series.report.regarding.uid);
  }
}

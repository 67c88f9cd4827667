import type { Clock } from "../../clock.ts";
import type { Log } from "../log.ts";
import type { EventReport } from "./event-object.ts";

/** Shortest time between two log lines about dropped Events. */
const LOG_INTERVAL_MS = 60_000;

/** Counts the Events that no one will read, and tells the log of them once a minute. */
export class DroppedEvents {
  readonly #clock: Clock;
  readonly #log: Log;
  #total = 0;
  #told = 0;
  #toldAt = Number.NEGATIVE_INFINITY;
  #last: { readonly report: EventReport; readonly why: string; readonly error: unknown } | undefined;

  constructor({ clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#clock = clock;
    this.#log = log;
  }

  get total(): number {
    return this.#total;
  }

  /** In how many milliseconds the log has something to be told; undefined if nothing is left to tell. */
  get tellInMs(): number | undefined {
    return this.#total === this.#told
      ? undefined
      : Math.max(0, this.#toldAt + LOG_INTERVAL_MS - this.#clock.monotonic());
  }

  add(report: EventReport, why: string, error?: unknown): void {
    this.#total += 1;
    this.#last = { report, why, error };
    this.tellIfDue();
  }

  tellIfDue(): void {
    if (this.tellInMs === 0) this.tell();
  }

  /** Tells what has not been told yet, however short ago the last line was. */
  tell(): void {
    if (this.#last === undefined) return;
    const { report, why, error } = this.#last;
    const { reason, regarding } = report;
    const last = { reason, namespace: regarding.namespace, name: regarding.name, why };
    const dropped = this.#total - this.#told;
    this.#log.warn(
      { dropped, droppedSinceStart: this.#total, last, ...(error !== undefined && { err: error }) },
      "Events were dropped",
    );
    this.#told = this.#total;
    this.#toldAt = this.#clock.monotonic();
    this.#last = undefined;
  }
}

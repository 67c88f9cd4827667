import { microTime } from "../micro-time.ts";
import type { Desired } from "../resource-type.ts";
import { cutToBytes, type EventObject, type EventReport } from "./event-object.ts";

export interface EventSource {
  /** Such as `atlascerts.io/operator`. */
  readonly controller: string;
  /** Such as the pod's name. */
  readonly instance: string;
}

/** One Event and how often it has happened. */
export class EventSeries {
  readonly identity: string;
  readonly report: EventReport;
  readonly name: string;
  readonly namespace: string;
  readonly #firstAt: number;
  #lastAt: number;
  #count = 1;
  #written = 0;
  /** Monotonic milliseconds before which a repetition is not written. */
  notBefore = 0;
  /** Monotonic milliseconds at which it happened last. */
  touchedAt: number;

  constructor(options: {
    readonly identity: string;
    readonly report: EventReport;
    /** Makes the name unique. */
    readonly suffix: string;
    readonly wall: number;
    readonly monotonic: number;
  }) {
    this.identity = options.identity;
    this.report = options.report;
    // The API server takes names of at most 253 characters.
    this.name = `${options.report.regarding.name.slice(0, 220).replace(/[.-]+$/, "")}.${options.suffix}`;
    this.namespace = options.report.regarding.namespace ?? "default";
    this.#firstAt = options.wall;
    this.#lastAt = options.wall;
    this.touchedAt = options.monotonic;
  }

  get isCreated(): boolean {
    return this.#written > 0;
  }

  /** Whether it has happened since it was last written. */
  get isPending(): boolean {
    return this.#count > this.#written;
  }

  get count(): number {
    return this.#count;
  }

  repeat(wall: number, monotonic: number): void {
    this.#count += 1;
    this.#lastAt = wall;
    this.touchedAt = monotonic;
  }

  /** The API server has it with this count. */
  written(count: number): void {
    this.#written = count;
  }

  /** The API server has forgotten it: Events live for an hour. */
  forgotten(): void {
    this.#written = 0;
  }

  toObject(source: EventSource): Desired<EventObject> {
    const { regarding, type, reason, action, note } = this.report;
    return {
      metadata: { name: this.name, namespace: this.namespace },
      eventTime: microTime(this.#firstAt),
      reportingController: source.controller,
      reportingInstance: source.instance.slice(0, 128),
      action: action.slice(0, 128),
      reason: reason.slice(0, 128),
      type,
      note: cutToBytes(note),
      regarding,
      ...(this.#count > 1 && this.toPatch()),
    };
  }

  toPatch(): { readonly series: { readonly count: number; readonly lastObservedTime: string } } {
    return { series: { count: this.#count, lastObservedTime: microTime(this.#lastAt) } };
  }
}

import { backoffMs } from "../../backoff.ts";
import type { Clock } from "../../clock.ts";
import { Alarm } from "../alarm.ts";
import type { KubeApi } from "../kube-api.ts";
import { KubeError } from "../kube-error.ts";
import type { Log } from "../log.ts";
import { DroppedEvents } from "./dropped-events.ts";
import { EVENTS, type EventReport, identityOf } from "./event-object.ts";
import { EventQueue } from "./event-queue.ts";
import { EventSeries, type EventSource } from "./event-series.ts";

export interface EventRecorderOptions extends EventSource {
  readonly client: Pick<KubeApi, "create" | "mergePatch">;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  /**
   * How many Events may wait to be sent; the next ones are dropped. A burst of 10,000 certificates outruns the senders and
   * still loses none.
   *
   * @default 20000
   */
  readonly queueLimit?: number;
  /** How often the count of a repeated Event is written at most, in milliseconds. @default 60000 */
  readonly seriesIntervalMs?: number;
  /** How many different Events an object may have at once. @default 25 */
  readonly burstPerObject?: number;
  /** How often it may have another one after that, in milliseconds. @default 60000 */
  readonly refillPerObjectMs?: number;
}

/** After this long without a repetition the next one is a new Event. */
const SERIES_IDLE_MS = 360_000;
const MAX_TRIES = 4;
const BACKOFF = { firstMs: 1000, maxMs: 10_000 };
/** How often series and budgets that are no longer needed are thrown away. */
const SWEEP_MS = 60_000;
/** Writes at a time. One alone sends about 40 a second while the API server is busy issuing, a third of what is issued. */
const SENDERS = 4;

/**
 * Writes Events (events.k8s.io/v1) beside the work: `record` only notes them, a few senders write them, those of one object
 * in order. What happens again is counted in the Event that is there. An Event that can't be written is dropped, counted
 * and logged: Events are a courtesy, conditions are the truth.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #series = new Map<string, EventSeries>();
  readonly #queue = new EventQueue();
  /** Written Events that have happened again since. */
  readonly #repeated = new Set<EventSeries>();
  readonly #budgets = new Map<string, { tokens: number; at: number }>();
  readonly #alarm: Alarm;
  readonly #dropped: DroppedEvents;
  #sent = 0;
  #sweptAt = 0;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#alarm = new Alarm(options.clock);
    this.#dropped = new DroppedEvents(options);
  }

  /** How many reports were dropped: too many, or the API server could not take them. */
  get dropped(): number {
    return this.#dropped.total;
  }

  /** How many writes the API server has taken. */
  get sent(): number {
    return this.#sent;
  }

  /** How many Events wait to be sent. */
  get pending(): number {
    return this.#queue.size;
  }

  /** Notes an Event and returns at once. Never throws. */
  record(report: EventReport): void {
    const { clock, queueLimit = 20_000 } = this.#options;
    const now = clock.monotonic();
    this.#sweep(now);
    const identity = identityOf(report);
    const known = this.#series.get(identity);
    if (known !== undefined && now - known.touchedAt < SERIES_IDLE_MS) {
      known.repeat(clock.now(), now);
      if (!this.#queue.has(known)) {
        this.#repeated.add(known);
        this.#alarm.ring();
      }
      return;
    }
    const obstacle =
      this.#queue.size >= queueLimit
        ? "too many Events wait to be written"
        : !this.#takeFrom(report.regarding.uid, now) && "its object has too many different Events";
    if (obstacle) {
      this.#dropped.add(report, obstacle);
      this.#alarm.ring();
      return;
    }
    const series = new EventSeries({
      identity,
      report,
      suffix: `${clock.now().toString(16)}${Math.floor(this.#options.random() * 2 ** 32).toString(16)}`,
      wall: clock.now(),
      monotonic: now,
    });
    this.#series.set(identity, series);
    this.#queue.add(series);
    this.#alarm.ring();
  }

  /** Sends until the signal aborts, then resolves. What has not been sent by then is `flush`'s. */
  async start(signal: AbortSignal): Promise<void> {
    const underWay = new Set<Promise<void>>();
    while (!signal.aborted) {
      const series = underWay.size < SENDERS ? this.#queue.take() : undefined;
      if (series !== undefined) {
        const delivery = this.#deliver(series, MAX_TRIES, signal).finally(() => {
          underWay.delete(delivery);
          this.#alarm.ring();
        });
        underWay.add(delivery);
        continue;
      }
      const nextMs = this.#queue.size > 0 ? SWEEP_MS : this.#enqueueDue();
      await this.#alarm.sleep(Math.min(nextMs, this.#dropped.tellInMs ?? SWEEP_MS), signal).catch(() => {
        // Aborted: the only way a sleep can fail.
      });
      this.#dropped.tellIfDue();
    }
    await Promise.all(underWay);
  }

  /** Sends what is left, one try each, until the signal aborts. Never rejects. Call it when `start` has ended. */
  async flush(signal: AbortSignal): Promise<void> {
    for (const series of this.#repeated) {
      this.#queue.add(series);
    }
    const send = async () => {
      while (!signal.aborted) {
        const series = this.#queue.take();
        if (series === undefined) return;
        await this.#deliver(series, 1, signal);
      }
    };
    await Promise.all(Array.from({ length: SENDERS }, send));
    for (const { report } of this.#queue) {
      this.#dropped.add(report, "the process ended before it was written");
    }
    this.#dropped.tell();
  }

  /** Sends one Event. Never rejects: without success it is dropped, and where the signal aborts it stays in the queue. */
  async #deliver(series: EventSeries, maxTries: number, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    for (let tries = 1; ; tries += 1) {
      try {
        await this.#write(series, signal);
        this.#queue.remove(series);
        if (series.isPending) this.#repeated.add(series);
        return;
      } catch (error: unknown) {
        if (!signal.aborted && (tries === maxTries || !isPassing(error))) {
          this.#queue.remove(series);
          this.#series.delete(series.identity);
          this.#dropped.add(series.report, "it could not be written", error);
          return;
        }
        const asked = KubeError.is(error) ? (error.retryAfterMs ?? 0) : 0;
        await clock.sleep(Math.max(asked, backoffMs(BACKOFF, tries, random())), signal).catch(() => {
          // Aborted: the only way a sleep can fail.
        });
        if (signal.aborted) {
          this.#queue.putBack(series);
          return;
        }
      }
    }
  }

  async #write(series: EventSeries, signal: AbortSignal): Promise<void> {
    const { client, clock, seriesIntervalMs = 60_000 } = this.#options;
    const call = { signal, metadataOnly: true };
    const { count, namespace, name } = series;
    if (series.isCreated) {
      try {
        await client.mergePatch(EVENTS, { namespace, name }, series.toPatch(), call);
      } catch (error: unknown) {
        if (!KubeError.is(error, "NotFound")) throw error;
        series.forgotten();
      }
    }
    if (!series.isCreated) {
      try {
        await client.create(EVENTS, series.toObject(this.#options), call);
      } catch (error: unknown) {
        // An earlier try arrived after all.
        if (!KubeError.is(error, "AlreadyExists")) throw error;
      }
    }
    series.written(count);
    series.notBefore = clock.monotonic() + seriesIntervalMs;
    this.#sent += 1;
  }

  /** Puts the repetitions that may be written into the queue; gives the time until there is something to do. */
  #enqueueDue(): number {
    const now = this.#options.clock.monotonic();
    let next = SWEEP_MS;
    for (const series of this.#repeated) {
      if (series.notBefore <= now) {
        this.#repeated.delete(series);
        this.#queue.add(series);
        next = 0;
      } else {
        next = Math.min(next, series.notBefore - now);
      }
    }
    this.#sweep(now);
    return next;
  }

  /** A token bucket per object: an object that goes round in circles must not fill etcd. */
  #takeFrom(uid: string, now: number): boolean {
    const { burstPerObject = 25, refillPerObjectMs = 60_000 } = this.#options;
    const budget = this.#budgets.get(uid) ?? { tokens: burstPerObject, at: now };
    budget.tokens = Math.min(burstPerObject, budget.tokens + (now - budget.at) / refillPerObjectMs);
    budget.at = now;
    this.#budgets.set(uid, budget);
    if (budget.tokens < 1) return false;
    budget.tokens -= 1;
    return true;
  }

  #sweep(now: number): void {
    if (now - this.#sweptAt < SWEEP_MS) return;
    this.#sweptAt = now;
    const { burstPerObject = 25, refillPerObjectMs = 60_000 } = this.#options;
    for (const [identity, series] of this.#series) {
      if (!series.isPending && now - series.touchedAt >= SERIES_IDLE_MS) this.#series.delete(identity);
    }
    for (const [uid, budget] of this.#budgets) {
      if (now - budget.at >= burstPerObject * refillPerObjectMs) this.#budgets.delete(uid);
    }
  }
}

/** Whether the same write may succeed later. */
function isPassing(error: unknown): boolean {
  return KubeError.is(
    error,
    "Network",
    "Timeout",
    "Unavailable",
    "InternalError",
    "TooManyRequests",
    "Unauthorized",
    "BadAnswer",
    "Expired",
  );
}

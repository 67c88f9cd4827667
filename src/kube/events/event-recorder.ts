import { backoffMs } from "../../backoff.ts";
import type { Clock } from "../../clock.ts";
import { Alarm } from "../alarm.ts";
import type { KubeApi } from "../kube-api.ts";
import { KubeError } from "../kube-error.ts";
import type { Log } from "../log.ts";
import { EVENTS, type EventReport, identityOf } from "./event-object.ts";
import { EventSeries, type EventSource } from "./event-series.ts";

export interface EventRecorderOptions extends EventSource {
  readonly client: Pick<KubeApi, "create" | "mergePatch">;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  /** How many Events may wait to be sent; the next ones are dropped. @default 2000 */
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

/**
 * Writes Events (events.k8s.io/v1) beside the work: `record` only notes them, one sender writes them. What happens
 * again is counted in the Event that is there. An Event that can't be written is dropped and counted: Events are a
 * courtesy, conditions are the truth.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #series = new Map<string, EventSeries>();
  /** Series to send, in order. A set, so that a waiting series is not added twice. */
  readonly #queue = new Set<EventSeries>();
  readonly #budgets = new Map<string, { tokens: number; at: number }>();
  readonly #alarm: Alarm;
  #dropped = 0;
  #sent = 0;
  #sweptAt = 0;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#alarm = new Alarm(options.clock);
  }

  /** How many reports were dropped: too many, or the API server could not take them. */
  get dropped(): number {
    return this.#dropped;
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
    const { clock, queueLimit = 2000 } = this.#options;
    const now = clock.monotonic();
    this.#sweep(now);
    const identity = identityOf(report);
    const known = this.#series.get(identity);
    if (known !== undefined && now - known.touchedAt < SERIES_IDLE_MS) {
      known.repeat(clock.now(), now);
      this.#alarm.ring();
      return;
    }
    if (this.#queue.size >= queueLimit || !this.#takeFrom(report.regarding.uid, now)) {
      this.#dropped += 1;
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
    try {
      for (;;) {
        const [series] = this.#queue;
        if (series !== undefined) {
          await this.#deliver(series, signal);
        } else {
          const nextMs = this.#enqueueDue();
          if (this.#queue.size === 0) {
            await this.#alarm.sleep(nextMs, signal);
          }
        }
      }
    } catch (error: unknown) {
      if (!signal.aborted) {
        throw error;
      }
    }
  }

  /** Sends what is left, one try each, until the signal aborts. Never rejects. Call it when `start` has ended. */
  async flush(signal: AbortSignal): Promise<void> {
    for (const series of this.#series.values()) {
      if (series.isPending) {
        this.#queue.add(series);
      }
    }
    for (const series of this.#queue) {
      try {
        await this.#write(series, signal);
      } catch (error: unknown) {
        if (signal.aborted) {
          this.#dropped += this.#queue.size;
          return;
        }
        this.#drop(series, error);
      }
      this.#queue.delete(series);
    }
  }

  /** Sends one Event, with a few tries. Rejects only when the signal aborts, and then the Event stays in the queue. */
  async #deliver(series: EventSeries, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    for (let tries = 1; ; tries += 1) {
      try {
        await this.#write(series, signal);
        break;
      } catch (error: unknown) {
        signal.throwIfAborted();
        if (tries === MAX_TRIES || !isPassing(error)) {
          this.#drop(series, error);
          break;
        }
        const asked = KubeError.is(error) ? (error.retryAfterMs ?? 0) : 0;
        await clock.sleep(Math.max(asked, backoffMs(BACKOFF, tries, random())), signal);
      }
    }
    this.#queue.delete(series);
  }

  async #write(series: EventSeries, signal: AbortSignal): Promise<void> {
    const { client, clock, seriesIntervalMs = 60_000 } = this.#options;
    const call = { signal, metadataOnly: true };
    const { count, namespace, name } = series;
    if (series.isCreated) {
      try {
        await client.mergePatch(EVENTS, { namespace, name }, series.toPatch(), call);
      } catch (error: unknown) {
        if (!KubeError.is(error, "NotFound")) {
          throw error;
        }
        series.forgotten();
      }
    }
    if (!series.isCreated) {
      try {
        await client.create(EVENTS, series.toObject(this.#options), call);
      } catch (error: unknown) {
        // An earlier try arrived after all.
        if (!KubeError.is(error, "AlreadyExists")) {
          throw error;
        }
      }
    }
    series.written(count);
    series.notBefore = clock.monotonic() + seriesIntervalMs;
    this.#sent += 1;
  }

  /** Puts the repetitions that may be written into the queue; gives the time until the next one may, in milliseconds. */
  #enqueueDue(): number {
    const now = this.#options.clock.monotonic();
    let next = SWEEP_MS;
    for (const series of this.#series.values()) {
      if (series.isPending && series.notBefore <= now) {
        this.#queue.add(series);
      } else if (series.isPending) {
        next = Math.min(next, series.notBefore - now);
      }
    }
    this.#sweep(now);
    return next;
  }

  #drop(series: EventSeries, error: unknown): void {
    this.#dropped += 1;
    this.#series.delete(series.identity);
    const { reason, regarding } = series.report;
    this.#options.log.warn(
      { err: error, reason, namespace: regarding.namespace, name: regarding.name },
      "an Event could not be written",
    );
  }

  /** A token bucket per object: an object that goes round in circles must not fill etcd. */
  #takeFrom(uid: string, now: number): boolean {
    const { burstPerObject = 25, refillPerObjectMs = 60_000 } = this.#options;
    const budget = this.#budgets.get(uid) ?? { tokens: burstPerObject, at: now };
    budget.tokens = Math.min(burstPerObject, budget.tokens + (now - budget.at) / refillPerObjectMs);
    budget.at = now;
    this.#budgets.set(uid, budget);
    if (budget.tokens < 1) {
      return false;
    }
    budget.tokens -= 1;
    return true;
  }

  #sweep(now: number): void {
    if (now - this.#sweptAt < SWEEP_MS) {
      return;
    }
    this.#sweptAt = now;
    const { burstPerObject = 25, refillPerObjectMs = 60_000 } = this.#options;
    for (const [identity, series] of this.#series) {
      if (!series.isPending && now - series.touchedAt >= SERIES_IDLE_MS) {
        this.#series.delete(identity);
      }
    }
    for (const [uid, budget] of this.#budgets) {
      if (now - budget.at >= burstPerObject * refillPerObjectMs) {
        this.#budgets.delete(uid);
      }
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

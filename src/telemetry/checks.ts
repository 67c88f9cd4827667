import { type Clock, MINUTE_MS } from "../clock.ts";
import type { Check } from "./health.ts";

/**
 * The checks of readiness and liveness. Readiness: are the caches still current? Liveness: would a restart help? So
 * nothing there fails because Atlas or the API server is away, nor because of a queue that waits for a Secret to be
 * written, for a restart would lose that certificate.
 */

/** The API server sends bookmarks about every minute, and a silent watch is cut after 90 s. */
const STALE_MS = 3 * MINUTE_MS;
/** Longer than any run that keeps its time limit. */
const STUCK_MS = 15 * MINUTE_MS;
/** Longer than any call takes. */
const STANDSTILL_MS = 5 * MINUTE_MS;
const SILENT_PULSE_MS = 10_000;

export interface WatchSigns {
  readonly name: string;
  readonly namespace: string | undefined;
  readonly reflector: {
    readonly isSynced: boolean;
    /** Monotonic milliseconds. */
    readonly lastProgressAt: number | undefined;
  };
}

export function cachesSynced(watches: readonly WatchSigns[]): Check {
  return {
    name: "caches-synced",
    problem: () => {
      const missing = watches.filter(({ reflector }) => !reflector.isSynced).map(label);
      return missing.length === 0 ? undefined : `not listed yet: ${missing.join(", ")}`;
    },
  };
}

/** @param monotonic gives monotonic milliseconds */
export function watchesFresh(watches: readonly WatchSigns[], monotonic: () => number): Check {
  return {
    name: "watches-fresh",
    problem: () => {
      const stale = watches.flatMap((watch) => {
        const ageMs = monotonic() - (watch.reflector.lastProgressAt ?? monotonic());
        return ageMs > STALE_MS ? [`${label(watch)} for ${wholeSeconds(ageMs)}`] : [];
      });
      return stale.length === 0 ? undefined : `heard nothing from the API server of ${stale.join(", ")}`;
    },
  };
}

export function notShuttingDown(signal: AbortSignal): Check {
  return { name: "shutdown", problem: () => (signal.aborted ? "this process is shutting down" : undefined) };
}

export function eventLoopTurns(pulse: { readonly ageMs: number }): Check {
  return {
    name: "event-loop",
    problem: () => (pulse.ageMs > SILENT_PULSE_MS ? `no timer has run for ${wholeSeconds(pulse.ageMs)}` : undefined),
  };
}

export interface QueueSigns {
  /** By the names of the kinds whose objects they hold. */
  readonly queues: ReadonlyMap<string, { readonly oldestWaitMs: number; readonly lastFinishedAt: number | undefined }>;
  readonly runs: { readonly holdCertificate: boolean; readonly longestMs: number };
  /** Since when this process works on keys, monotonic milliseconds; undefined while it doesn't: not the leader. */
  readonly workingSince: () => number | undefined;
  readonly monotonic: () => number;
}

export function queuesMove({ queues, runs, workingSince, monotonic }: QueueSigns): Check {
  return {
    name: "work-queue",
    problem: () => {
      const since = workingSince();
      // A certificate that is in memory and nowhere else outweighs every standstill.
      if (since === undefined || runs.holdCertificate) return undefined;
      if (runs.longestMs > STUCK_MS) return `a run has gone on for ${wholeSeconds(runs.longestMs)}`;
      for (const [kind, { lastFinishedAt, oldestWaitMs }] of queues) {
        const idleMs = monotonic() - Math.max(since, lastFinishedAt ?? 0);
        if (oldestWaitMs <= STANDSTILL_MS || idleMs <= STANDSTILL_MS) continue;
        return `one of the ${kind} has been due for ${wholeSeconds(oldestWaitMs)}, and no run has ended for ${wholeSeconds(idleMs)}`;
      }
      return undefined;
    },
  };
}

/**
 * A leader renews its lease or learns that it lost it. If the lease expires without either, the renewal is stuck.
 *
 * @param ageMs of the last renewal; undefined while this process doesn't lead
 */
export function leaseYoung(lease: { readonly ageMs: number | undefined }, leaseDurationMs: number): Check {
  return {
    name: "lease",
    problem: () => {
      const { ageMs } = lease;
      return ageMs !== undefined && ageMs > leaseDurationMs
        ? `the last renewal was ${wholeSeconds(ageMs)} ago, and this process still takes itself for the leader`
        : undefined;
    },
  };
}

function label({ name, namespace }: WatchSigns): string {
  return namespace === undefined ? name : `${name} in ${namespace}`;
}

function wholeSeconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}

const BEAT_MS = 1_000;

/** Beats once a second as long as the event loop turns. */
export class Pulse {
  readonly #clock: Clock;
  #lastBeatAt: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lastBeatAt = clock.monotonic();
  }

  /** How long ago it last beat, in milliseconds. */
  get ageMs(): number {
    return this.#clock.monotonic() - this.#lastBeatAt;
  }

  /** Beats until the signal aborts, then resolves. */
  async start(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#lastBeatAt = this.#clock.monotonic();
      await this.#clock.sleep(BEAT_MS, signal).catch(() => {
        // Aborted: the only way a sleep can fail.
      });
    }
  }
}

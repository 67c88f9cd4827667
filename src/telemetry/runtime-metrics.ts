import type { Registry } from "prom-client";
import { readCount, readCounter, readGauge, readNumber } from "./read-metrics.ts";

export interface QueueFigures {
  readonly depth: number;
  readonly delayed: number;
  readonly atWork: number;
  readonly stuck: number;
  readonly oldestWaitMs: number;
}

export interface WatchFigures {
  /** The watched kind, from a closed list. */
  readonly name: string;
  /** The one namespace that it watches; undefined for all. */
  readonly namespace: string | undefined;
  readonly reflector: {
    /** When the API server last said anything, monotonic milliseconds; undefined before it ever did. */
    readonly lastProgressAt: number | undefined;
    readonly statistics: {
      readonly lists: number;
      readonly events: number;
      readonly failures: number;
      readonly handlerErrors: number;
      readonly skipped: number;
    };
  };
}

export interface RuntimeSources {
  readonly queue: QueueFigures;
  readonly watches: readonly WatchFigures[];
  readonly events: { readonly sent: number; readonly dropped: number; readonly pending: number };
  readonly pacer: {
    groupIds(): readonly string[];
    tokensLeft(groupId: string): number;
    unconfirmedTokensLeft(): number | undefined;
  };
  /** Whether this process surely is the leader. */
  readonly isLeading: () => boolean;
  /** How far Atlas' clock is ahead of this machine's, in milliseconds. */
  readonly skewMs: () => number;
  /** Certificates that were issued and are in no Secret yet. */
  readonly parked: () => number;
  /** Monotonic milliseconds. */
  readonly monotonic: () => number;
}

/** Registers the figures of the runtime: queue, watches, Events, leader, rate limits. */
export function registerRuntimeMetrics(registry: Registry, sources: RuntimeSources): void {
  const { events, pacer } = sources;
  registerQueue(registry, sources.queue);
  registerWatches(registry, sources);
  readCount(
    registry,
    "atlascerts_events_sent_total",
    "Events written, updates of their counts included.",
    () => events.sent,
  );
  readCount(
    registry,
    "atlascerts_events_dropped_total",
    "Events dropped because there were too many, or because the API server refused them.",
    () => events.dropped,
  );
  readNumber(registry, "atlascerts_events_pending", "Events waiting to be written.", () => events.pending);
  readNumber(
    registry,
    "atlascerts_leader",
    "1 while this process is the leader, or runs without leader election.",
    () => (sources.isLeading() ? 1 : 0),
  );
  readNumber(
    registry,
    "atlascerts_clock_skew_seconds",
    "Time by which Atlas' clock is ahead of this machine's. The operator uses Atlas' clock.",
    () => sources.skewMs() / 1000,
  );
  readNumber(
    registry,
    "atlascerts_parked_certificates",
    "Issued certificates that wait in memory for their Secrets to become writable.",
    () => sources.parked(),
  );
  readGauge(registry, {
    name: "atlascerts_atlas_rate_limit_tokens",
    help:
      "Requests that Atlas' rate limit still allows for a project now, as far as this process knows. " +
      'Projects that Atlas has not confirmed are summed under project_id="unconfirmed".',
    labelNames: ["project_id"],
    read: () => {
      const confirmed = pacer.groupIds().map((projectId) => ({ projectId, value: pacer.tokensLeft(projectId) }));
      const others = pacer.unconfirmedTokensLeft();
      // Project ids are hexadecimal, so none of them reads like this.
      const all = others === undefined ? confirmed : [...confirmed, { projectId: "unconfirmed", value: others }];
      return all.map(({ projectId, value }) => ({ labels: { project_id: projectId }, value }));
    },
  });
}

function registerQueue(registry: Registry, queue: QueueFigures): void {
  readNumber(registry, "atlascerts_workqueue_depth", "Due keys that wait for a worker.", () => queue.depth);
  readNumber(registry, "atlascerts_workqueue_delayed", "Keys that are scheduled for later.", () => queue.delayed);
  readNumber(registry, "atlascerts_workqueue_at_work", "Keys being reconciled.", () => queue.atWork);
  readNumber(
    registry,
    "atlascerts_workqueue_stuck",
    "Reconciles that exceeded their time limit and have not ended. Each one is a bug.",
    () => queue.stuck,
  );
  readNumber(
    registry,
    "atlascerts_workqueue_oldest_wait_seconds",
    "Longest time that a due key has been waiting.",
    () => queue.oldestWaitMs / 1000,
  );
}

function registerWatches(registry: Registry, { watches, monotonic }: RuntimeSources): void {
  const labelNames = ["watch", "watch_namespace"] as const;
  const labels = ({ name, namespace }: WatchFigures) => ({ watch: name, watch_namespace: namespace ?? "" });
  readGauge(registry, {
    name: "atlascerts_watch_age_seconds",
    help: "Time since the API server last sent anything on a watch. It sends something about every minute.",
    labelNames,
    read: () =>
      watches.flatMap((watch) => {
        const { lastProgressAt } = watch.reflector;
        return lastProgressAt === undefined
          ? []
          : [{ labels: labels(watch), value: (monotonic() - lastProgressAt) / 1000 }];
      }),
  });
  const counter = (
    name: string,
    help: string,
    value: (statistics: WatchFigures["reflector"]["statistics"]) => number,
  ) =>
    readCounter(registry, {
      name,
      help,
      labelNames,
      read: () => watches.map((watch) => ({ labels: labels(watch), value: value(watch.reflector.statistics) })),
    });
  counter(
    "atlascerts_watch_relists_total",
    "Complete lists after the first one, because the watch could not be resumed.",
    ({ lists }) => Math.max(0, lists - 1),
  );
  counter(
    "atlascerts_watch_skipped_total",
    "Objects skipped because they are too large to read.",
    ({ skipped }) => skipped,
  );
  counter("atlascerts_watch_events_total", "Changes received from a watch.", ({ events }) => events);
  counter("atlascerts_watch_failures_total", "Lists and watches that failed.", ({ failures }) => failures);
  counter(
    "atlascerts_watch_handler_errors_total",
    "Changes that could not be handled. Each one is a bug.",
    ({ handlerErrors }) => handlerErrors,
  );
}

import { ISSUE_REASONS } from "../api/reasons.ts";
import { USER_CERTIFICATE } from "../api/user-certificate.ts";
import type { Pacer } from "../atlas/pacing/pacer.ts";
import type { Clock } from "../clock.ts";
import type { CachedResource } from "../controllers/user-certificate/cluster/resource-cache.ts";
import type { UserCertificateController } from "../controllers/user-certificate/controller.ts";
import type { Assessment } from "../controllers/user-certificate/core/status/assessment.ts";
import type { Watch } from "../controllers/user-certificate/resource-watches.ts";
import { whenAborted } from "../deadline.ts";
import type { EventRecorder } from "../kube/events/event-recorder.ts";
import type { Lease } from "../kube/lease/lease.ts";
import type { Log } from "../kube/log.ts";
import type { WorkQueue, WorkQueueObserver } from "../kube/queue/work-queue.ts";
import { AtlasTraffic } from "../telemetry/atlas-traffic.ts";
import { type BindAddress, formatBindAddress } from "../telemetry/bind-address.ts";
import { certificateMetrics } from "../telemetry/certificate-metrics.ts";
import {
  cachesSynced,
  eventLoopTurns,
  leaseYoung,
  notShuttingDown,
  Pulse,
  queuesMove,
  watchesFresh,
} from "../telemetry/checks.ts";
import { clusterMetrics } from "../telemetry/cluster-metrics.ts";
import { type Check, Health } from "../telemetry/health.ts";
import { type AtlasExchange, Metrics } from "../telemetry/metrics.ts";
import { RunsUnderWay } from "../telemetry/runs-under-way.ts";
import { registerRuntimeMetrics } from "../telemetry/runtime-metrics.ts";
import { type RunningServer, startServer } from "../telemetry/server.ts";
import type { ClusterKinds } from "./cluster-kinds.ts";
import { projectFigures, reconcileFigures, removalFigures, resourceFigures } from "./figures.ts";
import { IssuesLeft } from "./issues-left.ts";
import { VERSION } from "./version.ts";

/** Where metrics and health are served; undefined for not at all. */
export interface ServeOptions {
  readonly metrics?: BindAddress | undefined;
  readonly health?: BindAddress | undefined;
}

/** The parts that health checks and metrics read. */
interface Sources {
  readonly controller: Pick<UserCertificateController, "resources" | "skewMs" | "parked"> & {
    readonly queue: Pick<WorkQueue, "depth" | "delayed" | "atWork" | "stuck" | "oldestWaitMs" | "lastFinishedAt">;
  };
  /** The controllers of the cluster-scoped kinds; undefined where those are not served. */
  readonly kinds?: Pick<ClusterKinds, "projects" | "queues" | "removals"> | undefined;
  readonly watches: readonly Watch[];
  readonly events: Pick<EventRecorder, "sent" | "dropped" | "pending">;
  readonly pacer: Pick<Pacer, "groupIds" | "tokensLeft" | "unconfirmedTokensLeft">;
  /** Without it this process leads from the start. */
  readonly lease: Pick<Lease, "held" | "ageMs"> | undefined;
  readonly leaseDurationMs: number;
  /** Aborts when the shutdown begins. */
  readonly shutdown: AbortSignal;
}

/** The metrics and health of this process, and the servers that publish them. */
export class Instruments {
  readonly metrics = new Metrics({ version: VERSION, issueReasons: ISSUE_REASONS });
  /** The work queue tells it of each run. */
  readonly queueObserver: WorkQueueObserver;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #traffic = new AtlasTraffic();
  readonly #issuesLeft = new IssuesLeft();
  readonly #runs: RunsUnderWay;
  readonly #pulse: Pulse;
  readonly #servers: RunningServer[] = [];
  readonly #stop = new AbortController();
  #workingSince: number | undefined;

  constructor({ clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#clock = clock;
    this.#log = log;
    this.#runs = new RunsUnderWay(clock);
    this.#pulse = new Pulse(clock);
    this.queueObserver = {
      started: (key, waitedMs) => {
        this.#runs.started(key);
        this.metrics.runStarted(waitedMs);
      },
      finished: (key, workedMs, result) => {
        this.#runs.finished(key);
        this.metrics.runFinished(workedMs, result);
      },
    };
  }

  /** Notified of the runs of another kind, which liveness is about too. */
  runsOf(kind: string): WorkQueueObserver {
    return {
      started: (name) => this.#runs.started(`${kind} ${name}`),
      finished: (name) => this.#runs.finished(`${kind} ${name}`),
    };
  }

  reconciled(assessment: Assessment): void {
    this.metrics.reconciled(reconcileFigures(assessment));
    this.#issuesLeft.reconciled(assessment);
  }

  atlasExchange(exchange: AtlasExchange): void {
    this.metrics.atlasExchange(exchange);
    this.#traffic.add(exchange, this.#clock.now());
  }

  /** The run of this key is about to ask for a certificate. */
  creates(key: string): void {
    this.#runs.creates(key);
  }

  /** From now on keys are worked on, until the signal aborts: whether the queue moves matters. */
  working(signal: AbortSignal): void {
    this.#workingSince = this.#clock.monotonic();
    whenAborted(signal, () => {
      this.#workingSince = undefined;
    });
  }

  /**
   * Starts to serve.
   *
   * @throws ListenError
   */
  async serve(addresses: ServeOptions, sources: Sources): Promise<void> {
    const { metrics, health } = addresses;
    if (metrics !== undefined) await this.#serveMetrics(metrics, sources);
    if (health !== undefined) await this.#serveHealth(health, sources);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#servers.map((server) => server.close()));
  }

  async #serveMetrics(
    address: BindAddress,
    { controller, kinds, watches, events, pacer, lease }: Sources,
  ): Promise<void> {
    const { registry } = this.metrics;
    this.metrics.addProcess();
    registerRuntimeMetrics(registry, {
      queue: controller.queue,
      watches,
      events,
      pacer,
      isLeading: () => lease?.held ?? true,
      skewMs: () => controller.skewMs,
      parked: () => controller.parked,
      monotonic: () => this.#clock.monotonic(),
    });
    this.metrics.addText(() => {
      const nowMs = this.#clock.now() + controller.skewMs;
      const figures = (resource: CachedResource) => resourceFigures(resource, nowMs, this.#issuesLeft);
      return certificateMetrics(Iterator.from(controller.resources()).map(figures), nowMs);
    });
    this.metrics.addText(() => this.#traffic.text(this.#clock.now()));
    if (kinds !== undefined) {
      this.metrics.addText(() =>
        clusterMetrics(kinds.projects().map(projectFigures), kinds.removals().map(removalFigures)),
      );
    }
    await this.#start("metrics", address, {
      "/metrics": async () => ({
        status: 200,
        contentType: this.metrics.contentType,
        body: await this.metrics.parts(),
      }),
    });
  }

  async #serveHealth(address: BindAddress, sources: Sources): Promise<void> {
    const { controller, kinds, lease, leaseDurationMs, shutdown, watches } = sources;
    const monotonic = () => this.#clock.monotonic();
    const ready = this.#health("readyz", [
      cachesSynced(watches),
      watchesFresh(watches, monotonic),
      notShuttingDown(shutdown),
    ]);
    const live = this.#health("livez", [
      eventLoopTurns(this.#pulse),
      queuesMove({
        queues: new Map([[USER_CERTIFICATE.plural, controller.queue], ...(kinds?.queues ?? [])]),
        runs: this.#runs,
        workingSince: () => this.#workingSince,
        monotonic,
      }),
      ...(lease === undefined ? [] : [leaseYoung(lease, leaseDurationMs)]),
    ]);
    await this.#start("health", address, {
      "/readyz": (query) => ready.answer(query),
      "/livez": (query) => live.answer(query),
    });
    // Never rejects.
    void this.#pulse.start(this.#stop.signal);
  }

  #health(name: "readyz" | "livez", checks: readonly Check[]): Health {
    return new Health({
      name,
      checks,
      onChange: (check, problem) => {
        if (problem === undefined) this.#log.info({ endpoint: name, check }, "health check recovered");
        // To be unready is a part of every start and end; to be restarted is not.
        else this.#log[name === "livez" ? "error" : "info"]({ endpoint: name, check, problem }, "health check failed");
      },
    });
  }

  async #start(what: "metrics" | "health", address: BindAddress, routes: Parameters<typeof startServer>[0]["routes"]) {
    const server = await startServer({
      what,
      address,
      routes,
      onError: (error) => this.#log.error({ err: error, what }, "could not answer a request"),
    });
    this.#servers.push(server);
    this.#log.info({ address: formatBindAddress(server.address), paths: Object.keys(routes) }, `serving ${what}`);
  }
}

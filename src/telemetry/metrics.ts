import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/** The figures of one completed reconcile. Every text is from a closed list. */
export interface ReconcileFigures {
  readonly decision: string;
  readonly outcome: string;
  /** Why: of a failure, of a block or of a certificate; `None` where nothing was to be done. */
  readonly reason: string;
  /** Why the certificate was issued, where one was. */
  readonly issuedFor: string | undefined;
}

/** An HTTP exchange with Atlas, token requests and repeated tries included. */
export interface AtlasExchange {
  readonly operation: string;
  /** The project that its path names. */
  readonly projectId: string | undefined;
  /** HTTP status; undefined where no whole answer came. */
  readonly status: number | undefined;
  readonly durationMs: number;
}

/** A request to the API server. */
export interface KubeExchange {
  readonly verb: string;
  /** HTTP status; undefined where no answer came. */
  readonly code: number | undefined;
}

export interface MetricsOptions {
  /** The product's version. */
  readonly version: string;
  /** Reasons for which a certificate may be issued: they start at 0, so that the first one is seen as an increase. */
  readonly issueReasons: readonly string[];
}

/** Seconds. Work on a key takes milliseconds from the caches, seconds with Atlas, minutes where it is slow. */
const WORK_BUCKETS = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120];
const ATLAS_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/**
 * The figures that are counted while things happen. What can be read at any time (caches, queue, watches) is not
 * counted here but read at a scrape: see read-metrics.ts.
 *
 * Labels come from closed lists, or are names that the API server has checked; never texts from users or Atlas.
 */
export class Metrics {
  readonly registry = new Registry();
  readonly #texts: (() => string | Iterable<string>)[] = [];
  readonly #reconciles = new Counter({
    name: "atlascerts_reconciles_total",
    help: "Completed reconciles by decision, outcome and reason.",
    labelNames: ["decision", "outcome", "reason"],
    registers: [this.registry],
  });
  readonly #issued = new Counter({
    name: "atlascerts_certificates_issued_total",
    help: "Certificates issued and stored, by reason.",
    labelNames: ["reason"],
    registers: [this.registry],
  });
  readonly #orphans = new Counter({
    name: "atlascerts_orphans_found_total",
    help: "Orphaned certificates. Their private keys are lost, but they are valid until they expire.",
    registers: [this.registry],
  });
  readonly #unaccounted = new Counter({
    name: "atlascerts_unaccounted_found_total",
    help: "Certificates listed by Atlas that no resource explains: issued elsewhere, or orphaned.",
    registers: [this.registry],
  });
  readonly #consumerLists = new Counter({
    name: "atlascerts_consumer_lists_total",
    help: "Lists of the pods of one namespace, by result. While they fail, the numbers of outdated pods are old.",
    labelNames: ["result"],
    registers: [this.registry],
  });
  readonly #restarts = new Counter({
    name: "atlascerts_rollout_restarts_total",
    help: "Restarts of workloads after a renewal, by result: restarted or failed. Each failed attempt counts.",
    labelNames: ["result"],
    registers: [this.registry],
  });
  readonly #atlasRequests = new Counter({
    name: "atlascerts_atlas_requests_total",
    help: "HTTP requests to Atlas, by operation and class of the status. The status is none if no complete response arrived.",
    labelNames: ["operation", "status"],
    registers: [this.registry],
  });
  readonly #atlasDurations = new Histogram({
    name: "atlascerts_atlas_request_duration_seconds",
    help: "Duration of HTTP requests to Atlas until the complete response, excluding the wait for the rate limit.",
    labelNames: ["operation"],
    buckets: ATLAS_BUCKETS,
    registers: [this.registry],
  });
  readonly #waits = new Histogram({
    name: "atlascerts_workqueue_wait_duration_seconds",
    help: "Time that a due key waited for a worker.",
    buckets: WORK_BUCKETS,
    registers: [this.registry],
  });
  readonly #works = new Histogram({
    name: "atlascerts_workqueue_work_duration_seconds",
    help: "Duration of a reconcile.",
    buckets: WORK_BUCKETS,
    registers: [this.registry],
  });
  readonly #retries = new Counter({
    name: "atlascerts_workqueue_retries_total",
    help: "Failed reconciles that are retried after a backoff, by cause: an error or the time limit.",
    labelNames: ["cause"],
    registers: [this.registry],
  });
  readonly #kubeRequests = new Counter({
    name: "atlascerts_kube_requests_total",
    help: "HTTP requests to the Kubernetes API server, by verb and status. The status is none if no response arrived.",
    labelNames: ["verb", "code"],
    registers: [this.registry],
  });

  constructor({ version, issueReasons }: MetricsOptions) {
    for (const reason of issueReasons) this.#issued.inc({ reason }, 0);
    for (const result of ["restarted", "failed"]) this.#restarts.inc({ result }, 0);
    for (const cause of ["error", "time_limit"]) this.#retries.inc({ cause }, 0);
    for (const result of ["ok", "failed"]) this.#consumerLists.inc({ result }, 0);
    new Gauge({
      name: "atlascerts_build_info",
      help: "Always 1. The labels name the running version.",
      labelNames: ["version", "node_version"],
      registers: [this.registry],
    }).set({ version, node_version: process.version }, 1);
  }

  /** Adds those of the process and of Node's runtime (`process_*`, `nodejs_*`). Once in a process. */
  addProcess(): void {
    // Coarser than its default of 10 ms, which would wake an idle process a hundred times a second.
    collectDefaultMetrics({ register: this.registry, eventLoopMonitoringPrecision: 100 });
    // Gauges whose names are those of counters.
    for (const kind of ["handles", "requests", "resources"]) {
      this.registry.removeSingleMetric(`nodejs_active_${kind}_total`);
    }
  }

  /** Adds metrics that are written by others, each with its HELP and TYPE, at the moment of a scrape: whole, or in parts. */
  addText(write: () => string | Iterable<string>): void {
    this.#texts.push(write);
  }

  /** All of it, in the text format of Prometheus, in parts that are made when they are asked for. */
  async parts(): Promise<Iterable<string>> {
    const registered = await this.registry.metrics();
    return inParts(registered, this.#texts);
  }

  /** The same as one text. */
  async text(): Promise<string> {
    return [...(await this.parts())].join("");
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  reconciled({ decision, outcome, reason, issuedFor }: ReconcileFigures): void {
    this.#reconciles.inc({ decision, outcome, reason });
    if (issuedFor !== undefined) this.#issued.inc({ reason: issuedFor });
  }

  /** A certificate was found that no one holds. */
  orphanFound(): void {
    this.#orphans.inc();
  }

  /** A certificate was found that no one may hold. */
  unaccountedFound(): void {
    this.#unaccounted.inc();
  }

  consumersListed(result: "ok" | "failed"): void {
    this.#consumerLists.inc({ result });
  }

  /** A workload was restarted, or could not be. */
  restart(result: "restarted" | "failed"): void {
    this.#restarts.inc({ result });
  }

  atlasExchange({ operation, status, durationMs }: Omit<AtlasExchange, "projectId">): void {
    this.#atlasRequests.inc({ operation, status: statusClass(status) });
    this.#atlasDurations.observe({ operation }, durationMs / 1000);
  }

  kubeExchange({ verb, code }: KubeExchange): void {
    this.#kubeRequests.inc({ verb, code: code === undefined ? "none" : String(code) });
  }

  runStarted(waitedMs: number): void {
    this.#waits.observe(waitedMs / 1000);
  }

  runFinished(workedMs: number, result: "done" | "again" | "failed" | "timedOut"): void {
    this.#works.observe(workedMs / 1000);
    if (result === "failed") this.#retries.inc({ cause: "error" });
    if (result === "timedOut") this.#retries.inc({ cause: "time_limit" });
  }
}

/** Such as 2xx; none where no whole answer came. */
export function statusClass(status: number | undefined): string {
  return status === undefined ? "none" : `${Math.floor(status / 100)}xx`;
}

function* inParts(registered: string, texts: readonly (() => string | Iterable<string>)[]): Generator<string> {
  yield registered;
  for (const write of texts) {
    yield "\n";
    const text = write();
    // A string is a list of its characters, too.
    yield* typeof text === "string" ? [text] : text;
  }
}

import type { UserCertificate } from "../../api/parse-user-certificate.ts";
import { type Clock, MINUTE_MS } from "../../clock.ts";
import { withDeadline } from "../../deadline.ts";
import type { KubeApi } from "../../kube/kube-api.ts";
import type { Log } from "../../kube/log.ts";
import type { Outcome } from "../../kube/queue/work-queue.ts";
import { objectKey } from "../../kube/resource-type.ts";
import { NameQueue } from "../name-queue.ts";
import type { Announcer } from "./announce.ts";
import type { AtlasClock } from "./atlas/atlas-clock.ts";
import { countPods } from "./cluster/consumer-pods.ts";
import type { ResourceCache } from "./cluster/resource-cache.ts";
import type { StatusWriter } from "./cluster/status-writer.ts";
import { ConsumerCounter, isRenewed, nextConsumers } from "./core/consumers/next-consumers.ts";

export interface ConsumerCountsOptions {
  readonly kube: Pick<KubeApi, "list">;
  readonly resources: ResourceCache;
  readonly statuses: Pick<StatusWriter, "reportConsumers">;
  readonly announcer: Pick<Announcer, "announceOutdated">;
  readonly atlasClock: Pick<AtlasClock, "now" | "toLocal">;
  /** Called after each list of pods. It must not throw. */
  readonly onListed?: ((result: "ok" | "failed", pods: number) => void) | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

/** A resource with an old certificate that is still valid. */
interface Counted {
  readonly resource: UserCertificate;
  readonly counter: ConsumerCounter;
}

/** Interval at which the pods of a namespace are listed while an old certificate in it is valid, in milliseconds. */
const INTERVAL_MS = 10 * MINUTE_MS;
/** Renewals that fall together share a list. */
const SHORTEST_INTERVAL_MS = MINUTE_MS;
const LIST_TIMEOUT_MS = MINUTE_MS;
/** Namespaces that are listed at a time: the connections are there for reconciles. */
const WORKERS = 2;

/**
 * Counts the pods that use an old certificate, namespace by namespace, and apart from reconciles: whatever a list of pods
 * costs or however it fails, no certificate waits for it. For the leader alone.
 */
export class ConsumerCounts {
  readonly #options: ConsumerCountsOptions;
  readonly #namespaces: NameQueue;
  /** By namespace, when the pods were last listed, in monotonic milliseconds. */
  readonly #listedMs = new Map<string, number>();
  /** Namespaces whose last list failed: only the first failure of several is worth a line in the log. */
  readonly #failing = new Set<string>();

  constructor(options: ConsumerCountsOptions) {
    this.#options = options;
    const { clock, log, random, resources } = options;
    this.#namespaces = new NameQueue({
      ...{ clock, random, log },
      reconcile: (namespace, signal) => this.#count(namespace, signal),
      names: () => new Set([...resources.store.values()].map(({ namespace }) => namespace)),
      workers: WORKERS,
    });
  }

  /** Counts at once after a renewal. */
  reconciled({ namespace, name }: UserCertificate): void {
    const now = this.#options.resources.get(objectKey({ namespace, name }));
    if (now?.valid && now.status.previous !== undefined && now.status.consumers === undefined)
      this.#namespaces.wake(namespace);
  }

  async work(signal: AbortSignal): Promise<void> {
    await this.#namespaces.work(signal);
  }

  async #count(namespace: string, signal: AbortSignal): Promise<Outcome> {
    const { clock } = this.#options;
    const renewed = this.#renewed(namespace);
    if (renewed.length === 0) {
      this.#listedMs.delete(namespace);
      this.#failing.delete(namespace);
      return { kind: "done" };
    }
    const lastMs = this.#listedMs.get(namespace) ?? Number.NEGATIVE_INFINITY;
    const waitMs = lastMs + SHORTEST_INTERVAL_MS - clock.monotonic();
    if (waitMs > 0) return { kind: "again", at: clock.now() + waitMs };
    this.#listedMs.set(namespace, clock.monotonic());
    const isListed = await this.#list(namespace, renewed, signal);
    const warningsMs = isListed ? await this.#report(renewed) : [];
    return { kind: "again", at: Math.min(clock.now() + INTERVAL_MS, ...warningsMs) };
  }

  #renewed(namespace: string): readonly Counted[] {
    const { atlasClock, resources } = this.#options;
    const nowMs = atlasClock.now();
    return resources
      .renewed(namespace)
      .flatMap((resource) =>
        isRenewed(resource.status, nowMs) && !resource.deleting
          ? [{ resource, counter: new ConsumerCounter(resource.status) }]
          : [],
      );
  }

  /** @returns whether the pods could be listed */
  async #list(namespace: string, renewed: readonly Counted[], signal: AbortSignal): Promise<boolean> {
    const { clock, kube, log, onListed } = this.#options;
    const counters = Map.groupBy(renewed, ({ resource }) => secretOf(resource));
    try {
      const limit = { clock, ms: LIST_TIMEOUT_MS, signal };
      const pods = await withDeadline(limit, (ending) => countPods(kube, namespace, counters, ending));
      onListed?.("ok", pods);
      this.#failing.delete(namespace);
      return true;
    } catch (error: unknown) {
      if (signal.aborted) throw error;
      onListed?.("failed", 0);
      if (!this.#failing.has(namespace)) {
        const message = "could not list pods, so status.consumers is not updated; retrying every 10 minutes";
        log.warn({ namespace, err: error }, message);
      }
      this.#failing.add(namespace);
      return false;
    }
  }

  /** @returns when outdated pods are to be announced next, by this machine's clock */
  async #report(renewed: readonly Counted[]): Promise<readonly number[]> {
    const reports = await Promise.allSettled(renewed.map((one) => this.#reportOne(one)));
    // One that can't be written keeps no other from being written.
    return reports.flatMap((report) => {
      if (report.status === "rejected") throw report.reason;
      return report.value === undefined ? [] : this.#options.atlasClock.toLocal(report.value);
    });
  }

  async #reportOne({ resource: before, counter }: Counted): Promise<number | undefined> {
    const { announcer, atlasClock, resources, statuses } = this.#options;
    const resource = resources.get(objectKey(before));
    // The list was made for this certificate.
    if (resource?.valid !== true || resource.status.serialNumber !== before.status.serialNumber) return undefined;
    const nowMs = atlasClock.now();
    if (!isRenewed(resource.status, nowMs)) return undefined;
    const { consumers, isWarning, nextWarningMs } = nextConsumers(resource.status, counter.counts, nowMs);
    if (consumers === resource.status.consumers) return nextWarningMs;
    await statuses.reportConsumers(resource, consumers);
    if (isWarning) announcer.announceOutdated(resource, consumers);
    return nextWarningMs;
  }
}

/** The Secret that holds the certificate: the spec may name another one by now. */
function secretOf({ spec, status }: UserCertificate): string {
  return status.secretName ?? spec.secretName;
}

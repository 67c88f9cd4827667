import type { MarkOption } from "../api/condition-states.ts";
import { CUSTOMER_X509_REMOVAL } from "../api/customer-x509-removal.ts";
import { PROJECT_X509, type ProjectX509 } from "../api/project-x509.ts";
import type { Pacer } from "../atlas/pacing/pacer.ts";
import type { Clock } from "../clock.ts";
import {
  CustomerX509RemovalController,
  type RemovalControllerOptions,
} from "../controllers/customer-x509-removal/controller.ts";
import type { NameQueue } from "../controllers/name-queue.ts";
import { ProjectX509Controller } from "../controllers/project-x509/controller.ts";
import type { SharedParts } from "../controllers/user-certificate/controller.ts";
import type { Assessment } from "../controllers/user-certificate/core/status/assessment.ts";
import type { Watch } from "../controllers/user-certificate/resource-watches.ts";
import type { EventRecorder } from "../kube/events/event-recorder.ts";
import type { KubeApi } from "../kube/kube-api.ts";
import type { Log } from "../kube/log.ts";
import type { WorkQueueObserver } from "../kube/queue/work-queue.ts";

export interface ClusterKindsOptions extends MarkOption {
  readonly kube: Pick<KubeApi, "get" | "list" | "watch" | "mergePatch">;
  readonly shared: SharedParts;
  readonly pacer: Pick<Pacer, "tokensLeft">;
  readonly events: Pick<EventRecorder, "record">;
  readonly leadership: RemovalControllerOptions["leadership"];
  readonly recheckIntervalMs: number;
  /** Interval at which the status of a project is refreshed, in milliseconds. */
  readonly projectRefreshMs: number;
  readonly onStep?: RemovalControllerOptions["onStep"];
  /** Notified of the runs of a kind. */
  readonly runsOf: (kind: string) => WorkQueueObserver;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

/** The controllers of the cluster-scoped kinds. */
export class ClusterKinds {
  readonly watches: readonly Watch[];
  /** By the names of the kinds. */
  readonly queues: ReadonlyMap<string, NameQueue["signs"]>;
  readonly #projects: ProjectX509Controller;
  readonly #removals: CustomerX509RemovalController;
  readonly #shared: SharedParts;

  constructor(options: ClusterKindsOptions) {
    const { shared, pacer, events, log, projectRefreshMs, runsOf } = options;
    this.#shared = shared;
    const common = { ...options, audience: { events, log } };
    this.#projects = new ProjectX509Controller({
      ...common,
      projects: shared.projects,
      queueObserver: runsOf(PROJECT_X509.plural),
      access: (name) => shared.directory.of(name),
      resources: (name) => shared.resources.ofProject(name),
      tokensLeft: (projectId) => pacer.tokensLeft(projectId),
      onSwitchedOff: (name) => shared.wakeResources(name),
      refreshMs: projectRefreshMs,
    });
    this.#removals = new CustomerX509RemovalController({
      ...common,
      queueObserver: runsOf(CUSTOMER_X509_REMOVAL.plural),
      project: (name) => shared.directory.of(name),
      onComplete: ({ spec }) => this.#projects.queue.wake(spec.projectRef.name),
    });
    this.queues = new Map([
      [PROJECT_X509.plural, this.#projects.queue.signs],
      [CUSTOMER_X509_REMOVAL.plural, this.#removals.queue.signs],
    ]);
    this.watches = [{ name: CUSTOMER_X509_REMOVAL.plural, namespace: undefined, reflector: this.#removals.reflector }];
  }

  projects(): readonly ProjectX509[] {
    return [...this.#shared.projects.store.values()].filter((project) => project.valid);
  }

  removals() {
    return [...this.#removals.removals()].filter((removal) => removal.valid);
  }

  async watch(signal: AbortSignal): Promise<void> {
    await this.#removals.reflector.start(signal);
  }

  /**
   * Works until the signal aborts. For the leader alone, which does not wait for the cache of requests: without the rights
   * on those it does everything else, and each request stands for itself.
   */
  async work(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#projects.queue.work(signal), this.#removals.queue.work(signal)]);
  }

  /** A project or its credentials changed. */
  projectChanged(name: string): void {
    this.#projects.queue.wake(name);
    this.#removals.queue.wakeAll();
  }

  /** A resource has found out that customer-managed X.509 is on: the status of its project tells how to switch it off. */
  resourceReconciled({ blocker, situation }: Assessment): void {
    const name = situation.resource.spec.projectRef?.name;
    if (blocker?.reason !== "CustomerManagedX509On" || name === undefined) return;
    if (this.#shared.projects.get(name)?.status.customerManagedX509?.enabled !== true) this.#projects.queue.wake(name);
  }
}

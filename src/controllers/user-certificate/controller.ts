import { randomUUID } from "node:crypto";
import { PROJECT_X509 } from "../../api/project-x509.ts";
import { whenAborted } from "../../deadline.ts";
import type { StoreEvent } from "../../kube/cache/store.ts";
import type { KubeApi } from "../../kube/kube-api.ts";
import type { Share } from "../../kube/queue/ready-keys.ts";
import { WorkQueue, type WorkQueueObserver } from "../../kube/queue/work-queue.ts";
import { objectKey } from "../../kube/resource-type.ts";
import { ProjectDirectory } from "../access/project-directory.ts";
import { AffectedResources } from "./affected-resources.ts";
import { type Assembly, type AssemblyOptions, assemble, type ReconcileObserver } from "./assembly.ts";
import { judgeListedSecrets } from "./cluster/listed-secrets.ts";
import { type CachedProject, ProjectCache } from "./cluster/project-cache.ts";
import { type CachedResource, ResourceCache, SecretCache } from "./cluster/resource-cache.ts";
import { ConsumerCounts, type ConsumerCountsOptions } from "./consumer-counts.ts";
import type { SecretIdentity } from "./core/model/snapshot.ts";
import { ProjectWatches } from "./project-watches.ts";
import { resourceWatches, type Watch } from "./resource-watches.ts";

/** Tells a process about its controller. */
export interface ControllerObserver extends ReconcileObserver {
  readonly queue?: WorkQueueObserver;
  /** Called with projects, by their names, that changed or whose credentials did. */
  onProject?(name: string): void;
  readonly onConsumersListed?: ConsumerCountsOptions["onListed"];
}

type SharedOptions = Pick<
  AssemblyOptions,
  "connect" | "events" | "policy" | "identity" | "leadership" | "calendar" | "mark" | "clock" | "random" | "log"
>;

export interface UserCertificateControllerOptions extends SharedOptions {
  readonly kube: Pick<KubeApi, "get" | "list" | "watch" | "create" | "mergePatch">;
  /** Only these namespaces. @default all of them */
  readonly namespaces?: readonly string[] | undefined;
  /** Serves AtlasProjectX509s, whose credentials are in Secrets of this namespace. @default they are not served */
  readonly projects?: { readonly namespace: string } | undefined;
  /** Whether a namespace may use Atlas credentials of its own. @default true */
  readonly allowOwnCredentials?: boolean | undefined;
  /** Maximum number of concurrent reconciles. */
  readonly workers: number;
  /** As in WorkQueueOptions. */
  readonly clockCheckMs?: number | undefined;
  readonly observer?: ControllerObserver | undefined;
}

/** Parts of this controller that others use too. */
export interface SharedParts {
  readonly projects: ProjectCache;
  readonly resources: ResourceCache;
  readonly directory: ProjectDirectory;
  /** Makes the resources due that name this AtlasProjectX509. */
  readonly wakeResources: (project: string) => void;
}

/** How long one reconcile may take before its signal aborts, in milliseconds. */
const ITEM_TIMEOUT_MS = 120_000;

/** Concurrent reconciles of one project and its credentials, and of one namespace. */
const MAX_BY_ACCESS = 4;
const MAX_BY_NAMESPACE = 8;

/** Watches, and turns changes into keys that are due; the assembly reconciles them. */
export class UserCertificateController {
  readonly queue: WorkQueue;
  readonly watches: readonly Watch[];
  readonly #options: UserCertificateControllerOptions;
  readonly #projects = new ProjectCache();
  readonly #resources = new ResourceCache(this.#projects);
  readonly #affected = new AffectedResources(this.#resources, this.#projects);
  readonly #secrets = new SecretCache();
  readonly #projectWatches: ProjectWatches | undefined;
  readonly #assembly: Assembly;
  readonly #consumers: ConsumerCounts | undefined;
  #isWorking = false;
  #storing = new AbortController();

  constructor(options: UserCertificateControllerOptions) {
    this.#options = options;
    const { observer = {}, projects, allowOwnCredentials = true, ...shared } = options;
    const { kube: client, clock, random, log } = options;
    this.#projectWatches =
      projects &&
      new ProjectWatches({
        ...{ client, clock, random, log, projects: this.#projects, secrets: this.#secrets },
        namespace: projects.namespace,
        onProject: (event) => this.#onProject(event),
        onNamespace: ({ object }) => this.#addAll(this.#affected.byNamespace(object.name)),
        onSecret: (event) => this.#onSecret(event),
      });
    this.queue = new WorkQueue({
      ...{ clock, random, log, clockCheckMs: options.clockCheckMs },
      sharesOf: (key) => this.#sharesOf(key),
      ...(observer.queue !== undefined && { observer: observer.queue }),
    });
    this.#assembly = assemble({
      ...shared,
      resources: this.#resources,
      secrets: this.#secrets,
      projects: this.#projects,
      serving: this.#projectWatches,
      allowOwnCredentials,
      newId: randomUUID,
      wake: (key) => this.#wake(key),
      onClockMoved: () => this.#wakeAll(),
      onForeignResource: (event) => this.#onResource(event),
      onForeignSecret: (event) => this.#onSecret(event),
      observer: {
        onStep: (step, resource) => observer.onStep?.(step, resource),
        onOrphan: () => observer.onOrphan?.(),
        onUnaccounted: () => observer.onUnaccounted?.(),
        onRestart: (result) => observer.onRestart?.(result),
        onReconciled: (assessment) => {
          this.#addAll(this.#affected.byReconcile(assessment));
          this.#consumers?.reconciled(assessment.situation.resource);
          observer.onReconciled?.(assessment);
        },
      },
    });
    const { announcer, atlasClock, statuses } = this.#assembly;
    this.#consumers = options.policy.countsConsumers
      ? new ConsumerCounts({
          ...{ kube: client, resources: this.#resources, announcer, atlasClock, statuses, clock, random, log },
          onListed: observer.onConsumersListed,
        })
      : undefined;
    this.watches = [
      ...(options.namespaces ?? [undefined]).flatMap((namespace) =>
        resourceWatches({
          ...{ client, namespace, clock, random, log },
          resources: this.#resources,
          secrets: this.#secrets,
          onResource: (event) => this.#onResource(event),
          onSecret: (event) => this.#onSecret(event),
        }),
      ),
      ...(this.#projectWatches === undefined
        ? []
        : [
            { name: PROJECT_X509.plural, namespace: undefined, reflector: this.#projectWatches.projects },
            {
              name: "secrets-of-projects" as const,
              namespace: this.#projectWatches.namespace,
              reflector: this.#projectWatches.credentials,
            },
          ]),
    ];
  }

  /** The caches and the way to Atlas, for the controllers of the cluster-scoped kinds; undefined if those are not served. */
  get shared(): SharedParts | undefined {
    if (this.#projectWatches === undefined) return undefined;
    const { access } = this.#assembly;
    const projects = this.#projects;
    return {
      projects,
      resources: this.#resources,
      directory: new ProjectDirectory({ access, projects, serving: this.#projectWatches }),
      wakeResources: (project) => this.#addAll(this.#resources.ofProject(project)),
    };
  }

  /** Resolves when every cache holds what the API server has; rejects with the signal's reason. */
  async synced(): Promise<void> {
    await Promise.all(this.watches.map(({ reflector }) => reflector.synced));
  }

  /** The resources as the cache has them, for figures. */
  resources(): IterableIterator<CachedResource> {
    return this.#resources.store.values();
  }

  /** Keeps the caches current until the signal aborts. Runs on every replica, so that a new leader starts warm. */
  async watch(signal: AbortSignal): Promise<void> {
    await Promise.all([
      ...this.watches.map(({ reflector }) => reflector.start(signal)),
      this.#projectWatches?.watchNamespaces(signal),
    ]);
  }

  /**
   * Works until the signal aborts, then finishes the issuances that are under way. For the leader alone. After that it
   * may be called again, even while issuances of the previous run are unfinished: their resources are skipped.
   */
  async work(signal: AbortSignal): Promise<void> {
    await this.synced();
    const { inspector } = this.#assembly;
    await judgeListedSecrets({ ...this.#options, resources: this.#resources, inspector }, signal);
    // From now on reconciles store what is parked.
    this.#storing.abort();
    this.#takeKeys(signal);
    const reconciles = this.queue.run((key, itemSignal) => this.#assembly.reconciler.reconcile(key, itemSignal), {
      concurrency: this.#options.workers,
      itemTimeoutMs: ITEM_TIMEOUT_MS,
      signal,
    });
    await Promise.all([reconciles, this.#consumers?.work(signal)]);
    await this.#assembly.handOver.announce();
  }

  /** Number of certificates that were issued and are in no Secret yet. */
  get parked(): number {
    return this.#assembly.parked.size;
  }

  /** How far Atlas' clock is ahead of this machine's, in milliseconds. */
  get skewMs(): number {
    return this.#assembly.atlasClock.skewMs;
  }

  /**
   * After the work: goes on storing parked certificates until nothing is parked, no one waits any more, the work goes on,
   * or the signal aborts. Never rejects.
   */
  async storeParked(signal: AbortSignal): Promise<void> {
    this.#storing = new AbortController();
    await this.#assembly.handOver.store(AbortSignal.any([signal, this.#storing.signal]));
  }

  /**
   * From now on, until the signal aborts, a change makes its keys due, and all keys are due now: nothing was kept of what
   * changed before. A replica that does not work would only gather them.
   */
  #takeKeys(signal: AbortSignal): void {
    if (signal.aborted) return;
    this.#isWorking = true;
    whenAborted(signal, () => {
      this.#isWorking = false;
      this.queue.clear();
    });
    this.#wakeAll();
  }

  /** A resource waits for its own namespace, project and credentials, and for no others. */
  #sharesOf(key: string): readonly Share[] {
    const resource = this.#resources.get(key);
    if (resource?.valid !== true) return [];
    const { namespace, spec } = resource;
    const { credentialsRef, projectId, projectRef } = spec;
    const access = projectRef ? `project ${projectRef.name}` : `${projectId} ${namespace}/${credentialsRef?.name}`;
    return [
      { id: `access ${access}`, most: MAX_BY_ACCESS },
      { id: `namespace ${namespace}`, most: MAX_BY_NAMESPACE },
    ];
  }

  #add(resource: CachedResource): void {
    this.#wake(objectKey(resource));
  }

  #addAll(resources: Iterable<CachedResource>): void {
    for (const resource of resources) this.#add(resource);
  }

  #wakeAll(): void {
    this.#addAll(this.#resources.store.values());
  }

  #wake(key: string): void {
    if (this.#isWorking) this.queue.add(key);
  }

  #onResource(event: StoreEvent<CachedResource>): void {
    const { object } = event;
    if (event.kind === "deleted") {
      this.#assembly.reconciler.forget(object.valid ? this.#resources.resolved(object) : object);
    } else {
      this.#add(object);
    }
    this.#addAll(this.#affected.byResource(event));
  }

  #onSecret(event: StoreEvent<SecretIdentity>): void {
    if (event.kind === "deleted") {
      this.#assembly.inspector.forget(event.key);
      this.#assembly.access.forget(event.key);
      this.#assembly.passwords.forget(event.key);
    }
    this.#addAll(this.#affected.bySecret(event.key));
    if (event.object.namespace === this.#projectWatches?.namespace) {
      this.#addProjects(this.#affected.projectsByCredentials(event.object.name));
    }
  }

  #onProject(event: StoreEvent<CachedProject>): void {
    this.#addProjects(this.#affected.projectsByProject(event));
  }

  #addProjects(names: Iterable<string>): void {
    for (const name of names) {
      this.#options.observer?.onProject?.(name);
      this.#addAll(this.#resources.ofProject(name));
    }
  }
}

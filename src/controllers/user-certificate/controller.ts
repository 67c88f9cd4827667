import { randomUUID } from "node:crypto";
import { findCondition } from "../../api/conditions.ts";
import { MANAGED_LABEL } from "../../api/names.ts";
import { parseUserCertificate, type UserCertificate } from "../../api/parse-user-certificate.ts";
import { PROJECT_X509 } from "../../api/project-x509.ts";
import { USER_CERTIFICATE } from "../../api/user-certificate.ts";
import type { AtlasCredentials } from "../../atlas/authentication/credentials.ts";
import type { Clock } from "../../clock.ts";
import { whenAborted } from "../../deadline.ts";
import { Reflector } from "../../kube/cache/reflector.ts";
import type { Stored, StoreEvent } from "../../kube/cache/store.ts";
import { SECRETS } from "../../kube/core-types.ts";
import type { EventRecorder } from "../../kube/events/event-recorder.ts";
import type { KubeApi } from "../../kube/kube-api.ts";
import type { Log } from "../../kube/log.ts";
import type { Share } from "../../kube/queue/ready-keys.ts";
import { WorkQueue, type WorkQueueObserver } from "../../kube/queue/work-queue.ts";
import { objectKey, type ResourceType } from "../../kube/resource-type.ts";
import type { AtlasApi } from "../access/atlas-access.ts";
import { ProjectAccess } from "../access/project-access.ts";
import { type Assembly, assemble, type ReconcileObserver } from "./assembly.ts";
import type { Calendar } from "./atlas/calendar.ts";
import { judgeListedSecrets } from "./cluster/listed-secrets.ts";
import { type CachedProject, ProjectCache } from "./cluster/project-cache.ts";
import { type CachedResource, ResourceCache, SecretCache } from "./cluster/resource-cache.ts";
import { secretIdentity } from "./cluster/secret-metadata.ts";
import type { Policy, SecretIdentity } from "./core/model/snapshot.ts";
import type { Assessment } from "./core/status/assessment.ts";
import type { IssuerOptions } from "./issue.ts";
import { ProjectWatches } from "./project-watches.ts";

/** Tells a process about its controller. */
export interface ControllerObserver extends ReconcileObserver {
  readonly queue?: WorkQueueObserver;
  /** Called with projects, by their names, that changed or whose credentials did. */
  onProject?(name: string): void;
}

export interface UserCertificateControllerOptions {
  readonly kube: Pick<KubeApi, "get" | "list" | "watch" | "create" | "mergePatch">;
  /** Makes an Atlas client for one set of credentials. */
  readonly connect: (credentials: AtlasCredentials) => AtlasApi;
  readonly events: Pick<EventRecorder, "record">;
  readonly policy: Policy;
  /** Only these namespaces. @default all of them */
  readonly namespaces?: readonly string[] | undefined;
  /** Serves AtlasProjectX509s, whose credentials are in Secrets of this namespace. @default they are not served */
  readonly projects?: { readonly namespace: string } | undefined;
  /** Whether a namespace may use Atlas credentials of its own. @default true */
  readonly allowOwnCredentials?: boolean | undefined;
  /** Maximum number of concurrent reconciles. */
  readonly workers: number;
  /** Name of this process. */
  readonly identity: string;
  readonly leadership: IssuerOptions["leadership"];
  readonly observer?: ControllerObserver | undefined;
  /** Length of Atlas' months. @default the calendar's */
  readonly calendar?: Calendar | undefined;
  /** Stands before each message of a condition. @default nothing */
  readonly mark?: string | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

/** One watch of the API server, for health checks and metrics of this process. */
export interface Watch {
  /** Unique within a namespace. */
  readonly name:
    | "atlasusercertificates"
    | "secrets-managed"
    | "secrets-others"
    | "atlasprojectx509s"
    | "secrets-of-projects"
    | "atlascustomerx509removals";
  /** The one namespace that is watched; undefined for all. */
  readonly namespace: string | undefined;
  readonly reflector: Pick<Reflector<Stored>, "start" | "synced" | "isSynced" | "lastProgressAt" | "statistics">;
}

/** Parts of this controller that others use too. */
export interface SharedParts {
  readonly projects: ProjectCache;
  readonly resources: ResourceCache;
  readonly access: ProjectAccess;
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
  readonly #secrets = new SecretCache();
  readonly #projectWatches: ProjectWatches | undefined;
  readonly #assembly: Assembly;
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
        onNamespace: ({ object }) => this.#onNamespace(object.name),
        onSecret: (event) => this.#onSecret(event),
      });
    this.queue = new WorkQueue({
      ...{ clock, random, log },
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
        onReconciled: (assessment) => {
          this.#wakeClaimants(assessment);
          observer.onReconciled?.(assessment);
        },
      },
    });
    this.watches = [
      ...(options.namespaces ?? [undefined]).flatMap((namespace) => this.#watch(namespace)),
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
    const { ofProjects: labelled } = this.#secrets;
    const projects = this.#projects;
    return {
      projects,
      resources: this.#resources,
      access: new ProjectAccess({ access, projects, labelled, serving: this.#projectWatches }),
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
   * may be called again, though issuances of before are still open: their resources are left to them.
   */
  async work(signal: AbortSignal): Promise<void> {
    await this.synced();
    const { inspector } = this.#assembly;
    await judgeListedSecrets({ ...this.#options, resources: this.#resources, inspector }, signal);
    // From now on reconciles store what is parked.
    this.#storing.abort();
    this.#takeKeys(signal);
    await this.queue.run((key, itemSignal) => this.#assembly.reconciler.reconcile(key, itemSignal), {
      concurrency: this.#options.workers,
      itemTimeoutMs: ITEM_TIMEOUT_MS,
      signal,
    });
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

  #wakeAll(): void {
    for (const resource of this.#resources.store.values()) this.#add(resource);
  }

  #wake(key: string): void {
    if (this.#isWorking) this.queue.add(key);
  }

  #watch(namespace: string | undefined): readonly Watch[] {
    const { kube: client, clock, random, log } = this.#options;
    const common = { client, namespace, clock, random, log };
    const secrets: ResourceType = SECRETS;
    return [
      {
        name: USER_CERTIFICATE.plural,
        namespace,
        reflector: new Reflector({
          ...common,
          type: USER_CERTIFICATE,
          store: this.#resources.store,
          project: parseUserCertificate,
          onEvent: (event) => this.#onResource(event),
        }),
      },
      ...(["labelled", "others"] as const).map((kind) => ({
        name: kind === "labelled" ? ("secrets-managed" as const) : ("secrets-others" as const),
        namespace,
        reflector: new Reflector({
          ...common,
          type: secrets,
          labelSelector: kind === "labelled" ? `${MANAGED_LABEL}=true` : `${MANAGED_LABEL}!=true`,
          metadataOnly: true,
          store: this.#secrets[kind],
          project: secretIdentity,
          onEvent: (event) => this.#onSecret(event),
        }),
      })),
    ];
  }

  #onResource(event: StoreEvent<CachedResource>): void {
    const { object } = event;
    if (event.kind === "deleted") {
      this.#assembly.reconciler.forget(object.valid ? this.#resources.resolved(object) : object);
    } else {
      this.#add(object);
    }
    const isRespecified = event.kind !== "modified" || event.previous.generation !== object.generation;
    // The others that want the same Secret: who holds it may have changed.
    for (const state of event.kind === "modified" ? [object, event.previous] : [object]) {
      if (!state.valid) continue;
      const { namespace, spec, status } = state;
      if (spec.projectRef !== undefined && isRespecified) this.#wakeRivals(state, spec.projectRef.name);
      const leftBehind = (status.leftBehind ?? []).map(({ secretName }) => secretName);
      for (const name of new Set([spec.secretName, status.secretName, ...leftBehind])) {
        if (name === undefined) continue;
        for (const claimant of this.#resources.claimants(objectKey({ namespace, name }))) {
          if (claimant.uid !== object.uid) this.#add(claimant);
        }
      }
    }
  }

  #onSecret(event: StoreEvent<SecretIdentity>): void {
    if (event.kind === "deleted") {
      this.#assembly.inspector.forget(event.key);
      this.#assembly.access.forget(event.key);
      this.#assembly.passwords.forget(event.key);
    }
    const concerned = [
      ...this.#resources.claimants(event.key),
      ...this.#resources.reading(event.key),
      ...this.#usingProjectCredentials(event.object),
    ];
    for (const certificate of concerned) this.#add(certificate);
  }

  #usingProjectCredentials({ namespace, name }: SecretIdentity): readonly UserCertificate[] {
    if (namespace !== this.#projectWatches?.namespace) return [];
    const projects = [...this.#projects.store.values()].filter(
      (project) => project.valid && project.spec.credentialsRef.name === name,
    );
    for (const project of projects) this.#options.observer?.onProject?.(project.name);
    return projects.flatMap((project) => this.#resources.ofProject(project.name));
  }

  /** The namespaces that may use the project may have changed, and which of several objects of one project rules. */
  #onProject(event: StoreEvent<CachedProject>): void {
    const names = new Set([event.key]);
    for (const state of event.kind === "modified" ? [event.object, event.previous] : [event.object]) {
      if (!state.valid) continue;
      for (const { name } of this.#projects.ofProjectId(state.spec.projectId)) names.add(name);
    }
    // Its status says nothing about what it grants.
    if (event.kind === "modified" && isSameProject(event.object, event.previous)) return;
    for (const name of names) this.#options.observer?.onProject?.(name);
    for (const name of names) for (const resource of this.#resources.ofProject(name)) this.#add(resource);
  }

  #onNamespace(name: string): void {
    for (const resource of this.#resources.store.values()) {
      if (resource.namespace === name && resource.valid && resource.spec.projectRef !== undefined) this.#add(resource);
    }
  }

  /** Those that wait for the same user, and those of the namespace that a limit of the grant may have kept waiting. */
  #wakeRivals(resource: UserCertificate, project: string): void {
    const waiting = this.#resources
      .ofProject(project, resource.namespace)
      .filter(({ status }) => findCondition(status, "Ready")?.reason === "NotGranted");
    for (const other of [...this.#resources.rivals(resource), ...waiting]) {
      if (other.uid !== resource.uid) this.#add(other);
    }
  }

  /**
   * The others that want the Secret of a resource whose attempt has come off the record: it may be theirs now. An own
   * write makes no event that could tell them. While the record stays nothing has changed for them: two that both have
   * one would wake each other on and on.
   */
  #wakeClaimants({ snapshot: { resource }, decision }: Assessment): void {
    const hadAttempt = decision.kind === "issue" || resource.status.issuance !== undefined;
    const now = this.#resources.get(objectKey(resource));
    if (!hadAttempt || (now?.valid && now.status.issuance !== undefined)) return;
    const secret = objectKey({ namespace: resource.namespace, name: resource.spec.secretName });
    for (const claimant of this.#resources.claimants(secret)) {
      if (claimant.uid !== resource.uid) this.#add(claimant);
    }
  }
}

function isSameProject(left: CachedProject, right: CachedProject): boolean {
  return left.uid === right.uid && left.generation === right.generation && left.deleting === right.deleting;
}

import { CREDENTIALS_LABEL } from "../../api/names.ts";
import { PROJECT_X509, parseProjectX509 } from "../../api/project-x509.ts";
import type { Clock } from "../../clock.ts";
import { Reflector } from "../../kube/cache/reflector.ts";
import type { StoreEvent } from "../../kube/cache/store.ts";
import { NAMESPACES, SECRETS } from "../../kube/core-types.ts";
import type { KubeApi } from "../../kube/kube-api.ts";
import type { Log } from "../../kube/log.ts";
import type { ResourceType } from "../../kube/resource-type.ts";
import type { ProjectServing } from "./cluster/grants.ts";
import {
  type CachedProject,
  type NamespaceLabels,
  namespaceLabels,
  type ProjectCache,
} from "./cluster/project-cache.ts";
import type { SecretCache } from "./cluster/resource-cache.ts";
import { secretIdentity } from "./cluster/secret-metadata.ts";
import type { SecretIdentity } from "./core/model/snapshot.ts";

export interface ProjectWatchesOptions {
  readonly client: Pick<KubeApi, "list" | "watch">;
  /** Namespace of the Secrets with the projects' credentials. */
  readonly namespace: string;
  readonly projects: ProjectCache;
  readonly secrets: SecretCache;
  readonly onProject: (event: StoreEvent<CachedProject>) => void;
  readonly onNamespace: (event: StoreEvent<NamespaceLabels>) => void;
  readonly onSecret: (event: StoreEvent<SecretIdentity>) => void;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

/** A watch says something about once a minute. After this time without a word what it told counts as out of date. */
const MAX_SILENCE_MS = 120_000;

/** The watches that say who may use which project. */
export class ProjectWatches implements ProjectServing {
  readonly namespace: string;
  readonly projects: Reflector<CachedProject>;
  readonly credentials: Reflector<SecretIdentity>;
  readonly #namespaces: Reflector<NamespaceLabels>;
  readonly #options: ProjectWatchesOptions;
  #startNamespaces: (() => void) | undefined;

  constructor(options: ProjectWatchesOptions) {
    this.#options = options;
    this.namespace = options.namespace;
    const { client, clock, random, log, projects, secrets } = options;
    const common = { client, clock, random, log };
    const secretType: ResourceType = SECRETS;
    const projectType: ResourceType = PROJECT_X509;
    this.projects = new Reflector({
      ...common,
      type: projectType,
      store: projects.store,
      project: parseProjectX509,
      onEvent: (event) => {
        if (projects.needsNamespaces) this.#startNamespaces?.();
        options.onProject(event);
      },
    });
    this.credentials = new Reflector({
      ...common,
      type: secretType,
      namespace: options.namespace,
      labelSelector: `${CREDENTIALS_LABEL}=true`,
      metadataOnly: true,
      store: secrets.ofProjects,
      project: secretIdentity,
      onEvent: options.onSecret,
    });
    this.#namespaces = new Reflector({
      ...common,
      type: NAMESPACES,
      metadataOnly: true,
      store: projects.namespaces,
      project: namespaceLabels,
      onEvent: options.onNamespace,
    });
  }

  isCurrent(what: "projects" | "namespaces"): boolean {
    const { isSynced, lastProgressAt } = what === "projects" ? this.projects : this.#namespaces;
    const silenceMs = this.#options.clock.monotonic() - (lastProgressAt ?? Number.NEGATIVE_INFINITY);
    return isSynced && silenceMs < MAX_SILENCE_MS;
  }

  /** Watches namespaces as soon as a grant selects them by labels. Runs until the signal aborts. */
  async watchNamespaces(signal: AbortSignal): Promise<void> {
    const needed = Promise.withResolvers<void>();
    this.#startNamespaces = needed.resolve;
    signal.addEventListener("abort", () => needed.resolve(), { once: true });
    if (signal.aborted || this.#options.projects.needsNamespaces) needed.resolve();
    await needed.promise;
    this.#startNamespaces = undefined;
    if (!signal.aborted) await this.#namespaces.start(signal);
  }
}

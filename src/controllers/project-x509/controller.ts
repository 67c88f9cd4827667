import { PROJECT_X509, parseProjectX509 } from "../../api/project-x509.ts";
import type { KubeApi } from "../../kube/kube-api.ts";
import type { Log } from "../../kube/log.ts";
import { StatusSender } from "../../kube/status-sender.ts";
import { NameQueue, type NameQueueOptions } from "../name-queue.ts";
import type { ProjectCache } from "../user-certificate/cluster/project-cache.ts";
import { ProjectReconciler, type ProjectReconcilerOptions } from "./reconciler.ts";

export interface ProjectControllerOptions extends Omit<ProjectReconcilerOptions, "project" | "sender"> {
  readonly kube: Pick<KubeApi, "get" | "mergePatch">;
  readonly projects: ProjectCache;
  readonly queueObserver?: NameQueueOptions["observer"];
  readonly random: () => number;
  readonly log: Log;
}

/** Keeps the status of AtlasProjectX509s. Others watch them: their grants matter to every resource. */
export class ProjectX509Controller {
  readonly queue: NameQueue;

  constructor(options: ProjectControllerOptions) {
    const { kube, projects, queueObserver: observer, clock, random, log } = options;
    const { store } = projects;
    const sender = new StatusSender({
      ...{ kube, type: PROJECT_X509, parse: parseProjectX509, store },
      onForeignChange: ({ key }) => this.queue.wake(key),
    });
    const reconciler = new ProjectReconciler({ ...options, sender, project: (name) => projects.get(name) });
    this.queue = new NameQueue({
      ...{ observer, clock, random, log },
      names: () => Iterator.from(store.values()).map(({ name }) => name),
      reconcile: (name, signal) => reconciler.reconcile(name, signal),
    });
  }
}

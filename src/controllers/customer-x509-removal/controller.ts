import type { MarkOption } from "../../api/condition-states.ts";
import { CUSTOMER_X509_REMOVAL, parseCustomerX509Removal } from "../../api/customer-x509-removal.ts";
import { Reflector } from "../../kube/cache/reflector.ts";
import { Store } from "../../kube/cache/store.ts";
import type { KubeApi } from "../../kube/kube-api.ts";
import type { ResourceType } from "../../kube/resource-type.ts";
import { NameQueue, type NameQueueOptions } from "../name-queue.ts";
import { type CachedRemoval, RemovalStatus } from "./cluster/removal-status.ts";
import { RemovalReconciler, type RemovalReconcilerOptions } from "./reconciler.ts";

export interface RemovalControllerOptions
  extends MarkOption,
    Pick<
      RemovalReconcilerOptions,
      "project" | "audience" | "leadership" | "recheckIntervalMs" | "onStep" | "onComplete" | "clock" | "log"
    > {
  readonly kube: Pick<KubeApi, "get" | "list" | "watch" | "mergePatch">;
  readonly queueObserver?: NameQueueOptions["observer"];
  readonly random: () => number;
}

/** Watches requests to remove customer-managed X.509, and makes each of them once. */
export class CustomerX509RemovalController {
  readonly queue: NameQueue;
  readonly reflector: Reflector<CachedRemoval>;

  constructor(options: RemovalControllerOptions) {
    const { kube, queueObserver: observer, clock, random, log, mark } = options;
    const store = new Store<CachedRemoval>();
    const type: ResourceType = CUSTOMER_X509_REMOVAL;
    this.reflector = new Reflector({
      ...{ client: kube, type, store, clock, random, log },
      project: parseCustomerX509Removal,
      onEvent: ({ key }) => this.queue.wake(key),
    });
    const statuses = new RemovalStatus({ kube, store, mark, wake: (name) => this.queue.wake(name) });
    const reconciler = new RemovalReconciler({ ...options, statuses, removal: (name) => store.get(name) });
    this.queue = new NameQueue({
      ...{ observer, clock, random, log },
      names: () => Iterator.from(store.values()).map(({ name }) => name),
      reconcile: (name, signal) => reconciler.reconcile(name, signal),
    });
  }

  /** The requests as the cache has them, for figures. */
  removals(): IterableIterator<CachedRemoval> {
    return this.reflector.store.values();
  }
}

import type { KubeApi, ListOptions, ListPage, WatchEvent, WatchOptions } from "../../../kube/kube-api.ts";
import { type KubeObject, type ResourceType, typeName } from "../../../kube/resource-type.ts";
import { MemoryCluster } from "./memory-cluster.ts";

/** One watch that is open. */
interface Watcher {
  readonly selects: (what: string, object: KubeObject | undefined) => boolean;
  readonly tell: (change: WatchEvent<KubeObject>) => void;
}

/** A MemoryCluster that can be listed and watched as the controller does: by type, and by a label. */
export class WatchedCluster extends MemoryCluster implements Pick<KubeApi, "list" | "watch"> {
  readonly #watchers = new Set<Watcher>();
  readonly #before = new Map<string, KubeObject>();
  override onChange: MemoryCluster["onChange"] = (what, object) => {
    const before = this.#before.get(what);
    if (object === undefined) this.#before.delete(what);
    else this.#before.set(what, object);
    for (const { selects, tell } of this.#watchers) {
      if (object !== undefined && selects(what, object)) {
        tell({ type: selects(what, before) ? "MODIFIED" : "ADDED", object });
      } else if (before !== undefined && selects(what, before)) {
        tell({ type: "DELETED", object: object ?? before });
      }
    }
  };

  async *list<T extends KubeObject, R = T>(
    type: ResourceType<T>,
    options: ListOptions<T, R> = {},
  ): AsyncIterable<ListPage<R>> {
    const selects = selection(type, options.labelSelector);
    const selected = this.all().filter(([what, object]) => selects(what, object));
    const newest = Math.max(...this.all().map(([, { metadata }]) => Number(metadata.resourceVersion)));
    const { keep = (object: T) => object as unknown as R } = options;
    // It is stored under its type's name and nowhere else.
    const items = selected.map(([, object]) => keep(object as T));
    yield { items, resourceVersion: String(newest), skipped: [] };
  }

  async *watch<T extends KubeObject>(type: ResourceType<T>, options: WatchOptions): AsyncIterable<WatchEvent<T>> {
    const { labelSelector, signal } = options;
    const told: WatchEvent<KubeObject>[] = [{ type: "OPENED" }];
    let wake = () => {};
    const tell: Watcher["tell"] = (change) => {
      told.push(change);
      wake();
    };
    const watcher: Watcher = { selects: selection(type, labelSelector), tell };
    this.#watchers.add(watcher);
    signal?.addEventListener("abort", () => wake(), { once: true });
    while (signal?.aborted !== true) {
      for (const change of told.splice(0)) yield change as WatchEvent<T>;
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      if (told.length === 0) await promise;
    }
    this.#watchers.delete(watcher);
  }
}

function selection(type: ResourceType, labelSelector: string | undefined): Watcher["selects"] {
  const [, key = "", not, value] = /^(.*?)(!?)=(.*)$/.exec(labelSelector ?? "") ?? [];
  return (what, object) =>
    object !== undefined &&
    what.startsWith(`${typeName(type)} `) &&
    (labelSelector === undefined || (object.metadata.labels?.[key] === value) === (not === ""));
}

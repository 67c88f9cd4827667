import type {
  CallOptions,
  GetOptions,
  KubeApi,
  ListOptions,
  ListPage,
  MergePatchOptions,
  WatchEvent,
  WatchOptions,
  WriteOptions,
} from "../../../src/kube/kube-api.ts";
import { KubeError } from "../../../src/kube/kube-error.ts";
import {
  type Desired,
  type KubeObject,
  type ObjectRef,
  objectKey,
  type ResourceType,
  typeName,
} from "../../../src/kube/resource-type.ts";
import type { Machine } from "../engine/machine.ts";
import type { Call, Network } from "../engine/network.ts";
import type { ApiServer } from "./api-server.ts";
import { selected } from "./selection.ts";
import type { Watches } from "./watches.ts";

export interface SimulatedKubeOptions {
  readonly machine: Machine;
  readonly server: ApiServer;
  readonly watches: Watches;
  readonly network: Network;
  readonly fieldManager: string;
  /** Objects per page at most, whatever is asked for. */
  readonly pageSize: number;
}

/** The API server as one process reaches it. */
export class SimulatedKube implements Pick<KubeApi, "get" | "list" | "watch" | "create" | "mergePatch"> {
  readonly #options: SimulatedKubeOptions;

  constructor(options: SimulatedKubeOptions) {
    this.#options = options;
  }

  async get<T extends KubeObject>(type: ResourceType<T>, ref: ObjectRef, options: GetOptions = {}): Promise<T> {
    const { server } = this.#options;
    return this.#call("get", type, ref, options, () => shown(server.get(type, ref), options));
  }

  async *list<T extends KubeObject, R = T>(
    type: ResourceType<T>,
    options: ListOptions<T, R> = {},
  ): AsyncIterable<ListPage<R>> {
    const { server, pageSize } = this.#options;
    const { limit = 100, namespace, keep = (object: T) => object as unknown as R } = options;
    // All pages show the state of the first.
    let whole: { readonly items: readonly T[]; readonly resourceVersion: string } | undefined;
    for (let from = 0; ; ) {
      const to = limit === 0 ? Number.POSITIVE_INFINITY : from + Math.min(limit, pageSize);
      const page = await this.#call("list", type, { namespace, name: "" }, options, () => {
        if (whole !== undefined && Number(whole.resourceVersion) < server.compactedAt) {
          throw new KubeError({ reason: "Expired", operation: `list ${typeName(type)}`, status: 410 });
        }
        whole ??= {
          items: server.all(type).filter((object) => selected(object, options)),
          resourceVersion: String(server.version),
        };
        return whole;
      });
      yield {
        items: page.items.slice(from, to).map((object) => keep(shown(object, options))),
        resourceVersion: page.resourceVersion,
        skipped: [],
      };
      if (to >= page.items.length) return;
      from = to;
    }
  }

  async *watch<T extends KubeObject>(type: ResourceType<T>, options: WatchOptions): AsyncIterable<WatchEvent<T>> {
    const { machine, watches } = this.#options;
    const { namespace, signal } = options;
    const opened = await this.#call("watch", type, { namespace, name: "" }, { signal }, () =>
      watches.open(machine, type, options),
    );
    for (;;) {
      const { done, value } = await opened.next();
      if (done) return;
      // The watch was opened for this type.
      yield value as WatchEvent<T>;
    }
  }

  async create<T extends KubeObject>(
    type: ResourceType<T>,
    object: Desired<T>,
    options: WriteOptions = {},
  ): Promise<T> {
    const { server, fieldManager } = this.#options;
    const { namespace, name = "" } = object.metadata;
    const { dryRun } = options;
    return this.#call("create", type, { namespace, name }, options, () =>
      shown(server.create(type, object, { by: fieldManager, dryRun }), options),
    );
  }

  async mergePatch<T extends KubeObject>(
    type: ResourceType<T>,
    ref: ObjectRef,
    patch: object,
    options: MergePatchOptions = {},
  ): Promise<T> {
    const { server, fieldManager } = this.#options;
    const { subresource, dryRun } = options;
    return this.#call(subresource === "status" ? "patch status" : "patch", type, ref, options, () =>
      shown(server.patch(type, ref, patch, { by: fieldManager, dryRun, subresource }), options),
    );
  }

  #call<R>(
    verb: Call["verb"],
    type: ResourceType,
    ref: ObjectRef,
    options: CallOptions & { readonly dryRun?: boolean | undefined },
    execute: () => R,
  ): Promise<R> {
    const what = `${type.plural} ${objectKey(ref)}`;
    const unanswered = () => new KubeError({ reason: "Timeout", operation: `${verb} ${what}` });
    const call = {
      service: "kube",
      verb,
      what,
      scope: ref.namespace ?? "",
      dryRun: options.dryRun === true,
      unanswered,
    } as const;
    return this.#options.network.call(this.#options.machine, call, execute, options.signal);
  }
}

/** Nothing but the metadata exists in a metadata-only answer, and the type given says so. */
function shown<T extends KubeObject>(object: T, { metadataOnly }: { readonly metadataOnly?: boolean | undefined }): T {
  return metadataOnly ? ({ metadata: object.metadata } as T) : object;
}

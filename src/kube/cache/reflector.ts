import type { Clock } from "../../clock.ts";
import type { KubeApi, WatchEvent } from "../kube-api.ts";
import { KubeError } from "../kube-error.ts";
import type { Log } from "../log.ts";
import { type KubeObject, objectKey, type ResourceType, typeName } from "../resource-type.ts";
import { compareResourceVersions } from "./resource-version.ts";
import { Store, type Stored, type StoreEvent } from "./store.ts";
import { WatchRecovery } from "./watch-recovery.ts";

export interface ReflectorOptions<T extends Stored, O extends KubeObject> {
  readonly client: Pick<KubeApi, "list" | "watch">;
  readonly type: ResourceType<O>;
  /** Only this namespace. @default all namespaces */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** The projection then sees nothing but metadata. @default false */
  readonly metadataOnly?: boolean;
  /** Returns the part of an object that is kept: copy the few fields that are needed and let the rest go. */
  readonly project: (object: O) => T;
  /** Called for each change, in order. It must not throw: what it throws is logged and counted. */
  readonly onEvent?: (event: StoreEvent<T>) => void;
  /** Where the projections go; several reflectors of one kind may share it. @default a store of its own */
  readonly store?: Store<T>;
  /** How long a watch may say nothing, in milliseconds; bookmarks come about every minute. @default 90000 */
  readonly silenceTimeoutMs?: number;
  /** Objects per page of a list. @default 100 */
  readonly pageSize?: number;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly log: Log;
}

/** Counters since the start, for metrics. */
export interface ReflectorStatistics {
  /** Complete lists; all but the first mean that the API server's history was not enough. */
  readonly lists: number;
  /** Watches that the API server accepted. */
  readonly watches: number;
  /** Changes, bookmarks not counted. */
  readonly events: number;
  /** Lists and watches that failed. */
  readonly failures: number;
  /** Times that `project` or `onEvent` threw: each is a defect. */
  readonly handlerErrors: number;
  /** Objects that were too large to be read. */
  readonly skipped: number;
}

/** A watch that ends sooner without an event counts as failed, or a proxy that cuts connections would be hammered. */
const SHORT_WATCH_MS = 5_000;

/**
 * Keeps a store equal to what the API server has: a paged list, then a watch that goes on from where it broke off. It
 * recovers from everything: a resourceVersion that is too old means a new list, everything else a new
 * watch after a jittered wait. The store never empties because of an answer that is not a list.
 */
export class Reflector<T extends Stored, O extends KubeObject = KubeObject> {
  readonly store: Store<T>;
  /** Resolves with the first complete list; rejects with the signal's reason if that never came. */
  readonly synced: Promise<void>;
  readonly #options: ReflectorOptions<T, O>;
  readonly #name: string;
  readonly #synced = Promise.withResolvers<void>();
  #isSynced = false;
  /** From where the next watch goes on; undefined where only a list helps. */
  #resourceVersion: string | undefined;
  /** The newest that the API server has reported. */
  #reached = "0";
  readonly #recovery: WatchRecovery;
  #lastProgressAt: number | undefined;
  #inOnePage = false;
  #statistics = { lists: 0, watches: 0, events: 0, failures: 0, handlerErrors: 0, skipped: 0 };

  constructor(options: ReflectorOptions<T, O>) {
    this.#options = options;
    this.#name = `${typeName(options.type)}${options.namespace === undefined ? "" : ` in ${options.namespace}`}`;
    this.#recovery = new WatchRecovery(options.random);
    this.store = options.store ?? new Store<T>();
    this.synced = this.#synced.promise;
    // Nothing has to wait for it.
    this.synced.catch(() => {});
  }

  get isSynced(): boolean {
    return this.#isSynced;
  }

  /** When the API server last answered, monotonic milliseconds; undefined before it ever did. */
  get lastProgressAt(): number | undefined {
    return this.#lastProgressAt;
  }

  get statistics(): ReflectorStatistics {
    return this.#statistics;
  }

  /** Runs until the signal aborts, then resolves. Call it once. */
  async start(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        this.#resourceVersion ??= await this.#list(signal);
        await this.#watch(this.#resourceVersion, signal);
      } catch (error: unknown) {
        if (!signal.aborted) await this.#recover(error, signal);
      }
    }
    this.#synced.reject(signal.reason);
  }

  async #list(signal: AbortSignal): Promise<string> {
    try {
      const resourceVersion = await this.#listPages(signal);
      this.#inOnePage = false;
      return resourceVersion;
    } catch (error: unknown) {
      // The page token grew too old between two pages, and it would again. Any other failure may have come of the one
      // page: everything may be more than one answer can bring.
      this.#inOnePage = KubeError.is(error, "Expired");
      throw error;
    }
  }

  async #listPages(signal: AbortSignal): Promise<string> {
    const { client, type, pageSize, metadataOnly } = this.#options;
    const limit = this.#inOnePage ? 0 : pageSize;
    const listed = new Set<string>();
    let resourceVersion: string | undefined;
    const keep = (object: O) => this.#projected(object);
    for await (const page of client.list(type, { ...this.#selection(), metadataOnly, limit, keep, signal })) {
      this.#progress();
      if (resourceVersion === undefined) this.#compareHistory(page.resourceVersion);
      resourceVersion = page.resourceVersion;
      for (const name of page.skipped) this.#skip(name);
      for (const { key, projection } of page.items) {
        // An object that can't be projected is still there, and its last state stays.
        listed.add(key);
        if (projection !== undefined) this.#tell(this.store.observe(projection, page.resourceVersion));
      }
    }
    if (resourceVersion === undefined) {
      throw new KubeError({
        reason: "BadAnswer",
        operation: `list ${this.#name}`,
        explanation: "a list without pages",
      });
    }
    this.#tell(this.store.retain(listed, this.#scope(), resourceVersion));
    this.#advance(resourceVersion);
    this.#recovery.listed();
    this.#statistics.lists += 1;
    this.#options.log.debug({ resource: this.#name, objects: listed.size, resourceVersion }, "listed");
    this.#isSynced = true;
    this.#synced.resolve();
    return resourceVersion;
  }

  /** Resolves when the API server has ended the watch in good order. */
  async #watch(resourceVersion: string, signal: AbortSignal): Promise<void> {
    const { client, clock, random, type, metadataOnly, silenceTimeoutMs } = this.#options;
    const startedAt = clock.monotonic();
    let hasEvents = false;
    const events = client.watch(type, {
      ...this.#selection(),
      metadataOnly,
      resourceVersion,
      silenceTimeoutMs,
      // Spread, so that the watches of many processes do not all come back at once.
      timeoutSeconds: Math.round(300 + 300 * random()),
      signal,
    });
    for await (const event of events) {
      this.#progress();
      if (event.type === "OPENED") {
        this.#statistics.watches += 1;
        this.#recovery.opened();
      } else {
        this.#take(event);
        hasEvents = true;
        this.#recovery.received();
      }
    }
    signal.throwIfAborted();
    if (!hasEvents && clock.monotonic() - startedAt < SHORT_WATCH_MS) {
      throw new KubeError({ reason: "Network", operation: `watch ${this.#name}`, explanation: "it ended at once" });
    }
    this.#recovery.ended();
  }

  #take(event: Exclude<WatchEvent<O>, { type: "OPENED" }>): void {
    switch (event.type) {
      case "ADDED":
      case "MODIFIED":
        this.#statistics.events += 1;
        this.#observe(event.object);
        this.#advance(event.object.metadata.resourceVersion);
        break;
      case "DELETED":
        this.#statistics.events += 1;
        this.#tell(this.store.remove(event.object.metadata));
        this.#advance(event.object.metadata.resourceVersion);
        break;
      case "BOOKMARK":
        this.#advance(event.resourceVersion);
        break;
      default:
        event satisfies never;
    }
  }

  async #recover(error: unknown, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    this.#statistics.failures += 1;
    const { isEveryday, ...fields } = this.#recovery.failed(error);
    if (fields.listAgain) this.#resourceVersion = undefined;
    const level = isEveryday ? "debug" : "warn";
    log[level]({ resource: this.#name, err: error, ...fields }, "watch failed");
    await clock.sleep(fields.waitMs, signal).catch(() => {
      // Aborted: the loop sees it.
    });
  }

  #observe(object: O): void {
    // The echo of a write of ours, whose answer is in the store already: a projection costs more than this question.
    if (this.store.knows(object.metadata)) return;
    const { projection } = this.#projected(object);
    if (projection !== undefined) this.#tell(this.store.observe(projection));
  }

  #projected(object: O): { readonly key: string; readonly projection: T | undefined } {
    const key = objectKey(object.metadata);
    try {
      return { key, projection: this.#options.project(object) };
    } catch (error: unknown) {
      this.#blame(error, key, "an object could not be projected: its last state is kept");
      return { key, projection: undefined };
    }
  }

  #tell(events: readonly StoreEvent<T>[]): void {
    for (const event of events) {
      try {
        this.#options.onEvent?.(event);
      } catch (error: unknown) {
        this.#blame(error, event.key, "the handler of a change threw");
      }
    }
  }

  #skip(name: string): void {
    this.#statistics.skipped += 1;
    this.#options.log.warn({ resource: this.#name, name }, "skipped an object that is too large to read");
  }

  #blame(error: unknown, key: string, message: string): void {
    this.#statistics.handlerErrors += 1;
    this.#options.log.error({ resource: this.#name, key, err: error }, message);
  }

  /** A list shows the newest state there is: one that is older than what was told before is of another history. */
  #compareHistory(listed: string): void {
    if ((compareResourceVersions(listed, this.#reached) ?? 0) >= 0) return;
    this.#options.log.warn(
      { resource: this.#name, resourceVersion: listed, reached: this.#reached },
      "the API server's history has gone back, as after a restore from a backup: its objects replace what is cached",
    );
    this.store.distrustOrder(this.#scope());
  }

  #advance(resourceVersion: string): void {
    this.#resourceVersion = resourceVersion;
    this.#reached = resourceVersion;
    this.store.advance(this.#scope(), resourceVersion);
  }

  #progress(): void {
    this.#lastProgressAt = this.#options.clock.monotonic();
  }

  #scope(): string {
    return this.#options.namespace ?? "";
  }

  #selection() {
    const { namespace, labelSelector, fieldSelector } = this.#options;
    return { namespace, labelSelector, fieldSelector };
  }
}

import type { WatchEvent, WatchOptions } from "../../../src/kube/kube-api.ts";
import { KubeError } from "../../../src/kube/kube-error.ts";
import { type KubeObject, type ResourceType, typeName } from "../../../src/kube/resource-type.ts";
import type { Machine } from "../engine/machine.ts";
import { runMicrotasks } from "../engine/microtasks.ts";
import type { Random } from "../engine/random.ts";
import type { Scheduler } from "../engine/scheduler.ts";
import type { ApiServer, Change } from "./api-server.ts";
import { PROJECT_TYPE } from "./kinds.ts";
import { selected } from "./selection.ts";

const BOOKMARKS_EVERY_MS = 60_000;

type AnyEvent = WatchEvent<KubeObject>;

/** How watches misbehave now. */
export interface WatchWeather {
  /** The longest that an event is on its way, in milliseconds. */
  lagMs: number;
  /** How often an event comes twice. */
  duplicates: number;
}

/** Every watch that is open, and the way of changes to each. */
export class Watches {
  readonly weather: WatchWeather = { lagMs: 20, duplicates: 0 };
  readonly #server: ApiServer;
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #open = new Set<OpenWatch>();

  constructor(server: ApiServer, scheduler: Scheduler, random: Random) {
    this.#server = server;
    this.#scheduler = scheduler;
    this.#random = random;
    server.observers.push((change) => {
      for (const watch of this.#open) this.#tell(watch, change);
    });
    scheduler.beforeStep = () => this.#catchUp();
  }

  /** To be called when the request has arrived. @throws KubeError `Expired` where the history does not go back so far */
  open(machine: Machine, type: ResourceType, options: WatchOptions): OpenWatch {
    const from = Number(options.resourceVersion);
    const operation = `watch ${typeName(type)}`;
    if (from < this.#server.compactedAt) throw new KubeError({ reason: "Expired", operation, status: 410 });
    const watch = new OpenWatch(machine, type, options);
    this.#open.add(watch);
    options.signal?.addEventListener("abort", () => this.#close(watch), { once: true });
    this.#deliver(watch, { type: "OPENED" });
    for (const change of this.#server.history) if (change.version > from) this.#tell(watch, change);
    if (watch.typeName === PROJECT_TYPE) watch.nextBookmarkAt = this.#arrivalOfBookmark();
    return watch;
  }

  /**
   * The API server sends a bookmark about once a minute. They matter only to code that asks how long ago a watch was heard
   * from, so they take no steps of their own: right before the next step comes the last that would have arrived by then.
   */
  #catchUp(): void {
    const { now } = this.#scheduler;
    for (const watch of this.#open) {
      // What was sent before it is still on its way.
      if (now < watch.nextBookmarkAt || now <= watch.lastArrival) continue;
      watch.nextBookmarkAt = this.#arrivalOfBookmark();
      watch.machine.run(() => watch.push({ type: "BOOKMARK", resourceVersion: String(this.#server.version) }));
      runMicrotasks();
    }
  }

  #arrivalOfBookmark(): number {
    return this.#scheduler.now + BOOKMARKS_EVERY_MS + this.#random.whole(1, this.weather.lagMs);
  }

  /** Ends every watch: in good order, or as a line that was cut. */
  end(isCut: boolean): void {
    for (const watch of this.#open) {
      this.#close(watch);
      this.#arrive(watch, () =>
        watch.end(isCut ? new KubeError({ reason: "Network", operation: "watch" }) : undefined),
      );
    }
  }

  bookmark(): void {
    for (const watch of this.#open) {
      this.#deliver(watch, { type: "BOOKMARK", resourceVersion: String(this.#server.version) });
    }
  }

  /** Lets go of the watches of a process that has died. */
  forget(machine: Machine): void {
    for (const watch of this.#open) if (watch.machine === machine) this.#close(watch);
  }

  #close(watch: OpenWatch): void {
    this.#open.delete(watch);
  }

  #tell(watch: OpenWatch, change: Change): void {
    if (change.type !== watch.typeName) return;
    const was = change.before !== undefined && selected(change.before, watch.options);
    const is = change.after !== undefined && selected(change.after, watch.options);
    if (!was && !is) return;
    const version = String(change.version);
    if (is && change.after !== undefined) {
      this.#deliver(watch, { type: was ? "MODIFIED" : "ADDED", object: seen(change.after, watch.options) });
    } else if (change.before !== undefined) {
      const { metadata } = change.after ?? change.before;
      const object = seen({ ...change.before, metadata: { ...metadata, resourceVersion: version } }, watch.options);
      this.#deliver(watch, { type: "DELETED", object });
    }
  }

  #deliver(watch: OpenWatch, event: AnyEvent): void {
    this.#arrive(watch, () => watch.push(event));
    if (event.type !== "OPENED" && this.#random.chance(this.weather.duplicates)) {
      this.#arrive(watch, () => watch.push(event));
    }
  }

  /** After a while, but never before what was sent before it. */
  #arrive(watch: OpenWatch, arrived: () => void): void {
    const at = Math.max(watch.lastArrival, this.#scheduler.now + this.#random.whole(1, this.weather.lagMs));
    watch.lastArrival = at;
    this.#scheduler.at(at, () => watch.machine.run(arrived));
  }
}

function seen(object: KubeObject, { metadataOnly }: WatchOptions): KubeObject {
  return metadataOnly ? { metadata: object.metadata } : object;
}

/** One watch, from the API server's end to the client's loop. */
export class OpenWatch implements AsyncIterator<AnyEvent> {
  readonly machine: Machine;
  readonly typeName: string;
  readonly options: WatchOptions;
  lastArrival = 0;
  nextBookmarkAt = Number.POSITIVE_INFINITY;
  readonly #events: AnyEvent[] = [];
  #end: { readonly error: unknown } | undefined;
  #waiting: { resolve(result: IteratorResult<AnyEvent>): void; reject(error: unknown): void } | undefined;

  constructor(machine: Machine, type: ResourceType, options: WatchOptions) {
    this.machine = machine;
    this.typeName = typeName(type);
    this.options = options;
    options.signal?.addEventListener("abort", () => this.end(options.signal?.reason), { once: true });
  }

  push(event: AnyEvent): void {
    if (this.#end !== undefined) return;
    this.#events.push(event);
    this.#flush();
  }

  end(error: unknown): void {
    this.#end ??= { error };
    this.#flush();
  }

  next(): Promise<IteratorResult<AnyEvent>> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#flush();
    });
  }

  #flush(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    const event = this.#events.shift();
    if (event === undefined && this.#end === undefined) return;
    this.#waiting = undefined;
    if (event !== undefined) waiting.resolve({ done: false, value: event });
    else if (this.#end?.error === undefined) waiting.resolve({ done: true, value: undefined });
    else waiting.reject(this.#end.error);
  }
}

import { objectKey } from "../resource-type.ts";
import { internStrings } from "./intern-strings.ts";
import { compareResourceVersions } from "./resource-version.ts";
import type { Index } from "./store-index.ts";

/** The stored part of an object: at least its identity and its resourceVersion. */
export interface Stored {
  readonly namespace?: string | undefined;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

/** A change of a stored object. An object recreated under another uid is `deleted`, then `added`. */
export type StoreEvent<T> =
  | { readonly kind: "added"; readonly key: string; readonly object: T }
  | { readonly kind: "modified"; readonly key: string; readonly object: T; readonly previous: T }
  | { readonly kind: "deleted"; readonly key: string; readonly object: T };

export interface StoreOptions<T> {
  readonly indexes?: readonly Index<T>[];
}

/** The namespace that a reflector watches; "" for all of them. */
export type Scope = string;

/**
 * The objects as last seen, by `namespace/name`. Reflectors write to it; everyone reads. Several reflectors of one
 * kind, one a namespace, may share a store.
 */
export class Store<T extends Stored> {
  readonly #objects = new Map<string, T>();
  readonly #indexes: readonly Index<T>[];
  /** Up to which resourceVersion each scope has been told everything. */
  readonly #progress = new Map<Scope, string>();

  constructor(options: StoreOptions<T> = {}) {
    this.#indexes = options.indexes ?? [];
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  values(): IterableIterator<T> {
    return this.#objects.values();
  }

  /**
   * Takes the answer of our own write in at once, so that a reconcile right after it does not act on the state before
   * it. It makes no event, and neither will the watch for this state: the writer knows. But a write onto a state that
   * the store did not hold brings along what others had changed up to there. The watch will not report that either, for
   * it comes too late; so it is given back here, for the handler of the watch's events.
   *
   * Ignored when the store already knows a newer state, or knows that the object has been deleted since. The answer of a
   * dry run must never come here.
   *
   * @param onto the resourceVersion that was the write's precondition; undefined where it created the object
   */
  assume(object: T, onto: string | undefined): readonly StoreEvent<T>[] {
    const key = objectKey(object);
    const stored = this.#objects.get(key);
    const age = compareResourceVersions(object.resourceVersion, stored?.resourceVersion ?? this.#seen(object) ?? "");
    // Without an order only the same object may be replaced: one that isn't there may have been deleted.
    const isNewer = age === undefined ? stored?.uid === object.uid : age > 0;
    if (!isNewer) {
      return [];
    }
    const events = this.#put(key, object);
    return stored?.resourceVersion === onto ? [] : events;
  }

  /** Whether the store has this state of an object, or a newer one: if a watch reports it, `observe` has no news. */
  knows(seen: Pick<Stored, "namespace" | "name" | "resourceVersion">): boolean {
    const stored = this.#objects.get(objectKey(seen));
    return stored !== undefined && isOldNews(stored, seen, undefined);
  }

  /**
   * For reflectors: an object exists in this state. Gives what that changed; nothing if it is old news.
   *
   * @param listedAt the resourceVersion of the list that showed it; undefined where a watch reported it
   */
  observe(object: T, listedAt?: string): readonly StoreEvent<T>[] {
    const key = objectKey(object);
    const previous = this.#objects.get(key);
    return previous !== undefined && isOldNews(previous, object, listedAt) ? [] : this.#put(key, object);
  }

  /** For reflectors: the object of this uid was deleted, or left the selection, at `resourceVersion`. */
  remove(gone: Stored): readonly StoreEvent<T>[] {
    const key = objectKey(gone);
    const previous = this.#objects.get(key);
    if (previous === undefined || previous.uid !== gone.uid) {
      return [];
    }
    // It left the selection, and a write of ours that is known already brought it back.
    const age = compareResourceVersions(gone.resourceVersion, previous.resourceVersion);
    return age !== undefined && age < 0 ? [] : this.#delete(key, previous);
  }

  /**
   * For reflectors: a complete list of the scope as of `resourceVersion` held only these keys. What has been written
   * since then stays.
   */
  retain(keys: ReadonlySet<string>, scope: Scope, resourceVersion: string): readonly StoreEvent<T>[] {
    const events: StoreEvent<T>[] = [];
    for (const [key, object] of this.#objects) {
      const isInScope = scope === "" || object.namespace === scope;
      const isYounger = (compareResourceVersions(object.resourceVersion, resourceVersion) ?? -1) > 0;
      if (isInScope && !keys.has(key) && !isYounger) {
        events.push(...this.#delete(key, object));
      }
    }
    return events;
  }

  /**
   * For reflectors: the history of the scope has gone back, as after a restore from a backup. What is stored may be from
   * the lost one, and its resourceVersions say nothing about what is older: the next state of an object counts,
   * whatever its number.
   */
  distrustOrder(scope: Scope): void {
    for (const [key, object] of this.#objects) {
      if (scope === "" || object.namespace === scope) {
        this.#set(key, { ...object, resourceVersion: "" });
      }
    }
  }

  /** For reflectors: everything of the scope up to `resourceVersion` has been told. */
  advance(scope: Scope, resourceVersion: string): void {
    this.#progress.set(scope, resourceVersion);
  }

  #seen(object: T): string | undefined {
    return this.#progress.get("") ?? this.#progress.get(object.namespace ?? "");
  }

  #put(key: string, object: T): readonly StoreEvent<T>[] {
    const previous = this.#objects.get(key);
    this.#set(key, object);
    if (previous === undefined) {
      return [{ kind: "added", key, object }];
    }
    if (previous.uid !== object.uid) {
      return [
        { kind: "deleted", key, object: previous },
        { kind: "added", key, object },
      ];
    }
    return [{ kind: "modified", key, object, previous }];
  }

  #set(key: string, object: T): void {
    const previous = this.#objects.get(key);
    this.#objects.set(key, internStrings(object));
    for (const index of this.#indexes) {
      index.update(key, previous, object);
    }
  }

  #delete(key: string, object: T): readonly StoreEvent<T>[] {
    this.#objects.delete(key);
    for (const index of this.#indexes) {
      index.update(key, object, undefined);
    }
    return [{ kind: "deleted", key, object }];
  }
}

/**
 * Whether what is stored is that state, or a younger one. A list shows every object as of one moment, so that only what
 * is younger than the list can be younger than what it shows: any other state has been lost, as after a restore from a
 * backup that raised the API server's revision, and its number says nothing.
 */
function isOldNews(
  stored: Pick<Stored, "resourceVersion">,
  seen: Pick<Stored, "resourceVersion">,
  listedAt: string | undefined,
): boolean {
  if (stored.resourceVersion === seen.resourceVersion) return true;
  const age = compareResourceVersions(listedAt ?? seen.resourceVersion, stored.resourceVersion);
  return age !== undefined && age < 0;
}

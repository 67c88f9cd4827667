import { type User, userKey } from "./core/model/user.ts";

interface Place {
  readonly key: string;
  readonly waiting: Set<string>;
}

export interface IssuingTurnsOptions {
  /** Makes a resource (`namespace/name`) due that waited for its turn. */
  readonly wake: (key: string) => void;
  /** Number of certificates of a namespace that wait for their Secrets. */
  readonly parkedIn: (namespace: string) => number;
}

/** Certificates of one namespace that are issued at the same time: they are lost together if their Secrets are refused. */
const MAX_IN_NAMESPACE = 3;

/**
 * Decides which resource issues next. One resource at a time issues for a database user, from Atlas' list to the closed
 * record, so that each attempt sees how much of the user's limits the previous one has used. In a namespace a few
 * resources issue at the same time, and only one while certificates of that namespace wait for their Secrets: whatever
 * refuses one Secret will refuse the others.
 */
export class IssuingTurns {
  readonly #options: IssuingTurnsOptions;
  readonly #users = new Map<string, Place>();
  readonly #namespaces = new Map<string, { atWork: number; readonly waiting: Set<string> }>();

  constructor(options: IssuingTurnsOptions) {
    this.#options = options;
  }

  /**
   * @param key the resource, `namespace/name`
   * @returns the end of the turn; undefined if it is not this resource's: then it is woken when that may have changed
   */
  take(user: User, { namespace, key }: { readonly namespace: string; readonly key: string }): (() => void) | undefined {
    const id = userKey(user);
    const holder = this.#users.get(id);
    if (holder !== undefined) {
      holder.waiting.add(key);
      return undefined;
    }
    const place = this.#namespaces.get(namespace) ?? { atWork: 0, waiting: new Set<string>() };
    if (place.atWork >= (this.#options.parkedIn(namespace) > 0 ? 1 : MAX_IN_NAMESPACE)) {
      place.waiting.add(key);
      return undefined;
    }
    const turn: Place = { key, waiting: new Set() };
    this.#users.set(id, turn);
    place.atWork += 1;
    this.#namespaces.set(namespace, place);
    return () => {
      if (this.#users.get(id) !== turn) return;
      this.#users.delete(id);
      place.atWork -= 1;
      if (place.atWork === 0) this.#namespaces.delete(namespace);
      const woken = [...turn.waiting, ...place.waiting];
      place.waiting.clear();
      for (const next of woken) this.#options.wake(next);
    };
  }
}

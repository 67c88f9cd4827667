import { type User, userKey } from "./core/model/user.ts";

/**
 * Lets one resource at a time issue for a database user, from Atlas' list to the closed record: so each attempt sees what
 * the one before it has used up of the user's limits.
 */
export class UserTurns {
  readonly #holders = new Map<string, { readonly key: string; readonly waiting: Set<string> }>();
  readonly #wake: (key: string) => void;

  /** @param wake makes a resource (`namespace/name`) due that waited for its turn */
  constructor(wake: (key: string) => void) {
    this.#wake = wake;
  }

  /**
   * @param key the resource, `namespace/name`
   * @returns the end of the turn; undefined if it is another resource's: then this one is woken when that ends
   */
  take(user: User, key: string): (() => void) | undefined {
    const id = userKey(user);
    const holder = this.#holders.get(id);
    if (holder !== undefined && holder.key !== key) {
      holder.waiting.add(key);
      return undefined;
    }
    const turn = { key, waiting: new Set<string>() };
    this.#holders.set(id, turn);
    return () => {
      if (this.#holders.get(id) === turn) this.#holders.delete(id);
      for (const next of turn.waiting) this.#wake(next);
    };
  }
}

/**
 * Looks up the keys of stored objects by something that they hold, such as the name of the Secret they write.
 * Give it to a Store, which keeps it current.
 */
export class Index<T> {
  readonly #by: (object: T) => readonly string[];
  readonly #keys = new Map<string, Set<string>>();

  /** @param by the values to find an object by; none, one or several, and the same ones for the same object */
  constructor(by: (object: T) => readonly string[]) {
    this.#by = by;
  }

  /** The keys of the objects that hold `value`, in no particular order. */
  keys(value: string): readonly string[] {
    return [...(this.#keys.get(value) ?? [])];
  }

  /** For the store alone: goes from the old state of an object to the new one. */
  update(key: string, previous: T | undefined, current: T | undefined): void {
    if (previous !== undefined) {
      for (const value of this.#by(previous)) {
        const keys = this.#keys.get(value);
        keys?.delete(key);
        if (keys?.size === 0) {
          this.#keys.delete(value);
        }
      }
    }
    if (current !== undefined) {
      for (const value of this.#by(current)) {
        const keys = this.#keys.get(value) ?? new Set();
        keys.add(key);
        this.#keys.set(value, keys);
      }
    }
  }
}

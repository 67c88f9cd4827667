/**
 * Looks up the keys of stored objects by something that they hold, such as the name of the Secret they write.
 * Give it to a Store, which keeps it current.
 */
export class Index<T> {
  readonly #by: (object: T) => readonly string[];
  /** One key, or a Set of several: most values have one, and a Set for each would take 200 bytes more. */
  readonly #keys = new Map<string, string | Set<string>>();

  /** @param by the values to find an object by; none, one or several, and the same ones for the same object */
  constructor(by: (object: T) => readonly string[]) {
    this.#by = by;
  }

  /** The keys of the objects that hold `value`, in no particular order. */
  keys(value: string): readonly string[] {
    const keys = this.#keys.get(value);
    return typeof keys === "string" ? [keys] : [...(keys ?? [])];
  }

  /** For the store alone: goes from the old state of an object to the new one. */
  update(key: string, previous: T | undefined, current: T | undefined): void {
    if (previous !== undefined) for (const value of this.#by(previous)) this.#remove(value, key);
    if (current !== undefined) for (const value of this.#by(current)) this.#add(value, key);
  }

  #remove(value: string, key: string): void {
    const keys = this.#keys.get(value);
    if (keys instanceof Set) keys.delete(key);
    if (keys === key || (keys instanceof Set && keys.size === 0)) this.#keys.delete(value);
  }

  #add(value: string, key: string): void {
    const keys = this.#keys.get(value);
    if (keys instanceof Set) keys.add(key);
    else this.#keys.set(value, keys === undefined || keys === key ? key : new Set([keys, key]));
  }
}

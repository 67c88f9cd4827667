import { Heap } from "./heap.ts";

interface Ready {
  readonly key: string;
  readonly priority: number;
  /** Monotonic milliseconds. */
  readonly since: number;
  readonly order: number;
}

/** Every how many picks it is the turn of whoever has waited longest, whatever the priorities say. */
const FAIR_TURN = 8;

/**
 * The keys that are due, each once: smaller priorities first, among equals first come, first served; and every eighth
 * pick goes to whoever has waited longest, so that a flood of urgent keys does not starve the others.
 */
export class ReadyKeys {
  /** In the order of arrival. */
  readonly #entries = new Map<string, Ready>();
  /** May hold entries that were replaced or taken since: only those that `#entries` holds count. */
  readonly #byPriority = new Heap<Ready>(
    (a, b) => a.priority < b.priority || (a.priority === b.priority && a.order < b.order),
  );
  #order = 0;
  #picks = 0;

  get size(): number {
    return this.#entries.size;
  }

  /** Since when the longest waiting key has waited, monotonic milliseconds. */
  get oldestSince(): number | undefined {
    return this.#entries.values().next().value?.since;
  }

  /** A key that is there already keeps its place, and the more urgent of the two priorities. */
  add(key: string, priority: number, now: number): void {
    const existing = this.#entries.get(key);
    if (existing !== undefined && existing.priority <= priority) {
      return;
    }
    this.#order += 1;
    const entry: Ready = {
      key,
      priority,
      since: existing?.since ?? now,
      order: existing?.order ?? this.#order,
    };
    this.#entries.set(key, entry);
    this.#byPriority.push(entry);
    if (this.#byPriority.size > 2 * this.#entries.size + 64) {
      this.#byPriority.retain((one) => this.#entries.get(one.key) === one);
    }
  }

  /** Takes out the key whose turn it is. */
  take(): { readonly key: string; readonly priority: number; readonly since: number } | undefined {
    this.#picks += 1;
    const entry = this.#picks % FAIR_TURN === 0 ? this.#entries.values().next().value : this.#mostUrgent();
    if (entry !== undefined) {
      this.#entries.delete(entry.key);
    }
    return entry;
  }

  clear(): void {
    this.#entries.clear();
    this.#byPriority.retain(() => false);
  }

  #mostUrgent(): Ready | undefined {
    for (let entry = this.#byPriority.pop(); entry !== undefined; entry = this.#byPriority.pop()) {
      if (this.#entries.get(entry.key) === entry) {
        return entry;
      }
    }
    return undefined;
  }
}

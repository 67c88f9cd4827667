import { Heap } from "./heap.ts";

/** A limit that keys have in common, such as that of a namespace. */
export interface Share {
  readonly id: string;
  /** Maximum number of its keys that are worked on at the same time. */
  readonly most: number;
}

interface Ready {
  readonly key: string;
  readonly priority: number;
  /** Monotonic milliseconds. */
  readonly since: number;
  readonly order: number;
  readonly lane: Lane;
}

/** The keys that have all their shares in common. They take turns with those of the other lanes. */
interface Lane {
  readonly id: string;
  readonly shares: readonly Share[];
  /** May hold entries that were replaced or taken since: only those that `#entries` holds count. */
  readonly byPriority: Heap<Ready>;
  size: number;
}

/** Each eighth pick goes to the key that has waited longest, so that urgent keys do not starve the others. */
const FAIR_TURN = 8;

/**
 * The keys that are due, each once, and whose turn it is. Lanes take turns, and no share has more keys at work than it
 * may: so no tenant can keep another's keys waiting. Within a lane smaller priorities go first, and among equals the one
 * that came first; each eighth pick goes to the key that has waited longest of all that may be taken.
 */
export class ReadyKeys {
  readonly #sharesOf: (key: string) => readonly Share[];
  /** In the order of arrival. */
  readonly #entries = new Map<string, Ready>();
  /** Lanes with waiting keys, in the order of their turns. */
  readonly #lanes = new Map<string, Lane>();
  /** Number of keys at work, by share. */
  readonly #atWork = new Map<string, number>();
  /** The shares in which a key at work was counted. */
  readonly #taken = new Map<string, readonly Share[]>();
  #order = 0;
  #picks = 0;

  /** @param sharesOf the shares of a key; asked when it becomes due. @default none */
  constructor(sharesOf: (key: string) => readonly Share[] = () => []) {
    this.#sharesOf = sharesOf;
  }

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
    if (existing !== undefined && existing.priority <= priority) return;
    this.#order += 1;
    const lane = existing?.lane ?? this.#laneOf(key);
    const entry: Ready = { key, priority, since: existing?.since ?? now, order: existing?.order ?? this.#order, lane };
    if (existing === undefined) lane.size += 1;
    this.#entries.set(key, entry);
    lane.byPriority.push(entry);
    if (lane.byPriority.size > 2 * lane.size + 64) lane.byPriority.retain((one) => this.#entries.get(one.key) === one);
  }

  /** Takes out the key whose turn it is, and counts it in its shares until `release`; undefined if none may be taken. */
  take(): { readonly key: string; readonly priority: number; readonly since: number } | undefined {
    this.#picks += 1;
    const entry = this.#picks % FAIR_TURN === 0 ? this.#oldest() : this.#next();
    if (entry === undefined) return undefined;
    const { key, lane } = entry;
    this.#entries.delete(key);
    lane.size -= 1;
    // Behind the others: it has had its turn.
    this.#lanes.delete(lane.id);
    if (lane.size > 0) this.#lanes.set(lane.id, lane);
    this.#taken.set(key, lane.shares);
    for (const { id } of lane.shares) this.#atWork.set(id, (this.#atWork.get(id) ?? 0) + 1);
    return entry;
  }

  /** The key is no longer at work: its places are free. */
  release(key: string): void {
    for (const { id } of this.#taken.get(key) ?? []) {
      const left = (this.#atWork.get(id) ?? 0) - 1;
      if (left > 0) this.#atWork.set(id, left);
      else this.#atWork.delete(id);
    }
    this.#taken.delete(key);
  }

  /** Forgets every key that waits. */
  clear(): void {
    this.#entries.clear();
    this.#lanes.clear();
  }

  #laneOf(key: string): Lane {
    const shares = this.#sharesOf(key);
    const id = JSON.stringify(shares.map((share) => share.id));
    const existing = this.#lanes.get(id);
    if (existing !== undefined) return existing;
    const byPriority = new Heap<Ready>(
      (a, b) => a.priority < b.priority || (a.priority === b.priority && a.order < b.order),
    );
    const lane: Lane = { id, shares, byPriority, size: 0 };
    this.#lanes.set(id, lane);
    return lane;
  }

  #isFree({ shares }: Lane): boolean {
    return shares.every(({ id, most }) => (this.#atWork.get(id) ?? 0) < most);
  }

  #oldest(): Ready | undefined {
    for (const entry of this.#entries.values()) if (this.#isFree(entry.lane)) return entry;
    return undefined;
  }

  #next(): Ready | undefined {
    for (const lane of this.#lanes.values()) if (this.#isFree(lane)) return this.#mostUrgent(lane);
    return undefined;
  }

  #mostUrgent({ byPriority }: Lane): Ready | undefined {
    for (let entry = byPriority.pop(); entry !== undefined; entry = byPriority.pop()) {
      if (this.#entries.get(entry.key) === entry) return entry;
    }
    return undefined;
  }
}

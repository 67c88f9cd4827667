import type { CallPriority } from "./turn-shares.ts";

const RANK: Readonly<Record<CallPriority, number>> = { renew: 0, issue: 1, verify: 2 };

export interface Waiting {
  /** With whom it shares its turns. */
  readonly turn?: string | undefined;
  readonly priority: CallPriority;
  /** When the certificate in use expires: of the same priority, the earlier goes first. */
  readonly expiresAt?: Date | undefined;
}

/** Those who wait. Turns rotate, so that each is served after at most one of every other; within a turn the urgent go first. */
export class WaitingTurns<T extends Waiting> {
  /** In the order of their turns; the waiters of each in the order in which they are served. */
  readonly #turns = new Map<string, T[]>();

  add(waiter: T): void {
    const turn = waiter.turn ?? "";
    const waiters = this.#turns.get(turn) ?? [];
    const behind = waiters.findIndex((other) => goesFirst(waiter, other));
    waiters.splice(behind === -1 ? waiters.length : behind, 0, waiter);
    this.#turns.set(turn, waiters);
  }

  remove(waiter: T): void {
    const turn = waiter.turn ?? "";
    const waiters = this.#turns.get(turn) ?? [];
    const place = waiters.indexOf(waiter);
    if (place !== -1) waiters.splice(place, 1);
    if (waiters.length === 0) this.#turns.delete(turn);
  }

  /** Takes out the next waiter that may go; undefined if none may. */
  take(mayGo: (waiter: T) => boolean): T | undefined {
    for (const [turn, waiters] of this.#turns) {
      const next = waiters.find(mayGo);
      if (next === undefined) continue;
      const left = waiters.filter((other) => other !== next);
      // Behind the others: it has had its turn.
      this.#turns.delete(turn);
      if (left.length > 0) this.#turns.set(turn, left);
      return next;
    }
    return undefined;
  }

  /**
   * Of each open turn the next waiter that may go. They go on waiting.
   *
   * @param isOpen whether any waiter of the turn may go: thousands may wait in one that is closed
   */
  nextOfEach(isOpen: (turn: string) => boolean, mayGo: (waiter: T) => boolean): readonly T[] {
    return [...this.#turns].flatMap(([turn, waiters]) => (isOpen(turn) && waiters.find(mayGo)) || []);
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (const waiters of this.#turns.values()) yield* waiters;
  }

  get isEmpty(): boolean {
    return this.#turns.size === 0;
  }
}

/** Strictly: of two equals, the one that came first keeps its place. */
function goesFirst(one: Waiting, other: Waiting): boolean {
  const rank = RANK[one.priority] - RANK[other.priority];
  if (rank !== 0) return rank < 0;
  return (
    (one.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY) < (other.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY)
  );
}

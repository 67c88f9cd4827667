import { type Waiting, WaitingTurns } from "../../atlas/pacing/waiting-turns.ts";
import type { Urgency } from "./core/decide/urgency.ts";
import { type User, userKey } from "./core/model/user.ts";

interface Waiter extends Waiting {
  /** The resource, `namespace/name`. */
  readonly key: string;
  readonly userId: string;
  readonly turn: string;
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
 *
 * Of those who wait, one of each namespace is woken at a time, renewals first: to wake all would cost a reconcile of each
 * for every turn, and thousands of resources of one tenant would occupy the process.
 */
export class IssuingTurns {
  readonly #options: IssuingTurnsOptions;
  /** The users that a resource issues for. */
  readonly #users = new Set<string>();
  /** Number of resources that issue, by namespace. */
  readonly #namespaces = new Map<string, number>();
  readonly #waiting = new WaitingTurns<Waiter>();
  readonly #waiters = new Map<string, Waiter>();

  constructor(options: IssuingTurnsOptions) {
    this.#options = options;
  }

  /**
   * @param key the resource, `namespace/name`
   * @returns the end of the turn; undefined if it is not this resource's: then it is woken when it may be, and has to take
   *   the turn or to `leave`
   */
  take(user: User, key: string, urgency: Urgency): (() => void) | undefined {
    const waiter: Waiter = { ...urgency, key, userId: userKey(user) };
    if (!this.#isOpen(waiter.turn) || !this.#isFree(waiter)) {
      this.#wait(waiter);
      return undefined;
    }
    const { userId, turn } = waiter;
    this.#remove(key);
    this.#users.add(userId);
    this.#namespaces.set(turn, this.#atWork(turn) + 1);
    // There may be places for more than one of those who were to be woken.
    this.#wakeNext();
    let hasEnded = false;
    return () => {
      if (hasEnded) return;
      hasEnded = true;
      this.#users.delete(userId);
      const left = this.#atWork(turn) - 1;
      if (left > 0) this.#namespaces.set(turn, left);
      else this.#namespaces.delete(turn);
      this.#wakeNext();
    };
  }

  /** A resource was reconciled that does not wait for a turn, or no longer. */
  leave(key: string): void {
    if (this.#remove(key)) this.#wakeNext();
  }

  #isOpen(namespace: string): boolean {
    const most = this.#options.parkedIn(namespace) > 0 ? 1 : MAX_IN_NAMESPACE;
    return this.#atWork(namespace) < most;
  }

  /** Whether no resource issues for its user. */
  #isFree({ userId }: Waiter): boolean {
    return !this.#users.has(userId);
  }

  #wakeNext(): void {
    const next = this.#waiting.nextOfEach(
      (namespace) => this.#isOpen(namespace),
      (waiter) => this.#isFree(waiter),
    );
    for (const { key } of next) this.#options.wake(key);
  }

  /** One that waits already keeps its place, unless something about it has changed. */
  #wait(waiter: Waiter): void {
    const known = this.#waiters.get(waiter.key);
    if (known !== undefined && isSame(known, waiter)) return;
    this.#remove(waiter.key);
    this.#waiters.set(waiter.key, waiter);
    this.#waiting.add(waiter);
  }

  #remove(key: string): boolean {
    const waiter = this.#waiters.get(key);
    if (waiter === undefined) return false;
    this.#waiters.delete(key);
    this.#waiting.remove(waiter);
    return true;
  }

  #atWork(namespace: string): number {
    return this.#namespaces.get(namespace) ?? 0;
  }
}

function isSame(one: Waiter, other: Waiter): boolean {
  return (
    one.userId === other.userId &&
    one.priority === other.priority &&
    one.expiresAt?.getTime() === other.expiresAt?.getTime()
  );
}

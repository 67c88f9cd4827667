/**
 * The purpose of a call. `renew`: there is a working certificate that will expire; `issue`: there is none yet; `verify`: just
 * looking. In this order calls of one turn are served.
 */
export type CallPriority = "renew" | "issue" | "verify";

/** Number of tokens that a turn may have in use for each token that is left. */
const IN_USE_PER_TOKEN_LEFT: Readonly<Record<CallPriority, number>> = { renew: 4, issue: 2, verify: 1 };

/** Below this, what a turn has in use is forgotten. */
const NOTHING = 0.5;

/**
 * Decides which turn may take a token of one bucket. A turn, such as a namespace, may have only so many tokens in use as follow from the
 * number that is left. So one that takes as many as it can leaves some for all others, one that has taken none is let in
 * as long as there is a token, and the first certificates of a turn leave some for its renewals. Nothing is wasted: at the
 * end of a period each turn has the place back that the refill makes.
 */
export class TurnShares {
  readonly #inUse = new Map<string, number>();

  /** @param turn undefined for calls that do not take turns: only verifying is bounded then */
  mayTake(turn: string | undefined, priority: CallPriority, tokensLeft: number): boolean {
    if (tokensLeft < 1) return false;
    if (turn === undefined && priority !== "verify") return true;
    return (this.#inUse.get(turn ?? "") ?? 0) < IN_USE_PER_TOKEN_LEFT[priority] * tokensLeft;
  }

  take(turn = ""): void {
    this.#inUse.set(turn, (this.#inUse.get(turn) ?? 0) + 1);
  }

  giveBack(turn = ""): void {
    this.#set(turn, (this.#inUse.get(turn) ?? 0) - 1);
  }

  /** So many tokens were added to the bucket: each turn gets its part of the place. */
  refill(tokens: number): void {
    const total = this.#inUse.values().reduce((sum, inUse) => sum + inUse, 0);
    if (total === 0) return;
    const left = Math.max(0, 1 - tokens / total);
    for (const [turn, inUse] of this.#inUse) this.#set(turn, inUse * left);
  }

  #set(turn: string, inUse: number): void {
    if (inUse < NOTHING) this.#inUse.delete(turn);
    else this.#inUse.set(turn, inUse);
  }
}

import type { BlockedReason } from "../../api/reasons.ts";

/** What ends the wait. */
export type Retry =
  /** Nothing but a change of the resource, of a Secret, or of the time at which something else is due. */
  | { readonly kind: "onChange" }
  /** This time, in milliseconds since the epoch. */
  | { readonly kind: "at"; readonly atMs: number }
  /** The backoff; a person's mending at Atlas is not seen from here, so there it is polled slowly. */
  | { readonly kind: "backoff"; readonly atLeastMs?: number }
  /** An earlier attempt's backoff, which is still running. */
  | { readonly kind: "running"; readonly atMs: number };

/** Why nothing goes on: the cause in one word, the sentence with the next step, and what ends the wait. */
export interface Trouble {
  readonly reason: BlockedReason;
  readonly message: string;
  /** Waiting won't help: the resource is Stalled until somebody does what the message says. */
  readonly needsPerson: boolean;
  readonly retry: Retry;
}

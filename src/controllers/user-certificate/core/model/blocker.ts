import type { BlockedReason } from "../../../../api/reasons.ts";

/** The end of the wait. */
export type Retry =
  /** Only a change of the resource or of a Secret. */
  | { readonly kind: "onChange" }
  /** This time, in milliseconds since the epoch. */
  | { readonly kind: "at"; readonly atMs: number }
  /** A backoff that begins now; never shorter than what Atlas, the API server or a wasted certificate asks for. */
  | { readonly kind: "backoff"; readonly atLeastMs?: number }
  /** The backoff of an earlier attempt, which is still running. */
  | { readonly kind: "running"; readonly atMs: number };

interface Explanation {
  /** The cause, in one sentence, without a remedy. */
  readonly problem: string;
  /** The reader's next step, or the operator's, in one sentence. @default the operator retries */
  readonly remedy?: string | undefined;
  /** Why later retries could not tell whether the problem persists. */
  readonly notRechecked?: string | undefined;
}

/** Why nothing happens now. */
export interface Blocker extends Explanation {
  readonly reason: BlockedReason;
  /** Waiting does not help: a person has to act. */
  readonly needsPerson: boolean;
  readonly retry: Retry;
}

/** The whole message: the problem, then the remedy, once. */
export function blockerMessage({ problem, remedy, notRechecked }: Explanation): string {
  return [problem, remedy, notRechecked].filter((part) => part !== undefined).join(" ");
}

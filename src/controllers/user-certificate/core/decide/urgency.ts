import type { CallPriority } from "../../../../atlas/pacing/turn-shares.ts";
import type { Decision } from "../model/decision.ts";
import type { Situation } from "../model/situation.ts";

/** Which calls go first while Atlas' rate limit makes them wait. */
export interface Urgency {
  readonly priority: CallPriority;
  /** The namespace: each has its part of a project's rate limit. */
  readonly turn: string;
  /** Of those who renew, the one whose certificate expires first goes first. */
  readonly expiresAt?: Date;
}

/** Renewals go first, then apps without a certificate, and verifications last. */
export function urgencyOf({ held, resource }: Situation, decision: Pick<Decision, "kind">): Urgency {
  const turn = resource.namespace;
  if (decision.kind === "issue" && held === undefined) return { priority: "issue", turn };
  const expiresAt = held?.notAfter;
  const priority = decision.kind === "issue" ? "renew" : "verify";
  return { priority, turn, ...(expiresAt !== undefined && { expiresAt }) };
}

import type { CallPriority } from "../../atlas/pacer.ts";
import { heldCertificate } from "./facts.ts";
import type { Decision, Observed } from "./observed.ts";

/** Who goes before whom where Atlas' rate limit makes them wait. */
export interface Urgency {
  readonly priority: CallPriority;
  /** Of those who renew, the one whose certificate expires first goes first. */
  readonly expiresAt?: Date;
}

/** Apps without a certificate go first, then renewals, and last of all looking whether all is well. */
export function urgencyOf(observed: Observed, decision: Pick<Decision, "kind">): Urgency {
  const held = heldCertificate(observed);
  if (decision.kind === "issue" && held === undefined) return { priority: "issue" };
  const expiresAt = held?.notAfter;
  return { priority: decision.kind === "issue" ? "renew" : "verify", ...(expiresAt !== undefined && { expiresAt }) };
}

import type { CallPriority } from "../../../../atlas/pacer.ts";
import type { Decision } from "../model/decision.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { heldCertificate } from "./held.ts";

/** Who goes before whom while Atlas' rate limit makes them wait. */
export interface Urgency {
  readonly priority: CallPriority;
  /** Of those who renew, the one whose certificate expires first goes first. */
  readonly expiresAt?: Date;
}

/** Apps without a certificate go first, then renewals, and verifications last. */
export function urgencyOf(snapshot: Snapshot, decision: Pick<Decision, "kind">): Urgency {
  const held = heldCertificate(snapshot);
  if (decision.kind === "issue" && held === undefined) return { priority: "issue" };
  const expiresAt = held?.notAfter;
  return { priority: decision.kind === "issue" ? "renew" : "verify", ...(expiresAt !== undefined && { expiresAt }) };
}

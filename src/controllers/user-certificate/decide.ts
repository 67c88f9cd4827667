import { BLOCKED_CHECKS, ISSUE_BLOCKED_CHECKS, repairContended } from "./blocked.ts";
import { secretDifferences } from "./desired-secret.ts";
import { backoffEndMs, heldCertificate, issuanceSucceeded, verificationDueMs } from "./facts.ts";
import { ISSUE_CHECKS } from "./issue-reasons.ts";
import type { Decision, Observed } from "./observed.ts";

/**
 * What to do, from what was seen. Pure: the same observation at the same time gives the same decision, and the lists
 * of checks, read in their order, are the operator's specification.
 */
export function decide(observed: Observed, nowMs: number): Decision {
  if (issuanceSucceeded(observed)) return { kind: "finish" };
  for (const check of BLOCKED_CHECKS) {
    const trouble = check(observed, nowMs);
    if (trouble !== undefined) return { kind: "blocked", trouble };
  }
  for (const [reason, check] of ISSUE_CHECKS) {
    const message = check(observed, nowMs);
    if (message === undefined) continue;
    for (const blockedBy of ISSUE_BLOCKED_CHECKS) {
      const trouble = blockedBy(observed, nowMs, reason);
      if (trouble !== undefined) return { kind: "blocked", trouble };
    }
    return { kind: "issue", reason, message };
  }
  const differences = secretDifferences(observed);
  if (differences.length === 0) return { kind: "keep" };
  const trouble = repairContended(observed, nowMs);
  return trouble === undefined ? { kind: "repair", differences } : { kind: "blocked", trouble };
}

/**
 * Whether a decision made from the caches needs fresh reads and Atlas' list before it counts. Nothing is issued on the
 * word of a cache.
 */
export function needsAtlas(observed: Observed, decision: Decision, nowMs: number): boolean {
  switch (decision.kind) {
    case "issue":
      return true;
    case "finish":
      // What is found in the Secret may be anybody's old pair: the same look asks Atlas for it.
      return true;
    case "keep":
    case "repair":
      return listIsDue(observed, nowMs);
    case "blocked":
      // A fight over labels must not keep it secret that the certificate is gone.
      return (
        decision.trouble.reason === "SecretContended" &&
        heldCertificate(observed) !== undefined &&
        listIsDue(observed, nowMs)
      );
    default:
      return decision satisfies never;
  }
}

function listIsDue(observed: Observed, nowMs: number): boolean {
  if (backoffEndMs(observed, nowMs) !== undefined) return false;
  // An issuance that is open with nothing left to issue: only the list tells what became of it.
  return observed.resource.status.issuance !== undefined || nowMs >= verificationDueMs(observed, nowMs);
}

import type { CertificateFacts } from "../../certificate/certificate-facts.ts";
import { backoffRunning } from "./blocked.ts";
import { heldCertificate, lastVerifiedMs } from "./facts.ts";
import type { Decision, Observed } from "./observed.ts";
import type { Outcome } from "./outcome.ts";
import type { Trouble } from "./trouble.ts";

/** One round: what was seen, decided and done, and when. */
export interface Round {
  readonly observed: Observed;
  readonly decision: Decision;
  readonly outcome: Outcome;
  readonly nowMs: number;
  /** A number in [0, 1), for the jitter of the backoff. */
  readonly random: number;
}

/** What stands in the way after a round. */
export function troubleOf({ observed, decision, outcome, nowMs }: Round): Trouble | undefined {
  if (outcome.kind === "failed") return outcome.trouble;
  if (decision.kind === "blocked") return decision.trouble;
  if (outcome.kind === "issued" || observed.atlas.kind === "listed") return undefined;
  // A verification that failed is no reason to issue or to repair anything, and it stands until the next one.
  const running = backoffRunning(observed, nowMs);
  // What could not be written is written now, by this round's repair or by somebody else. Without a verification it may
  // be a new certificate that is wanted, though the caches don't say so.
  const isWritten = outcome.kind === "repaired" || lastVerifiedMs(observed) !== undefined;
  return running?.reason === "SecretNotWritable" && isWritten ? undefined : running;
}

/** The certificate that the Secret holds after a round. */
export function heldAfter({ observed, outcome }: Round): CertificateFacts | undefined {
  return outcome.kind === "issued" ? outcome.facts : heldCertificate(observed);
}

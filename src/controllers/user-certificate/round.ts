import type { CertificateFacts } from "../../certificate/certificate-facts.ts";
import { backoffRunning } from "./blocked.ts";
import { heldCertificate } from "./facts.ts";
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
  // A verification that failed is no reason to issue or to repair anything, and it stands until the next one.
  return outcome.kind === "issued" || observed.atlas.kind === "listed" ? undefined : backoffRunning(observed, nowMs);
}

/** The certificate that the Secret holds after a round. */
export function heldAfter({ observed, outcome }: Round): CertificateFacts | undefined {
  return outcome.kind === "issued" ? outcome.facts : heldCertificate(observed);
}

import { heldCertificate } from "./facts.ts";
import type { Issuer } from "./issue.ts";
import type { Observation } from "./observe.ts";
import type { Decision } from "./observed.ts";
import type { Outcome } from "./outcome.ts";
import type { SecretWriter } from "./secret-writer.ts";

export interface ActorOptions {
  readonly issuer: Issuer;
  readonly secrets: SecretWriter;
}

/** Carries out a decision: one handler for each kind. */
export async function act(
  { observed, access }: Observation,
  decision: Decision,
  { issuer, secrets }: ActorOptions,
  signal: AbortSignal,
): Promise<Outcome> {
  switch (decision.kind) {
    case "keep":
    case "blocked":
      return { kind: "nothing" };
    case "issue":
      if (access.kind !== "usable") throw new Error("issuing needs usable credentials");
      return issuer.issue(observed, decision, access.api, signal);
    case "finish": {
      const facts = heldCertificate(observed);
      const { issuance } = observed.resource.status;
      if (facts === undefined || issuance === undefined) throw new Error("there is no issuance to finish");
      return { kind: "issued", facts, issuance };
    }
    case "repair": {
      const facts = heldCertificate(observed);
      if (facts === undefined || observed.secret.kind !== "managed") throw new Error("there is no Secret to repair");
      const obstacle = await secrets.repair(observed.resource, observed.secret, facts, signal);
      if (obstacle === undefined) return { kind: "repaired", differences: decision.differences };
      if (obstacle === "overtaken") return { kind: "overtaken" };
      return { kind: "failed", trouble: obstacle, spent: false, issuance: undefined, staysOpen: false };
    }
    default:
      return decision satisfies never;
  }
}

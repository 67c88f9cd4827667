import { type Condition, type ConditionType, findCondition } from "../../api/conditions.ts";
import type { CertificateFacts } from "../../certificate/certificate-facts.ts";
import { renewalTime } from "../../certificate/renewal-time.ts";
import { identityChange, lastVerifiedMs, listedByAtlas, renewalRule, unlistedSinceMs, userIsGone } from "./facts.ts";
import { type Round, troubleOf } from "./round.ts";
import { timestamp } from "./timestamp.ts";
import type { Trouble } from "./trouble.ts";

interface State {
  readonly status: "True" | "False";
  readonly reason: string;
  readonly message: string;
}

/**
 * The three conditions after a round, in one list: they change together.
 *
 * Ready says whether apps can log in with what the Secret holds, and stays True during a renewal and through every
 * trouble that the certificate outlives; its reason and message name the trouble all the same. Stalled says that a
 * person has to do something. Issuing says that a create is on record.
 */
export function nextConditions(round: Round, held: CertificateFacts | undefined): Condition[] {
  const trouble = troubleOf(round);
  const states: Readonly<Record<ConditionType, State>> = {
    Ready: ready(round, held, trouble),
    Issuing: issuing(round, trouble),
    Stalled: stalled(trouble),
  };
  const { resource, policy } = round.observed;
  const { generation, status } = resource;
  return (["Ready", "Issuing", "Stalled"] as const).map((type) => {
    const before = findCondition(status, type);
    const state = states[type];
    return {
      type,
      ...state,
      message: policy.simulatedAtlas ? marked(state.message) : state.message,
      observedGeneration: generation,
      lastTransitionTime: before?.status === state.status ? before.lastTransitionTime : timestamp(round.nowMs),
    };
  });
}

/** What stands before each message where Atlas is simulated: nobody may take such a certificate for a real one. */
const SIMULATED_MARK = "[simulated Atlas] ";

/** The causes of earlier rounds are read out of their conditions, marks and all: one mark is enough. */
function marked(message: string): string {
  return SIMULATED_MARK + message.replaceAll(SIMULATED_MARK, "");
}

/** What is wrong with the certificate that the Secret holds; undefined where apps can log in with it. */
export function unusable(round: Round, held: CertificateFacts | undefined): State | undefined {
  const { observed, decision, outcome, nowMs } = round;
  const no = (reason: string, message: string): State => ({ status: "False", reason, message });
  if (held === undefined) {
    const { secretName } = observed.resource.spec;
    return decision.kind === "issue"
      ? no(decision.reason, decision.message)
      : no("SecretMissing", `Secret ${secretName} holds no certificate.`);
  }
  if (held.notAfter.getTime() <= nowMs)
    return no("Expired", `The certificate expired at ${timestamp(held.notAfter.getTime())}.`);
  // What was issued in this round is for the spec of this round; what is finished is another process', for an older one.
  if (outcome.kind === "issued" && decision.kind !== "finish") return undefined;
  const change = identityChange(observed);
  if (change !== undefined) return no("IdentityChanged", `The Secret was issued for ${change}.`);
  if (userIsGone(observed)) return no("UserNotFound", "Atlas has no such user.");
  const isListed = listedByAtlas(observed, held.serialNumber);
  const isMissing = isListed === false || (isListed === undefined && unlistedSinceMs(observed, nowMs) !== undefined);
  if (isMissing) return no("NotListedByAtlas", `Atlas no longer lists certificate ${held.serialNumber}.`);
  if (isListed === undefined && lastVerifiedMs(observed) === undefined) {
    return no("NotListedByAtlas", `Atlas has not confirmed certificate ${held.serialNumber} yet.`);
  }
  return undefined;
}

function ready(round: Round, held: CertificateFacts | undefined, trouble: Trouble | undefined): State {
  const { resource } = round.observed;
  const fault = unusable(round, held);
  if (fault !== undefined || held === undefined) {
    const state = fault ?? { status: "False", reason: "SecretMissing", message: "" };
    return trouble === undefined
      ? state
      : { status: "False", reason: trouble.reason, message: [expiredFirst(state), trouble.message].join("") };
  }
  const until = timestamp(held.notAfter.getTime());
  if (trouble !== undefined) {
    return {
      status: "True",
      reason: trouble.reason,
      message: `${trouble.message} The certificate in Secret ${resource.spec.secretName} is valid until ${until}.`,
    };
  }
  const renewal = timestamp(renewalTime(held, renewalRule(resource.spec)).getTime());
  return {
    status: "True",
    reason: "Issued",
    message:
      `Secret ${resource.spec.secretName} holds certificate ${held.serialNumber} of user ${resource.spec.username}, ` +
      `valid until ${until}; the next one is issued at ${renewal}.`,
  };
}

/** An expiry is worth saying before its cause: apps are already down. */
function expiredFirst({ reason, message }: State): string {
  return reason === "Expired" ? `${message} ` : "";
}

function issuing({ decision, outcome }: Round, trouble: Trouble | undefined): State {
  if (decision.kind === "issue" && outcome.kind === "nothing") {
    return { status: "True", reason: decision.reason, message: decision.message };
  }
  return trouble === undefined
    ? { status: "False", reason: "Issued", message: "No certificate is being issued." }
    : { status: "False", reason: trouble.reason, message: trouble.message };
}

function stalled(trouble: Trouble | undefined): State {
  return trouble?.needsPerson
    ? { status: "True", reason: trouble.reason, message: trouble.message }
    : { status: "False", reason: trouble?.reason ?? "Issued", message: "Nobody has to do anything." };
}

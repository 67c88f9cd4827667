import { MAX_REMOVAL_HOURS } from "../../../api/customer-x509-removal.ts";
import { HOUR_MS } from "../../../clock.ts";
import type { ProjectBlockedReason, ProjectBlocker } from "../../access/project-directory.ts";
import { recordedRequest } from "./sentences.ts";
import type { Snapshot } from "./snapshot.ts";

export type FailureReason =
  | "CertificateAuthoritiesDiffer"
  | "Expired"
  | "NotAfterTooLate"
  | "NotConfirmed"
  | "CrdOutdated"
  /** Atlas refused the one call. */
  | ProjectBlockedReason;

/** Why a request is over without having done what it asks for. */
export interface Failure {
  readonly reason: FailureReason;
  readonly problem: string;
  readonly remedy: string;
}

/** The next action, with the facts that it takes. */
export type Decision =
  /** It is over, and stays so whatever changes. */
  | { readonly kind: "rest" }
  /** Atlas has to be asked which authorities are set before anything can be decided. */
  | { readonly kind: "ask" }
  | { readonly kind: "blocked"; readonly blocker: ProjectBlocker }
  | { readonly kind: "fail"; readonly failure: Failure }
  /** Record the request, then make the one call. */
  | { readonly kind: "request"; readonly projectId: string }
  /** The call is on record: read until Atlas has carried it out. */
  | { readonly kind: "wait" }
  | { readonly kind: "complete"; readonly reason: "Removed" | "AlreadyOff" };

/** How long after the call Atlas may still name the certificate authorities; afterwards a person has to check. */
export const CONFIRMATION_MS = HOUR_MS;

type Check = (snapshot: Snapshot) => Decision | undefined;

/** Of a request that is not on record: the first check that applies decides, and if none does, the call is made. */
const BEFORE_THE_CALL: readonly Check[] = [isTooLong, isExpired, lacksProject, lacksAnswer, isOff, differs];

/** Of a request that is on record: nothing is left but to read. */
const AFTER_THE_CALL: readonly Check[] = [lacksProject, lacksAnswer, isRemoved];

/** Decides what happens next. Only `request` leads to a call that changes something, and nothing on record leads there. */
export function decide(snapshot: Snapshot): Decision {
  const { project, removal } = snapshot;
  const { conditions = [], requestedAt } = removal.status;
  if (conditions.some(({ type, status }) => (type === "Complete" || type === "Failed") && status === "True")) {
    return { kind: "rest" };
  }
  if (requestedAt !== undefined) return confirm(snapshot, requestedAt);
  const found = firstOf(BEFORE_THE_CALL, snapshot);
  if (found !== undefined) return found;
  // The checks have seen a usable project.
  return project.kind === "usable" ? { kind: "request", projectId: project.projectId } : { kind: "ask" };
}

function confirm(snapshot: Snapshot, requestedAt: string): Decision {
  const decision = firstOf(AFTER_THE_CALL, snapshot) ?? { kind: "wait" };
  // An unparsable time counts as past.
  const isInTime = snapshot.nowMs < Date.parse(requestedAt) + CONFIRMATION_MS;
  if (isInTime || (decision.kind !== "wait" && decision.kind !== "blocked")) return decision;
  const { projectId } = snapshot.removal.status;
  return fail(
    "NotConfirmed",
    `${recordedRequest(projectId, requestedAt)}, and Atlas has not confirmed within an hour that it is off.`,
    "Check the project's security settings in Atlas; if it is still on, create a new AtlasCustomerX509Removal.",
  );
}

function firstOf(checks: readonly Check[], snapshot: Snapshot): Decision | undefined {
  for (const check of checks) {
    const decision = check(snapshot);
    if (decision !== undefined) return decision;
  }
  return undefined;
}

function isTooLong({ removal: { creationTimestamp, spec } }: Snapshot): Decision | undefined {
  const latestMs = Date.parse(creationTimestamp) + MAX_REMOVAL_HOURS * HOUR_MS;
  // An unparsable time is refused.
  if (Date.parse(spec.notAfter) <= latestMs) return undefined;
  return fail(
    "NotAfterTooLate",
    `spec.notAfter (${spec.notAfter}) is more than ${MAX_REMOVAL_HOURS} hours after this request was created (${creationTimestamp}), so the operator did nothing.`,
    "Create a new AtlasCustomerX509Removal with an earlier notAfter.",
  );
}

function isExpired({ nowMs, removal: { spec } }: Snapshot): Decision | undefined {
  if (nowMs < Date.parse(spec.notAfter)) return undefined;
  return { kind: "fail", failure: expired(spec.notAfter, "the operator could act, so it did nothing") };
}

/** @param event what came after `notAfter`, and its consequence: the end of a sentence */
export function expired(notAfter: string, event: string): Failure {
  return {
    reason: "Expired",
    problem: `spec.notAfter (${notAfter}) passed before ${event}.`,
    remedy: "If customer-managed X.509 must still be switched off, create a new AtlasCustomerX509Removal.",
  };
}

function lacksProject({ project, removal: { spec, status } }: Snapshot): Decision | undefined {
  if (project.kind === "unusable") return { kind: "blocked", blocker: project.blocker };
  const { projectId } = status;
  if (projectId === undefined || projectId === project.projectId) return undefined;
  return {
    kind: "blocked",
    blocker: {
      reason: "ProjectChanged",
      problem: `AtlasProjectX509 ${spec.projectRef.name} now names another project; the request was made for project ${projectId}.`,
      remedy: `Check the security settings of project ${projectId} in Atlas.`,
      needsPerson: true,
    },
  };
}

function lacksAnswer({ atlas }: Snapshot): Decision | undefined {
  if (atlas.kind === "notAsked") return { kind: "ask" };
  return atlas.kind === "unknown" ? { kind: "blocked", blocker: atlas.blocker } : undefined;
}

function isOff({ atlas }: Snapshot): Decision | undefined {
  return atlas.kind === "read" && atlas.authorities.length === 0
    ? { kind: "complete", reason: "AlreadyOff" }
    : undefined;
}

/** None of the named authorities is set any more. Others may have been set since the call: they are none of its business. */
function isRemoved({ atlas, removal: { spec } }: Snapshot): Decision | undefined {
  if (atlas.kind !== "read") return undefined;
  const named = new Set(spec.certificateAuthorities);
  const isGone = !atlas.authorities.some(({ fingerprint }) => named.has(fingerprint));
  return isGone ? { kind: "complete", reason: "Removed" } : undefined;
}

function differs({ atlas, removal: { spec } }: Snapshot): Decision | undefined {
  if (atlas.kind === "read" && isSameSet(spec.certificateAuthorities, atlas.authorities)) return undefined;
  const found =
    atlas.kind === "read"
      ? `Atlas has ${atlas.authorities.map(({ fingerprint, subject }) => `${fingerprint} (${subject})`).join(", ")}`
      : "Atlas has something that is not a list of PEM certificates";
  return fail(
    "CertificateAuthoritiesDiffer",
    `spec.certificateAuthorities does not match the certificate authorities in Atlas, so the operator did nothing. ${found}.`,
    "Find out who set them before you create a new AtlasCustomerX509Removal.",
  );
}

function isSameSet(named: readonly string[], set: readonly { readonly fingerprint: string }[]): boolean {
  const fingerprints = new Set(set.map(({ fingerprint }) => fingerprint));
  return fingerprints.size === new Set(named).size && named.every((one) => fingerprints.has(one));
}

function fail(reason: FailureReason, problem: string, remedy: string): Decision {
  return { kind: "fail", failure: { reason, problem, remedy } };
}

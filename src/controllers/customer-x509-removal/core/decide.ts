import { MAX_REMOVAL_HOURS } from "../../../api/customer-x509-removal.ts";
import { HOUR_MS } from "../../../clock.ts";
import type { Obstacle } from "../../access/project-access.ts";
import type { Snapshot } from "./snapshot.ts";

/** Why a request is over without having done what it asks for. */
export interface Failure {
  readonly reason: string;
  readonly problem: string;
  readonly remedy: string;
}

/** The next action, with the facts that it takes. */
export type Decision =
  /** It is over, and stays so whatever changes. */
  | { readonly kind: "rest" }
  /** Atlas has to be asked what is set before anything can be decided. */
  | { readonly kind: "look" }
  | { readonly kind: "blocked"; readonly obstacle: Obstacle }
  | { readonly kind: "fail"; readonly failure: Failure }
  /** Record the request, then make the one call. */
  | { readonly kind: "request"; readonly projectId: string }
  /** The call is on record: read until Atlas has carried it out. */
  | { readonly kind: "wait" }
  | { readonly kind: "complete"; readonly reason: "Removed" | "AlreadyOff" };

/** How long after the call Atlas may still name the certificate authorities; afterwards a person has to look. */
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
  return project.kind === "usable" ? { kind: "request", projectId: project.projectId } : { kind: "look" };
}

function confirm(snapshot: Snapshot, requestedAt: string): Decision {
  const decision = firstOf(AFTER_THE_CALL, snapshot) ?? { kind: "wait" };
  // A time that is none is long past.
  const isInTime = snapshot.nowMs < Date.parse(requestedAt) + CONFIRMATION_MS;
  if (isInTime || (decision.kind !== "wait" && decision.kind !== "blocked")) return decision;
  const { projectId } = snapshot.removal.status;
  return fail(
    "NotConfirmed",
    `The operator recorded at ${requestedAt} that it asks Atlas to switch off customer-managed X.509 in project ${projectId}, and an hour later Atlas has not confirmed it.`,
    "Look at the project's security settings; if it is still on, create a new AtlasCustomerX509Removal.",
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
  // A time that is none is never in time.
  if (Date.parse(spec.notAfter) <= latestMs) return undefined;
  return fail(
    "NotAfterTooLate",
    `spec.notAfter (${spec.notAfter}) is more than ${MAX_REMOVAL_HOURS} hours after the creation of this request (${creationTimestamp}), so the operator did nothing.`,
    "Create a new AtlasCustomerX509Removal with an earlier notAfter.",
  );
}

function isExpired({ nowMs, removal: { spec } }: Snapshot): Decision | undefined {
  if (nowMs < Date.parse(spec.notAfter)) return undefined;
  return fail(
    "Expired",
    `spec.notAfter (${spec.notAfter}) has passed, and the operator did nothing.`,
    "Create a new AtlasCustomerX509Removal if customer-managed X.509 is still to be switched off.",
  );
}

function lacksProject({ project, removal: { spec, status } }: Snapshot): Decision | undefined {
  if (project.kind === "unusable") return { kind: "blocked", obstacle: project.obstacle };
  const { projectId } = status;
  if (projectId === undefined || projectId === project.projectId) return undefined;
  return {
    kind: "blocked",
    obstacle: {
      reason: "ProjectChanged",
      problem: `AtlasProjectX509 ${spec.projectRef.name} names another project now; the request was made for project ${projectId}.`,
      remedy: `Look at the security settings of project ${projectId} at Atlas.`,
      needsPerson: true,
    },
  };
}

function lacksAnswer({ atlas }: Snapshot): Decision | undefined {
  if (atlas.kind === "notAsked") return { kind: "look" };
  return atlas.kind === "unknown" ? { kind: "blocked", obstacle: atlas.obstacle } : undefined;
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
      : "What Atlas has is not a list of PEM certificates";
  return fail(
    "CertificateAuthoritiesDiffer",
    `spec.certificateAuthorities are not the certificate authorities that are set: ${found}. The operator did nothing.`,
    "Find out who set them before you create a new AtlasCustomerX509Removal.",
  );
}

function isSameSet(named: readonly string[], set: readonly { readonly fingerprint: string }[]): boolean {
  const fingerprints = new Set(set.map(({ fingerprint }) => fingerprint));
  return fingerprints.size === new Set(named).size && named.every((one) => fingerprints.has(one));
}

function fail(reason: string, problem: string, remedy: string): Decision {
  return { kind: "fail", failure: { reason, problem, remedy } };
}

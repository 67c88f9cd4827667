import type { UserCertificate } from "../../../../api/parse-user-certificate.ts";
import { millisecondsOf, timestamp } from "../../../../api/timestamp.ts";
import type { RecentIssuance } from "../../../../api/user-certificate-status.ts";
import type { Blocker } from "../model/blocker.ts";
import type { Situation } from "../model/situation.ts";
import type { ProjectRefusal, Snapshot } from "../model/snapshot.ts";

/** How soon the grants are checked again once their watch is out of date. */
const UNVERIFIED_RECHECK_MS = 10_000;

export function ownCredentialsForbidden({ project, resource }: Snapshot): Blocker | undefined {
  if (project.kind !== "ownForbidden") return undefined;
  return {
    reason: "OwnCredentialsForbidden",
    problem: "This cluster does not allow a namespace's own Atlas credentials (--allow-own-credentials=false).",
    remedy: `Ask the platform team for an AtlasProjectX509 that grants user ${resource.spec.username} to namespace ${resource.namespace}, and set spec.projectRef instead of spec.projectId and spec.credentialsRef.`,
    needsPerson: true,
    retry: { kind: "onChange" },
  };
}

/**
 * A project that does not exist, one that serves another purpose and one that grants nothing read the same: a tenant
 * learns nothing about projects that it may not use.
 */
export function notGranted(situation: Situation): Blocker | undefined {
  const { project, resource } = situation;
  if (project.kind !== "refused") return undefined;
  const { spec, namespace } = resource;
  const [problem, remedy] = refusalText(resource, project.refusal);
  return {
    reason: "NotGranted",
    problem: problem + loginsRemain(situation),
    remedy:
      remedy ??
      `Ask the platform team to grant user ${spec.username} to namespace ${namespace}, or correct spec.projectRef.name or spec.username.`,
    needsPerson: true,
    retry: { kind: "onChange" },
  };
}

function refusalText(
  { namespace, spec }: UserCertificate,
  refusal: ProjectRefusal,
): readonly [problem: string, remedy?: string] {
  const name = `AtlasProjectX509 ${spec.projectRef?.name}`;
  switch (refusal.because) {
    case "notServed":
      return [
        "This operator does not serve AtlasProjectX509 (--projects=false).",
        "Ask the platform team to enable it, or set spec.projectId and spec.credentialsRef instead of spec.projectRef.",
      ];
    case "months":
      return [
        `${name} allows namespace ${namespace} at most ${counted(refusal.most, "month")} for user ${spec.username}, and spec.monthsUntilExpiration is ${spec.monthsUntilExpiration}.`,
        `Set spec.monthsUntilExpiration to at most ${refusal.most}, or ask the platform team to raise the limit.`,
      ];
    case "resources":
      return [
        `${name} allows namespace ${namespace} at most ${counted(refusal.most, "resource")}, and that many older ones already use it.`,
        "Delete one that is not needed, or ask the platform team to raise the limit.",
      ];
    case "notNamed":
      return [`${name} does not exist, or does not grant user ${spec.username} to namespace ${namespace}.`];
    default:
      return refusal satisfies never;
  }
}

function loginsRemain({ held, history, nowMs }: Situation): string {
  const untilMs = loginsUntilMs({ notAfter: held && timestamp(held.notAfter.getTime()), recentIssuances: history });
  return untilMs === undefined || untilMs <= nowMs
    ? ""
    : ` Certificates that were already issued can be used to log in until ${timestamp(untilMs)}.`;
}

interface Issued {
  /** Of the certificate in the Secret. */
  readonly notAfter?: string | undefined;
  readonly recentIssuances?: readonly Pick<RecentIssuance, "notAfter">[] | undefined;
}

/**
 * Until when the certificates that were issued for a resource can be used to log in, in milliseconds since the epoch: Atlas
 * cannot take them back.
 */
export function loginsUntilMs({ notAfter, recentIssuances = [] }: Issued): number | undefined {
  const ends = [notAfter, ...recentIssuances.map((entry) => entry.notAfter)].map(millisecondsOf);
  const known = ends.filter((ms) => ms !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}

export function usernameTaken({ project, resource }: Snapshot): Blocker | undefined {
  if (project.kind !== "granted" || !project.isTaken) return undefined;
  return {
    reason: "UsernameTaken",
    problem: `User ${resource.spec.username} already belongs to another namespace.`,
    remedy: "Choose another spec.username, or ask the platform team to set shared: true in the grant.",
    needsPerson: true,
    retry: { kind: "onChange" },
  };
}

/** Nothing is issued on the basis of grants that may have been withdrawn since. */
export function grantsUnverified({ nowMs, project }: Snapshot): Blocker | undefined {
  if (project.kind !== "unverified") return undefined;
  return {
    reason: "GrantsUnverified",
    problem: "The operator cannot verify the grant now: its watch of grants or namespaces is out of date.",
    remedy: "Issuing resumes once the API server responds.",
    needsPerson: false,
    retry: { kind: "at", atMs: nowMs + UNVERIFIED_RECHECK_MS },
  };
}

function counted(count: number, what: string): string {
  return count === 1 ? `1 ${what}` : `${count} ${what}s`;
}

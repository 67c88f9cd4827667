import { type ConditionState, conditionsOf } from "../../../api/condition-states.ts";
import { findCondition } from "../../../api/conditions.ts";
import { API_GROUP, API_VERSION } from "../../../api/names.ts";
import { PROJECT_CONDITION_TYPES, type ProjectX509Status } from "../../../api/project-x509.ts";
import { timestamp } from "../../../api/timestamp.ts";
import type { CertificateAuthority } from "../../../certificate/certificate-authorities.ts";
import type { ProjectBlockedReason, ProjectBlocker } from "../../access/project-directory.ts";
import type { Snapshot } from "./snapshot.ts";

/** A word that a condition of an AtlasProjectX509 can carry as its reason. */
export type ProjectReason = "Reachable" | ProjectBlockedReason;

/** The status of a project as it is now. It names no namespace, no resource and no user. */
export function nextStatus(snapshot: Snapshot): ProjectX509Status {
  const { nowMs, project, tokens } = snapshot;
  const { generation, status } = project;
  const blocker = blockerOf(snapshot);
  const before = status.conditions ?? [];
  return {
    conditions: conditionsOf(PROJECT_CONDITION_TYPES, statesOf(snapshot, blocker), { before, generation, nowMs }),
    observedGeneration: generation,
    ...counts(snapshot),
    rateLimitTokens: Math.floor(tokens),
    ...customerManaged(snapshot),
  };
}

/** Whether a status is worth a write: the time of the last answer and the tokens are as of the last other change. */
export function isNews(before: ProjectX509Status, after: ProjectX509Status): boolean {
  return JSON.stringify(withoutVolatile(before)) !== JSON.stringify(withoutVolatile(after));
}

function withoutVolatile(status: ProjectX509Status) {
  const { conditions, customerManagedX509, observedGeneration, resources, ready, unexpired } = status;
  const { enabled, certificateAuthorities } = customerManagedX509 ?? {};
  const said = conditions?.map((one) => [one.type, one.status, one.reason, one.message, one.observedGeneration]);
  const authorities = certificateAuthorities?.map(({ fingerprint, subject, notAfter }) => [
    fingerprint,
    subject,
    notAfter,
  ]);
  return [said, observedGeneration, resources, ready, unexpired, enabled, authorities];
}

/** Reasons of resources that the project grants nothing. */
const WITHOUT_GRANT: ReadonlySet<string> = new Set(["NotGranted", "UsernameTaken"]);

function counts({ resources }: Snapshot): Pick<ProjectX509Status, "resources" | "ready" | "unexpired"> {
  const granted = resources.filter(({ status }) => !WITHOUT_GRANT.has(findCondition(status, "Ready")?.reason ?? ""));
  const ready = granted.filter(({ status }) => findCondition(status, "Ready")?.status === "True");
  // Several resources may share a user, whose certificates count once.
  const unexpired = new Map(granted.map(({ spec, status }) => [spec.username, status.unexpiredCertificates ?? 0]));
  const sum = [...unexpired.values()].reduce((total, count) => total + count, 0);
  return { resources: granted.length, ready: ready.length, unexpired: sum };
}

/** An answer that never came leaves what was known. */
function customerManaged(snapshot: Snapshot): Pick<ProjectX509Status, "customerManagedX509"> {
  const { atlas, project } = snapshot;
  // By the clock that the failed attempts of resources are dated by.
  const observedAt = timestamp(snapshot.answeredMs ?? snapshot.nowMs);
  if (atlas.kind === "unreadable") return { customerManagedX509: { enabled: true, observedAt } };
  if (atlas.kind === "read") {
    const enabled = atlas.authorities.length > 0;
    const certificateAuthorities = atlas.authorities.map((one) => ({
      ...{ fingerprint: one.fingerprint, subject: one.subject },
      notAfter: timestamp(one.notAfter.getTime()),
    }));
    return { customerManagedX509: { enabled, observedAt, ...(enabled && { certificateAuthorities }) } };
  }
  const { customerManagedX509 } = project.status;
  // Another project has other authorities.
  const isSame = project.status.observedGeneration === project.generation;
  return isSame && customerManagedX509 !== undefined ? { customerManagedX509 } : {};
}

function blockerOf({ atlas, project }: Snapshot): ProjectBlocker | undefined {
  switch (atlas.kind) {
    case "unreachable":
    case "unknown":
      return atlas.blocker;
    case "unreadable":
      return {
        reason: "CustomerManagedX509On",
        problem: `${isOn(project.spec.projectId)} Its certificate authorities cannot be read as PEM certificates.`,
        remedy: "Switch it off in the project's security settings in Atlas, which restarts the nodes of every cluster.",
        needsPerson: true,
      };
    case "read":
      return atlas.authorities.length === 0
        ? undefined
        : customerManagedOn(project.name, project.spec.projectId, atlas.authorities);
    default:
      return atlas satisfies never;
  }
}

function isOn(projectId: string): string {
  return `Customer-managed X.509 is on in project ${projectId}, so Atlas issues no certificates for it.`;
}

function customerManagedOn(
  name: string,
  projectId: string,
  authorities: readonly CertificateAuthority[],
): ProjectBlocker {
  const fingerprints = authorities.map(({ fingerprint }) => fingerprint);
  return {
    reason: "CustomerManagedX509On",
    problem: `${isOn(projectId)} Certificates that were issued earlier cannot be renewed.`,
    remedy:
      "To switch it off, run the command below. Atlas then restarts the nodes of every cluster of the project, one after " +
      `the other, and certificates of these authorities can no longer be used to log in.\n${removalCommand(name, fingerprints)}`,
    needsPerson: true,
  };
}

function statesOf(
  { project: { spec } }: Snapshot,
  blocker: ProjectBlocker | undefined,
): Readonly<Record<(typeof PROJECT_CONDITION_TYPES)[number], ConditionState & { readonly reason: ProjectReason }>> {
  if (blocker === undefined) {
    const message = `The credentials give access to project ${spec.projectId}, and Atlas issues certificates for it.`;
    return {
      Ready: { status: "True", reason: "Reachable", message },
      Stalled: { status: "False", reason: "Reachable", message: "No action is required." },
    };
  }
  const { needsPerson, problem, reason, remedy } = blocker;
  const advised = [problem, remedy].filter((part) => part !== undefined).join(" ");
  return {
    // kstatus shows the message of Stalled alone, so that has the remedy when it is True.
    Ready: { status: "False", reason, message: needsPerson ? problem : `${advised} The operator retries.` },
    Stalled: needsPerson
      ? { status: "True", reason, message: advised }
      : { status: "False", reason, message: "No action is required." },
  };
}

/**
 * A command that asks the operator to remove customer-managed X.509. The end of the request is computed when the command
 * runs: a time in a status would be over soon. The clock of a time zone two hours ahead does for every `date`; the options
 * that add hours differ between systems.
 */
export function removalCommand(project: string, fingerprints: readonly string[]): string {
  return [
    "kubectl create -f - <<EOF",
    `apiVersion: ${API_GROUP}/${API_VERSION}`,
    "kind: AtlasCustomerX509Removal",
    "metadata:",
    `  generateName: ${project}-`,
    "spec:",
    "  projectRef:",
    `    name: ${project}`,
    "  certificateAuthorities:",
    ...fingerprints.map((fingerprint) => `    - ${fingerprint}`),
    `  notAfter: "$(TZ=UTC-2 date +%FT%TZ)" # in 2 hours`,
    "  acknowledgeRollingRestart: true",
    "EOF",
  ].join("\n");
}

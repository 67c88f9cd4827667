import { HOUR_MS } from "../../../src/clock.ts";
import { readAuthorities } from "../../../src/controllers/access/read-authorities.ts";
import { announce } from "../../../src/controllers/customer-x509-removal/announce.ts";
import { callRemoval } from "../../../src/controllers/customer-x509-removal/atlas/remove.ts";
import { decide } from "../../../src/controllers/customer-x509-removal/core/decide.ts";
import { nextStatus, type RemovalReason } from "../../../src/controllers/customer-x509-removal/core/next-status.ts";
import type { Outcome } from "../../../src/controllers/customer-x509-removal/core/outcome.ts";
import type { Snapshot } from "../../../src/controllers/customer-x509-removal/core/snapshot.ts";
import { CRD_OUTDATED } from "../../../src/controllers/customer-x509-removal/reconciler.ts";
import {
  isSet,
  NOW,
  OTHER_CA,
  PROJECT,
  recorded,
  removal,
  snapshot,
} from "../../../src/controllers/customer-x509-removal/testing/snapshots.ts";
import type { EventReport } from "../../../src/kube/events/event-object.ts";
import { silentLog } from "../../../src/kube/log.ts";
import { DISABLE_ERRORS, PROJECT_ERRORS } from "./atlas-errors.ts";
import { failing, projectIn, type Situation } from "./project-samples.ts";
import type { Sample } from "./samples.ts";

/** Atlas gives the other reasons only in answer to calls about one user or to a create. */
type Reason = Exclude<RemovalReason, "UserNotFound" | "TooManyUnexpired" | "CustomerManagedX509On">;

const RECORD = { projectId: PROJECT, requestedAt: "2026-11-24T12:00:00Z" };
const MOVED = { projectId: "5f1b2c3d4e5f6a7b8c9d0e1f", requestedAt: "2026-11-24T11:50:00Z" };

/** For each reason of an AtlasCustomerX509Removal the situations that have it: a reason without one does not compile. */
export async function removalSamples(): Promise<Readonly<Record<Reason, readonly Sample[]>>> {
  return {
    Requested: [
      sample("The operator is about to send the request", {}, { kind: "recorded", ...RECORD }),
      sample("Atlas has accepted the request", {}, { kind: "accepted", ...RECORD }),
    ],
    AnswerLost: [sample("The response was lost", {}, await called("answerLost"))],
    Removed: [sample("Customer-managed X.509 is off", { removal: recorded(), atlas: isSet() })],
    AlreadyOff: [sample("It was off before", { atlas: isSet() })],
    CertificateAuthoritiesDiffer: [
      sample("Other certificate authorities are set", { atlas: isSet(OTHER_CA) }),
      sample("The certificate authorities cannot be read", { atlas: { kind: "unreadable" } }),
    ],
    Expired: [
      sample("spec.notAfter has passed", { nowMs: NOW + 5 * HOUR_MS }),
      sample("spec.notAfter passed before the request was sent", {}, await called("role", NOW + 5 * HOUR_MS)),
    ],
    NotAfterTooLate: [
      sample("spec.notAfter is too late", {
        removal: removal({ spec: { ...removal().spec, notAfter: "2026-11-26T00:00:00Z" } }),
      }),
    ],
    NotConfirmed: [sample("Atlas has not confirmed it within an hour", { removal: recorded(), nowMs: NOW + HOUR_MS })],
    CrdOutdated: [sample("The installed CRD drops a field", {}, { kind: "refused", ...RECORD, failure: CRD_OUTDATED })],
    ProjectChanged: [sample("The project was changed meanwhile", { removal: recorded({ status: MOVED }) })],
    ProjectMissing: [await blocked("There is no such AtlasProjectX509", { isMissing: true })],
    ProjectClaimedTwice: [await blocked("Another AtlasProjectX509 is used for the project", { isSecond: true })],
    ProjectsUnverified: [await blocked("The watch is out of date", { isCurrent: false })],
    CredentialsMissing: [await blocked("The project has no credentials", { isLabelled: false })],
    CredentialsRejected: [await blocked("Atlas rejects the credentials", refusal("CredentialsRejected"))],
    RoleMissing: [
      await blocked("The credentials cannot read the settings", refusal("RoleMissing")),
      sample("The credentials cannot change the settings", {}, await called("role")),
    ],
    IpNotOnAccessList: [await blocked("Atlas refuses the operator's address", refusal("IpNotOnAccessList"))],
    ProjectNotFound: [await blocked("Atlas does not know the project", refusal("ProjectNotFound"))],
    RequestRejected: [await blocked("Atlas rejects the request", refusal("RequestRejected"))],
    RateLimited: [await blocked("Atlas' rate limit is reached", refusal("RateLimited"))],
    AtlasUnavailable: [
      await blocked("Atlas has a problem", refusal("AtlasUnavailable")),
      await blocked("Atlas has a problem after the request", refusal("AtlasUnavailable"), { removal: recorded() }),
      sample("Atlas could not be reached for the request", {}, await called("unreachable")),
    ],
  };
}

function refusal(reason: keyof typeof PROJECT_ERRORS): Situation {
  return { api: failing(PROJECT_ERRORS[reason]) };
}

/** The operator cannot ask Atlas. */
async function blocked(title: string, situation: Situation, change: Partial<Snapshot> = {}): Promise<Sample> {
  const named = await projectIn(situation);
  if (named.kind === "unusable") return sample(title, { project: named, ...change });
  const { authorities } = await readAuthorities(named.project, new AbortController().signal);
  return sample(title, { atlas: authorities, ...change });
}

/** The end of the one call. */
async function called(error: keyof typeof DISABLE_ERRORS, nowMs = NOW): Promise<Outcome> {
  const named = await projectIn({ api: failing(DISABLE_ERRORS[error]) });
  if (named.kind === "unusable") throw new Error(named.blocker.problem);
  const result = await callRemoval(named.project, removal(), { assertLeading: () => {}, clock: { now: () => nowMs } });
  return { ...result, ...RECORD };
}

function sample(title: string, change: Partial<Snapshot>, outcome: Outcome = { kind: "nothing" }): Sample {
  const of = snapshot(change);
  const assessment = { snapshot: of, decision: decide(of), outcome };
  const events: EventReport[] = [];
  announce({ events: { record: (event) => void events.push(event) }, log: silentLog }, assessment);
  return { title, conditions: nextStatus(assessment, [])?.conditions ?? [], events };
}

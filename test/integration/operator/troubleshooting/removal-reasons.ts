/** How each reason of an AtlasCustomerX509Removal comes about. */
import type { removalSamples } from "../../../../deploy/generate/messages/removal-samples.ts";
import { HOUR_MS } from "../../../../src/clock.ts";
import type { Platform } from "../platform.ts";
import type { Removals } from "../removals.ts";
import { aWhile, STAGING } from "../scene.ts";
import { OWNER, unverified } from "./project-reasons.ts";
import { dropStatusField, platform, type Reproduction } from "./reproduction.ts";

type RemovalReason = keyof Awaited<ReturnType<typeof removalSamples>>;

const request = async (removals: Removals, spec: object = {}) => ["acxr", await removals.create(spec)];

/** Customer-managed X.509 is on, and the status of the project says so. */
async function switchedOn(team: Platform, removals: Removals): Promise<void> {
  removals.switchOn();
  await team.project([]);
  await removals.untilProject("False CustomerManagedX509On");
}

/** A request while customer-managed X.509 is on, and something is wrong. */
function requested(trouble: (team: Platform, removals: Removals) => unknown, spec: object = {}): Reproduction {
  return platform(async (team, removals) => {
    await switchedOn(team, removals);
    await trouble(team, removals);
    return request(removals, spec);
  });
}

/** A request for a project that the operator can't use. */
function unusable(spec: object): Reproduction {
  return platform(async (team, removals) => {
    await team.project([], "production", spec);
    return request(removals);
  });
}

/** A request after Atlas has refused the project's own: the operator remembers that, and sends nothing. */
function afterProject(
  reason: "CredentialsRejected" | "RateLimited",
  trouble: (team: Platform) => unknown,
): Reproduction {
  return platform(async (team, removals) => {
    await trouble(team);
    await team.project([]);
    await removals.untilProject(`False ${reason}`);
    return request(removals);
  });
}

/** Atlas has been asked, its answer was lost, and customer-managed X.509 is still on. */
function asked(then: (team: Platform) => unknown): Reproduction {
  return platform(async (team, removals) => {
    await switchedOn(team, removals);
    loseAnswer(team);
    const object = await request(removals);
    await removals.until(object[1] ?? "", "Reconciling AnswerLost");
    await then(team);
    return object;
  });
}

const loseAnswer = ({ atlas }: Platform) =>
  atlas.faults.add({ operation: "disableCustomerManagedX509", effect: { kind: "reset" } });

export const REMOVAL_REASONS: Readonly<Record<RemovalReason, Reproduction>> = {
  Requested: requested(({ atlas }) => {
    atlas.faults.add({ operation: "disableCustomerManagedX509", effect: { kind: "delay", ms: 5000 } });
  }),
  AnswerLost: requested(loseAnswer),
  Removed: requested(() => {}),
  AlreadyOff: unusable({}),
  CertificateAuthoritiesDiffer: requested(() => {}, { certificateAuthorities: [`sha256:${"0".repeat(64)}`] }),
  Expired: requested(() => {}, { notAfter: new Date().toISOString() }),
  NotAfterTooLate: requested(() => {}, { notAfter: new Date(Date.now() + 25 * HOUR_MS).toISOString() }),
  NotConfirmed: asked(({ atlas }) => atlas.advanceClock(HOUR_MS)),
  CrdOutdated: requested(({ own }) => dropStatusField(own, "atlascustomerx509removals", "projectId")),
  ProjectChanged: asked((team) => team.project([], "production", { projectId: STAGING })),
  ProjectMissing: platform((_team, removals) => request(removals)),
  ProjectClaimedTwice: platform(async (team, removals) => {
    await team.project([], "production-eu");
    // The age of an object is in whole seconds.
    await aWhile(1100);
    await team.project([]);
    return request(removals);
  }),
  ProjectsUnverified: unverified(async (team, removals) => {
    await switchedOn(team, removals);
    return [];
  }, request),
  CredentialsMissing: unusable({ credentialsRef: { name: "atlas-prod" } }),
  CredentialsRejected: afterProject("CredentialsRejected", ({ atlas }) => atlas.rotateCredentials(OWNER)),
  RoleMissing: requested(({ atlas }) => {
    const effect = { kind: "status", status: 403, errorCode: "USER_UNAUTHORIZED" } as const;
    atlas.faults.add({ operation: "disableCustomerManagedX509", effect });
  }),
  IpNotOnAccessList: requested(({ atlas }) => atlas.setIpAccessAllowed(false)),
  ProjectNotFound: unusable({ projectId: "0123456789abcdef01234567" }),
  RequestRejected: requested(({ atlas }) => {
    atlas.faults.add({ operation: "getUserSecurity", times: "always", effect: { kind: "status", status: 400 } });
  }),
  RateLimited: afterProject("RateLimited", ({ atlas }) => {
    const effect = { kind: "rateLimited", retryAfter: "60" } as const;
    atlas.faults.add({ operation: "getUserSecurity", times: "always", effect });
  }),
  AtlasUnavailable: requested(({ atlas }) => {
    atlas.faults.add({ operation: "any", times: "always", effect: { kind: "reset" } });
  }),
};

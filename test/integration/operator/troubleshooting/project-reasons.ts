/** How each reason of an AtlasProjectX509 comes about. */
import type { projectSamples } from "../../../../deploy/generate/messages/project-samples.ts";
import { HOUR_MS, systemClock } from "../../../../src/clock.ts";
import type { Platform } from "../platform.ts";
import type { Removals } from "../removals.ts";
import { aWhile } from "../scene.ts";
import { platform, type Reproduction } from "./reproduction.ts";

/** All but the reason of a project that can be used. */
type ProjectReason = Exclude<keyof Awaited<ReturnType<typeof projectSamples>>, "Reachable">;

/** The owner of the simulated project, whose credentials the platform team uses. */
export const OWNER = "owner-service-account";

const OBJECT = ["apx", "production"] as const;

/** Something is wrong before the project is applied, or with its spec. */
function project(prepare: (platform: Platform, removals: Removals) => unknown, spec: object = {}): Reproduction {
  return platform(async (team, removals) => {
    await prepare(team, removals);
    await team.project([], "production", spec);
    return OBJECT;
  });
}

export const PROJECT_REASONS: Readonly<Record<ProjectReason, Reproduction>> = {
  CustomerManagedX509On: project((_team, removals) => removals.switchOn()),
  CredentialsMissing: project(() => {}, { credentialsRef: { name: "atlas-prod" } }),
  CredentialsRejected: project(({ atlas }) => atlas.rotateCredentials(OWNER)),
  RoleMissing: project(({ atlas }) => atlas.setRole(OWNER, "GROUP_READ_ONLY")),
  IpNotOnAccessList: project(({ atlas }) => atlas.setIpAccessAllowed(false)),
  ProjectNotFound: project(() => {}, { projectId: "0123456789abcdef01234567" }),
  ProjectClaimedTwice: project(async (team) => {
    await team.project([], "production-eu");
    // The age of an object is in whole seconds.
    await aWhile(1100);
  }),
  RequestRejected: project(({ atlas }) => {
    atlas.faults.add({ operation: "getUserSecurity", times: "always", effect: { kind: "status", status: 400 } });
  }),
  RateLimited: project(({ atlas }) => {
    atlas.faults.add({ operation: "any", times: "always", effect: { kind: "rateLimited", retryAfter: "60" } });
  }),
  AtlasUnavailable: project(({ atlas }) => {
    atlas.faults.add({ operation: "any", times: "always", effect: { kind: "reset" } });
  }),
  ProjectsUnverified: unverified(async (team, removals) => {
    // The operator soon looks again at a project that it can't use.
    await team.project([], "production", { credentialsRef: { name: "atlas-prod" } });
    await removals.untilProject("False CredentialsMissing");
    return OBJECT;
  }),
};

/** The watch of projects has been silent for longer than the operator trusts it. */
export function unverified(
  produce: (platform: Platform, removals: Removals) => Promise<readonly string[]>,
  afterwards: (removals: Removals) => Promise<readonly string[] | undefined> = async () => undefined,
): Reproduction {
  let silentMs = 0;
  const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + silentMs };
  return platform(
    async (team, removals) => {
      silentMs = 0;
      const object = await produce(team, removals);
      // The watch still has to show the status that was just written.
      await aWhile();
      silentMs = HOUR_MS;
      return (await afterwards(removals)) ?? object;
    },
    { operator: { clock, lease: undefined } },
  );
}

import { HOUR_MS } from "../../../src/clock.ts";
import type { Random } from "../engine/random.ts";
import type { Feature } from "./features.ts";

export interface Tenant {
  readonly namespace: string;
  readonly projectId: string;
  /** It has no credentials: an AtlasProjectX509, called like the project's ID, grants it the project's users. */
  readonly throughProject: boolean;
}

/** A resource that a tenant wants, whatever becomes of the object. */
export interface Member {
  readonly tenant: Tenant;
  readonly name: string;
  readonly username: string;
  readonly secretName: string;
  readonly months: number;
  readonly renewBeforePercentage: number | undefined;
  readonly deletionPolicy: "Retain" | "Delete";
  /** A keystore whose password never comes. */
  readonly wantsKeystore: boolean;
  readonly userSharedWithOtherClusters: boolean;
  /** When it is applied first, in milliseconds after the start. */
  readonly appliedAfterMs: number;
}

/** Who plays in a simulation. */
export interface Cast {
  readonly tenants: readonly Tenant[];
  readonly members: readonly Member[];
  /** The length of a month: certificates live for hours, so that two days see several renewals. */
  readonly monthMs: number;
  readonly replicas: number;
  /** How far each replica's clock is ahead. */
  readonly clocksAheadMs: readonly number[];
  readonly pageSize: number;
  /** How the operator is told to serve projects; undefined where it isn't. */
  readonly projects: { readonly allowOwnCredentials: boolean } | undefined;
}

const NAMESPACES = ["billing", "shop", "noisy"] as const;

export const NOISY = "noisy";

const CROWD = 14;

export function drawCast(random: Random, features: ReadonlySet<Feature>): Cast {
  const servesProjects = features.has("projects");
  const tenants = NAMESPACES.map((namespace, index) => ({
    namespace,
    projectId: `${index + 1}`.padStart(24, "0"),
    throughProject: servesProjects && random.chance(0.7),
  }));
  const members = tenants.flatMap((tenant) => drawMembers(tenant, random, features));
  const aheadMs = () => {
    if (features.has("bigClock")) return random.pick([-1, 1]) * random.magnitude(HOUR_MS, 40 * 24 * HOUR_MS);
    return features.has("clock") ? random.whole(-600_000, 600_000) : 0;
  };
  return {
    tenants,
    members,
    monthMs: random.pick([8, 12, 24]) * HOUR_MS,
    replicas: features.has("failover") ? 2 : 1,
    clocksAheadMs: [aheadMs(), aheadMs()],
    pageSize: random.pick([1, 3, 500]),
    projects: servesProjects ? { allowOwnCredentials: random.chance(0.8) } : undefined,
  };
}

function drawMembers(tenant: Tenant, random: Random, features: ReadonlySet<Feature>): readonly Member[] {
  const members: Member[] = [];
  // A crowd shares one user, and comes at once.
  const isCrowd = features.has("sharedUser") && random.chance(0.1);
  // The one that misbehaves has many, so that more certificates than may wait can be on their way.
  const most = features.has("noisy") && tenant.namespace === NOISY ? 7 : 3;
  for (let index = 1; index <= (isCrowd ? CROWD : random.whole(1, most)); index++) {
    const previous = members.at(-1);
    const name = `${tenant.namespace}-${index}`;
    const sharesUser = previous !== undefined && features.has("sharedUser") && (isCrowd || random.chance(0.6));
    const sharesSecret = previous !== undefined && features.has("sharedSecret") && random.chance(0.5);
    const appliedAfterMs = random.chance(0.7) ? random.whole(0, 60_000) : random.magnitude(60_000, 20 * HOUR_MS);
    const comesAlong = sharesUser && (isCrowd || random.chance(0.5));
    members.push({
      tenant,
      name,
      username: sharesUser ? previous.username : `user-${name}`,
      secretName: sharesSecret ? previous.secretName : `${name}-mongodb`,
      months: random.pick([1, 2, 3]),
      renewBeforePercentage: random.chance(0.3) ? random.whole(10, 90) : undefined,
      deletionPolicy: random.pick(["Retain", "Delete"]),
      wantsKeystore: index === 3,
      userSharedWithOtherClusters: features.has("otherCluster") && random.chance(0.3),
      appliedAfterMs: comesAlong ? previous.appliedAfterMs + random.whole(0, 50) : appliedAfterMs,
    });
  }
  return members;
}

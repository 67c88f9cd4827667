import { findCondition } from "../../api/conditions.ts";
import { SECRET_ANNOTATIONS } from "../../api/names.ts";
import type { UserCertificate } from "../../api/parse-user-certificate.ts";
import type { Issuance } from "../../api/user-certificate.ts";
import { objectKey } from "../../kube/resource-type.ts";
import type { Access, AtlasAccess } from "./atlas-access.ts";
import { atlasTrouble } from "./atlas-trouble.ts";
import type { CertificateCache } from "./caches.ts";
import { isSameUser } from "./facts.ts";
import type {
  ListedCertificate,
  Observed,
  ObservedAtlas,
  ObservedCredentials,
  ObservedSecret,
  Policy,
} from "./observed.ts";
import type { SecretInspector } from "./secret-inspector.ts";
import type { Urgency } from "./urgency.ts";

export interface ObserverOptions {
  readonly certificates: CertificateCache;
  readonly inspector: SecretInspector;
  readonly access: AtlasAccess;
  readonly policy: Policy;
}

/** An observation, with the way to Atlas that goes with it. */
export interface Observation {
  readonly observed: Observed;
  readonly access: Access;
}

/** Looks at the world for one resource. All reads are here; what they mean is decide()'s. */
export class Observer {
  readonly #options: ObserverOptions;

  constructor(options: ObserverOptions) {
    this.#options = options;
  }

  /** From the caches, which may lag behind: enough to see that nothing is to be done. */
  async fromCaches(
    resource: UserCertificate,
    recentRepairs: readonly number[],
    signal: AbortSignal,
  ): Promise<Observation> {
    const { inspector } = this.#options;
    const secret = await inspector.cached({ namespace: resource.namespace, name: resource.spec.secretName }, signal);
    const access = await this.#options.access.of(resource);
    return this.#observation(resource, { secret, access, atlas: { kind: "notAsked" }, recentRepairs });
  }

  /**
   * The Secret as the API server has it now, and Atlas' list: what a certificate may be issued upon. Where an attempt is
   * on record its certificate may be in a Secret that the caches have not seen, and would be taken for lost.
   */
  async live(
    resource: UserCertificate,
    recentRepairs: readonly number[],
    urgency: Urgency,
    signal: AbortSignal,
  ): Promise<Observation> {
    const { inspector } = this.#options;
    const ref = { namespace: resource.namespace, name: resource.spec.secretName };
    const isOnRecord = resource.status.issuance !== undefined;
    const secret = await (isOnRecord ? inspector.live(ref, signal) : inspector.current(ref, signal));
    const access = await this.#options.access.of(resource);
    const atlas = await askAtlas(resource, access, urgency, signal);
    return this.#observation(resource, { secret, access, atlas, recentRepairs });
  }

  /** Others are looked up last, after Atlas' answer: what this process recorded meanwhile is in the caches. */
  #observation(
    resource: UserCertificate,
    seen: Pick<Observed, "secret" | "atlas" | "recentRepairs"> & { readonly access: Access },
  ): Observation {
    const { access, ...rest } = seen;
    return {
      access,
      observed: {
        resource,
        ...rest,
        secretHolder: this.#secretHolder(resource, seen.secret),
        credentials: credentialsOf(access),
        ...this.#others(resource),
        policy: this.#options.policy,
      },
    };
  }

  /**
   * Whose the Secret is, if not this resource's: of the living ones that claim it, its holder; while there is none, who
   * is issuing into it, for that certificate can't be given back; else the oldest.
   */
  #secretHolder(resource: UserCertificate, secret: ObservedSecret): string | undefined {
    const name = objectKey({ namespace: resource.namespace, name: resource.spec.secretName });
    const claimants = this.#options.certificates.claimants(name).filter(({ deleting }) => !deleting);
    const holderUid =
      secret.kind === "managed" ? secret.metadata.annotations[SECRET_ANNOTATIONS.certificateUid] : undefined;
    const byRight = claimants.toSorted(byAge);
    const holder = byRight.find(({ uid }) => uid === holderUid) ?? byRight.find(isIssuing) ?? byRight[0];
    return holder === undefined || holder.uid === resource.uid ? undefined : holder.name;
  }

  #others(resource: UserCertificate): Pick<Observed, "serialsOfOthers" | "attemptsOfOthers"> {
    const others = this.#options.certificates.ofUser(resource.spec).filter(({ uid }) => uid !== resource.uid);
    const serials = others.flatMap(({ status }) => [
      status.serialNumber,
      ...(status.recentIssuances ?? []).map(({ serialNumber }) => serialNumber),
    ]);
    const attempts = others.flatMap((other) => attemptUnderWay(other) ?? []);
    return {
      serialsOfOthers: new Set(serials.filter((serial) => serial !== undefined)),
      // One of them may name another user by now, or have named another one when the attempt began.
      attemptsOfOthers: attempts.filter((one) => isSameUser(one, resource.spec)),
    };
  }
}

/** The attempt that a resource is making now. A record that only waits for a list is none: it may wait for ever. */
function attemptUnderWay({ status, deleting }: UserCertificate): Issuance | undefined {
  const issuing = findCondition(status, "Issuing");
  return issuing?.status === "True" && !deleting ? status.issuance : undefined;
}

/**
 * Whether an attempt into the Secret is on record. One whose Secret turned out to be another's only waits for a list, and
 * may wait for ever: it must not take the Secret when that one's is gone for a moment.
 */
function isIssuing({ status }: UserCertificate): boolean {
  const issuing = findCondition(status, "Issuing");
  return status.issuance !== undefined && issuing?.reason !== "SecretClaimedTwice";
}

/** The oldest first; the name decides between two that were made in the same second. */
function byAge(left: UserCertificate, right: UserCertificate): number {
  return left.creationTimestamp.localeCompare(right.creationTimestamp) || left.name.localeCompare(right.name);
}

function credentialsOf(access: Access): ObservedCredentials {
  switch (access.kind) {
    case "usable":
      return { kind: "usable", version: access.version };
    case "unnamed":
    case "unusable":
      return access;
    default:
      return access satisfies never;
  }
}

async function askAtlas(
  { spec }: UserCertificate,
  access: Access,
  urgency: Urgency,
  signal: AbortSignal,
): Promise<ObservedAtlas> {
  if (access.kind !== "usable") return { kind: "notAsked" };
  const certificates: ListedCertificate[] = [];
  try {
    const user = { groupId: spec.projectId, username: spec.username };
    for await (const certificate of access.api.iterateDatabaseUserCertificates(user, { signal, ...urgency })) {
      certificates.push({ serialNumber: certificate.serialNumber, notAfter: certificate.notAfter });
    }
  } catch (error: unknown) {
    return { kind: "refused", trouble: atlasTrouble(error, spec) };
  }
  return { kind: "listed", certificates };
}

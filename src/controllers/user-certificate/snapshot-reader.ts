import { findCondition } from "../../api/conditions.ts";
import { CREDENTIALS_LABEL, SECRET_ANNOTATIONS } from "../../api/names.ts";
import type { UserCertificate } from "../../api/parse-user-certificate.ts";
import { AtlasError } from "../../atlas/errors/atlas-error.ts";
import { objectKey } from "../../kube/resource-type.ts";
import type { Access, AtlasAccess } from "../access/atlas-access.ts";
import type { Announcer } from "./announce.ts";
import { atlasBlocker } from "./atlas/atlas-blocker.ts";
import type { AtlasClock } from "./atlas/atlas-clock.ts";
import { type Calendar, issueTime } from "./atlas/calendar.ts";
import type { DepartedHistories } from "./cluster/departed-histories.ts";
import type { Grants } from "./cluster/grants.ts";
import type { KeystorePasswords } from "./cluster/keystore-passwords.ts";
import type { ParkedCertificates } from "./cluster/parked-certificates.ts";
import type { CachedResource, ResourceCache, SecretCache } from "./cluster/resource-cache.ts";
import { type SecretInspector, secretOf } from "./cluster/secret-inspector.ts";
import { isOfUser } from "./core/decide/history.ts";
import { situationOf } from "./core/decide/situation.ts";
import type { Urgency } from "./core/decide/urgency.ts";
import type { Situation } from "./core/model/situation.ts";
import type {
  CredentialsState,
  ListState,
  OthersOfUser,
  PasswordState,
  Policy,
  SecretHolder,
  SecretState,
} from "./core/model/snapshot.ts";
import { isSameUser, type User } from "./core/model/user.ts";
import type { ResourceMemories } from "./resource-memory.ts";

export interface SnapshotReaderOptions {
  readonly resources: ResourceCache;
  readonly inspector: SecretInspector;
  readonly access: AtlasAccess;
  readonly passwords: Pick<KeystorePasswords, "observe">;
  readonly secrets: SecretCache;
  readonly grants: Grants;
  readonly parked: ParkedCertificates;
  readonly departed: DepartedHistories;
  readonly memories: ResourceMemories;
  readonly announcer: Pick<Announcer, "announceSkew">;
  readonly atlasClock: AtlasClock;
  readonly calendar: Calendar;
  readonly policy: Policy;
}

/** A snapshot with what follows from it, and the way to Atlas that goes with it. */
export interface Reading {
  readonly snapshot: Situation;
  readonly access: Access | Withheld;
}

/** Credentials that the resource may not use. */
interface Withheld {
  readonly kind: "withheld";
  readonly version: undefined;
}

/** The Secrets that the operator only reads. */
interface SecretsRead {
  readonly access: Reading["access"];
  readonly keystorePassword: PasswordState;
}

interface Lists {
  readonly atlas: ListState;
  readonly attempted: ListState;
}

/** How long Atlas may take to list the certificates of one user, in milliseconds: a project that hangs holds a place. */
const LIST_TIMEOUT_MS = 10_000;

const WITHHELD: Withheld = { kind: "withheld", version: undefined };

/** Only a Secret that says that it holds credentials may be named: the operator's namespace has others. */
const NOT_LABELLED: Access = {
  kind: "unusable",
  version: undefined,
  problem: `it does not exist, or lacks the label ${CREDENTIALS_LABEL}: "true".`,
};

const NOT_ASKED: ListState = { kind: "notAsked" };

/** One list tells Atlas' time; not all resources have to ask for it when a process starts. */
const ENOUGH_TO_MEASURE = 4;

/** Reads the world for one resource. All reads are here; what they mean is decide()'s. */
export class SnapshotReader {
  readonly #options: SnapshotReaderOptions;
  #listsUnderWay = 0;

  constructor(options: SnapshotReaderOptions) {
    this.#options = options;
  }

  /** From the caches, which may lag behind: enough to see that nothing has to be done. */
  async fromCaches(resource: UserCertificate, signal: AbortSignal): Promise<Reading> {
    const secret = await this.#options.inspector.cached(secretOf(resource), signal);
    const secretsRead = await this.#secretsRead(resource, signal);
    return this.#reading(resource, secret, secretsRead, { atlas: NOT_ASKED, attempted: NOT_ASKED });
  }

  /**
   * The Secret as the API server has it now, and Atlas' list: what a certificate may be issued upon. While an attempt is
   * on record its certificate may be in a Secret that the caches have not seen, and would be taken for lost.
   */
  async live(resource: UserCertificate, urgency: Urgency, signal: AbortSignal): Promise<Reading> {
    const { inspector } = this.#options;
    const isOnRecord = resource.status.issuance !== undefined;
    const secret = await (isOnRecord
      ? inspector.live(secretOf(resource), signal)
      : inspector.current(secretOf(resource), signal));
    const secretsRead = await this.#secretsRead(resource, signal);
    const { access } = secretsRead;
    const lists = await this.#lists(resource, access, urgency, signal);
    return this.#reading(resource, secret, secretsRead, lists);
  }

  async #secretsRead(resource: UserCertificate, signal: AbortSignal): Promise<SecretsRead> {
    return {
      access: await this.#access(resource),
      keystorePassword: await this.#options.passwords.observe(resource, signal),
    };
  }

  async #access(resource: UserCertificate): Promise<Access | Withheld> {
    const { access, grants, secrets } = this.#options;
    const ref = grants.credentials(resource, grants.observe(resource));
    if (ref === "withheld") return WITHHELD;
    const isOfProject = resource.spec.projectRef !== undefined;
    if (isOfProject && ref !== undefined && secrets.ofProjects.get(objectKey(ref)) === undefined) return NOT_LABELLED;
    return access.of(ref);
  }

  /** Other resources are read last, after Atlas' answer: what this process recorded meanwhile is in the caches. */
  #reading(resource: UserCertificate, secret: SecretState, secretsRead: SecretsRead, lists: Lists): Reading {
    const { access, keystorePassword } = secretsRead;
    const { atlasClock, memories, parked, policy } = this.#options;
    const { listedMs, repairs } = memories.of(resource);
    return {
      access,
      snapshot: situationOf({
        nowMs: atlasClock.now(),
        isClockMeasured: atlasClock.isMeasured || this.#listsUnderWay >= ENOUGH_TO_MEASURE,
        resource,
        secret,
        secretHolder: this.#secretHolder(resource, secret),
        project: this.#options.grants.observe(resource),
        credentials: credentialsOf(access),
        keystorePassword,
        ...lists,
        listedMs,
        others: this.#others(resource),
        parked: parked.view(resource),
        parkedCounts: { inNamespace: parked.refusedIn(resource.namespace), inTotal: parked.refused.length },
        recentRepairs: repairs,
        policy,
      }),
    };
  }

  /** The list of the spec's user; and that of the open attempt's, if that is another one. */
  async #lists(
    resource: UserCertificate,
    access: Reading["access"],
    urgency: Urgency,
    signal: AbortSignal,
  ): Promise<Lists> {
    const { spec, status } = resource;
    this.#listsUnderWay += 1;
    const atlas = await this.#list(resource, spec, access, urgency, signal).finally(() => (this.#listsUnderWay -= 1));
    if (atlas.kind === "listed") this.#options.memories.of(resource).listedMs = this.#options.atlasClock.now();
    const { issuance } = status;
    if (issuance === undefined || isSameUser(issuance, spec)) return { atlas, attempted: atlas };
    return { atlas, attempted: await this.#list(resource, issuance, access, urgency, signal) };
  }

  async #list(
    resource: UserCertificate,
    { projectId, username }: User,
    access: Reading["access"],
    urgency: Urgency,
    signal: AbortSignal,
  ): Promise<ListState> {
    if (access.kind !== "usable" || projectId === undefined) return NOT_ASKED;
    const askedMs = this.#options.atlasClock.toLocal(this.#options.atlasClock.now());
    try {
      const user = { groupId: projectId, username };
      const options = { signal, timeoutMs: LIST_TIMEOUT_MS, ...urgency };
      const { certificates, answeredAt } = await access.api.listAllDatabaseUserCertificates(user, options);
      this.#measure(resource, answeredAt, askedMs);
      const { calendar } = this.#options;
      const dated = certificates.map((one) => ({ ...one, createdAt: issueTime(one.createdAt, answeredAt, calendar) }));
      return { kind: "listed", certificates: dated };
    } catch (error: unknown) {
      if (error instanceof AtlasError) this.#measure(resource, error.answeredAt, askedMs);
      return { kind: "refused", blocker: atlasBlocker(error, resource.spec) };
    }
  }

  #measure(resource: UserCertificate, answeredAt: Date | undefined, askedMs: number): void {
    const { announcer, atlasClock } = this.#options;
    const skewMs = atlasClock.measure(answeredAt, askedMs);
    if (skewMs !== undefined) announcer.announceSkew(resource, skewMs);
  }

  /**
   * The owner of the Secret, if not this resource: 1. the living resource that it was issued for, even if that one names
   * another Secret by now; 2. a claimant with an attempt on record, whose certificate cannot be returned; 3. the oldest
   * claimant.
   */
  #secretHolder(resource: UserCertificate, secret: SecretState): SecretHolder | undefined {
    const { resources } = this.#options;
    const { namespace, spec } = resource;
    const holder = secret.kind === "managed" ? this.#issuedFor(namespace, secret.metadata.annotations) : undefined;
    if (holder !== undefined && holder.uid !== resource.uid) {
      const isMoved = holder.valid && holder.spec.secretName !== spec.secretName;
      return { name: holder.name, ...(isMoved && { movedTo: holder.spec.secretName }) };
    }
    if (holder !== undefined) return undefined;
    const claimants = resources.claimants(objectKey({ namespace, name: spec.secretName }));
    const byRight = claimants.filter(({ deleting }) => !deleting).toSorted(byAge);
    const first = byRight.find(isIssuing) ?? byRight[0];
    return first === undefined || first.uid === resource.uid ? undefined : { name: first.name };
  }

  #issuedFor(namespace: string, annotations: Readonly<Record<string, string>>): CachedResource | undefined {
    const { certificateName, certificateUid } = SECRET_ANNOTATIONS;
    const holder = this.#options.resources.get(objectKey({ namespace, name: annotations[certificateName] ?? "" }));
    return holder?.uid === annotations[certificateUid] && !holder?.deleting ? holder : undefined;
  }

  #others({ spec, status, uid }: UserCertificate): OthersOfUser {
    const { departed, resources } = this.#options;
    const { issuance } = status;
    const gone = departed.of(spec);
    const ofUser = (user: User) => resources.ofUser(user).filter((other) => other.uid !== uid);
    const all = ofUser(spec);
    const same = all.filter((other) => isSameUser(other.spec, spec) && !other.deleting);
    const explaining = issuance === undefined || isSameUser(issuance, spec) ? all : [...all, ...ofUser(issuance)];
    return {
      count: same.length,
      // One may name another user by now, or have named another one when its attempt began.
      issuances: [
        ...all.flatMap((other) => other.status.recentIssuances ?? []),
        ...gone.flatMap((one) => one.issuances),
      ].filter((entry) => isOfUser(entry, spec)),
      attempts: [...all.flatMap((other) => openAttempt(other) ?? []), ...gone.flatMap((one) => one.attempts)].filter(
        (attempt) => isSameUser(attempt, spec),
      ),
      unconfirmed: gone.flatMap((one) => one.unconfirmed ?? []),
      explained: new Set(explaining.flatMap(explainedSerials)),
    };
  }
}

function openAttempt({ status, deleting }: UserCertificate) {
  return deleting ? undefined : status.issuance;
}

function explainedSerials({ status }: UserCertificate): readonly string[] {
  const { issuance, recentIssuances = [], serialNumber } = status;
  const held = recentIssuances.filter(({ lost }) => lost === undefined).map((entry) => entry.serialNumber);
  return [serialNumber, issuance?.parked?.serialNumber, ...held].filter((serial) => serial !== undefined);
}

/**
 * Whether an attempt into the Secret is on record. One whose Secret turned out to be another's only waits for a list, and
 * may wait forever: it must not take the Secret when that one's is gone for a moment.
 */
function isIssuing({ status }: UserCertificate): boolean {
  return status.issuance !== undefined && findCondition(status, "Issuing")?.reason !== "SecretClaimedTwice";
}

/** The oldest first; the name decides between two that were made in the same second. */
function byAge(left: UserCertificate, right: UserCertificate): number {
  return left.creationTimestamp.localeCompare(right.creationTimestamp) || left.name.localeCompare(right.name);
}

function credentialsOf(access: Reading["access"]): CredentialsState {
  return access.kind === "usable" ? { kind: "usable", version: access.version } : access;
}

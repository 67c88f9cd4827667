import { SECRET_ANNOTATIONS } from "../../api/names.ts";
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
import type { ResourceCache } from "./cluster/resource-cache.ts";
import { type SecretInspector, secretOf } from "./cluster/secret-inspector.ts";
import { othersOfUser } from "./core/decide/others-of-user.ts";
import { secretHolder } from "./core/decide/secret-holder.ts";
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
  readonly grants: Grants;
  readonly parked: ParkedCertificates;
  readonly departed: DepartedHistories;
  readonly memories: ResourceMemories;
  readonly announcer: Pick<Announcer, "announceSkew">;
  readonly atlasClock: AtlasClock;
  readonly calendar: Calendar;
  readonly policy: Policy;
}

/** A situation, and the way to Atlas that goes with it. */
export interface Reading {
  readonly situation: Situation;
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

const NOT_ASKED: ListState = { kind: "notAsked" };

/** How many resources ask for Atlas' time at once when a process starts. One list tells it; the others are spare. */
const ENOUGH_TO_MEASURE = 4;

/** Reads the world for one resource. All reads are here; what they mean is decide()'s. */
export class SnapshotReader {
  readonly #options: SnapshotReaderOptions;
  /** Live readings under way. Each brings Atlas' time if Atlas answers, whatever it answers. */
  #liveReadings = 0;

  constructor(options: SnapshotReaderOptions) {
    this.#options = options;
  }

  /** Whether enough live readings are under way for one of them to bring Atlas' time. */
  get isTimeAsked(): boolean {
    return this.#liveReadings >= ENOUGH_TO_MEASURE;
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
    this.#liveReadings += 1;
    return this.#live(resource, urgency, signal).finally(() => (this.#liveReadings -= 1));
  }

  async #live(resource: UserCertificate, urgency: Urgency, signal: AbortSignal): Promise<Reading> {
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
    const { access, grants } = this.#options;
    const ref = grants.credentials(resource, grants.observe(resource));
    if (ref === "withheld") return WITHHELD;
    return ref !== undefined && resource.spec.projectRef !== undefined ? access.ofProject(ref) : access.of(ref);
  }

  /** Other resources are read last, after Atlas' answer: what this process recorded meanwhile is in the caches. */
  #reading(resource: UserCertificate, secret: SecretState, secretsRead: SecretsRead, lists: Lists): Reading {
    const { access, keystorePassword } = secretsRead;
    const { atlasClock, memories, parked, policy } = this.#options;
    const { listedMs, repairs } = memories.of(resource);
    return {
      access,
      situation: situationOf({
        nowMs: atlasClock.now(),
        isClockMeasured: atlasClock.isMeasured,
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
    const atlas = await this.#list(resource, spec, access, urgency, signal);
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

  #secretHolder(resource: UserCertificate, secret: SecretState): SecretHolder | undefined {
    const { resources } = this.#options;
    const { namespace, spec } = resource;
    const name =
      secret.kind === "managed" ? secret.metadata.annotations[SECRET_ANNOTATIONS.certificateName] : undefined;
    return secretHolder(resource, {
      secret,
      annotated: name === undefined ? undefined : resources.get(objectKey({ namespace, name })),
      claimants: resources.claimants(objectKey({ namespace, name: spec.secretName })),
    });
  }

  #others(resource: UserCertificate): OthersOfUser {
    const { departed, resources } = this.#options;
    return othersOfUser(resource, { ofUser: (user) => resources.ofUser(user), departed: departed.of(resource.spec) });
  }
}

function credentialsOf(access: Reading["access"]): CredentialsState {
  return access.kind === "usable" ? { kind: "usable", version: access.version } : access;
}

import type { MarkOption } from "../../api/condition-states.ts";
import type { UserCertificate } from "../../api/parse-user-certificate.ts";
import type { AtlasCredentials } from "../../atlas/authentication/credentials.ts";
import type { Clock } from "../../clock.ts";
import type { StoreEvent } from "../../kube/cache/store.ts";
import type { EventRecorder } from "../../kube/events/event-recorder.ts";
import type { KubeApi } from "../../kube/kube-api.ts";
import type { Log } from "../../kube/log.ts";
import { AtlasAccess } from "../access/atlas-access.ts";
import type { AtlasApi } from "../access/atlas-api.ts";
import { CredentialsGate } from "../access/credentials-gate.ts";
import { Announcer } from "./announce.ts";
import { AtlasClock } from "./atlas/atlas-clock.ts";
import { type Calendar, calendarOf } from "./atlas/calendar.ts";
import { DepartedHistories } from "./cluster/departed-histories.ts";
import { Grants, type ProjectServing } from "./cluster/grants.ts";
import { KeystorePasswords } from "./cluster/keystore-passwords.ts";
import { liveResources } from "./cluster/live-resource.ts";
import { ParkedCertificates } from "./cluster/parked-certificates.ts";
import type { ProjectCache } from "./cluster/project-cache.ts";
import type { CachedResource, ResourceCache, SecretCache } from "./cluster/resource-cache.ts";
import { SecretInspector } from "./cluster/secret-inspector.ts";
import { SecretPreflight } from "./cluster/secret-preflight.ts";
import { SecretWriter } from "./cluster/secret-writer.ts";
import { StatusWriter } from "./cluster/status-writer.ts";
import type { Policy, ProjectState, SecretIdentity } from "./core/model/snapshot.ts";
import type { Assessment } from "./core/status/assessment.ts";
import { HandOver } from "./hand-over.ts";
import { Issuer, type IssueStep } from "./issue.ts";
import { IssuingTurns } from "./issuing-turns.ts";
import { Reconciler } from "./reconciler.ts";
import { ResourceMemories } from "./resource-memory.ts";
import { Restarter } from "./restart.ts";
import { SnapshotReader } from "./snapshot-reader.ts";

/** Tells a process about its reconciles. Only onStep may throw. */
export interface ReconcileObserver {
  /** Before each step of issuing: tests stop the process there. */
  onStep?(step: IssueStep, resource: UserCertificate): void | Promise<void>;
  /** After each reconcile, when its status is written or could not be. */
  onReconciled?(assessment: Assessment): void;
  /** For each certificate whose private key is proven lost. */
  onOrphan?(): void;
  /** For each certificate that no resource explains. */
  onUnaccounted?(): void;
  /** For each restart of a workload, and each time that one was not possible. */
  onRestart?(result: "restarted" | "failed"): void;
}

export interface AssemblyOptions extends MarkOption {
  readonly kube: Pick<KubeApi, "get" | "create" | "mergePatch">;
  readonly resources: ResourceCache;
  readonly secrets: SecretCache;
  /** Makes an Atlas client for one set of credentials. */
  readonly connect: (credentials: AtlasCredentials) => AtlasApi;
  readonly events: Pick<EventRecorder, "record">;
  readonly policy: Policy;
  readonly projects: ProjectCache;
  /** How AtlasProjectX509s are served. @default they are not */
  readonly serving?: ProjectServing | undefined;
  /** Whether a namespace may use Atlas credentials of its own. */
  readonly allowOwnCredentials: boolean;
  /** Name of this process. */
  readonly identity: string;
  /** Gives the check of one attempt; see IssuerOptions. */
  readonly leadership: () => () => void;
  /** Makes the identifier of an attempt. */
  readonly newId: () => string;
  /** Makes a resource (`namespace/name`) due. */
  readonly wake: (key: string) => void;
  /** Called when times that reconciles asked for no longer hold, since the clock turned out to be wrong. */
  readonly onClockMoved?: (() => void) | undefined;
  /** Called with a change of someone else if the response to a write shows it first. They must not throw. */
  readonly onForeignResource: (event: StoreEvent<CachedResource>) => void;
  readonly onForeignSecret: (event: StoreEvent<SecretIdentity>) => void;
  readonly observer?: ReconcileObserver | undefined;
  /** Length of Atlas' months. @default the calendar's */
  readonly calendar?: Calendar | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

/** The parts that reconcile, over the caches of one process. */
export interface Assembly {
  readonly reconciler: Reconciler;
  readonly inspector: SecretInspector;
  readonly access: AtlasAccess;
  readonly passwords: KeystorePasswords;
  readonly statuses: StatusWriter;
  readonly announcer: Announcer;
  readonly parked: ParkedCertificates;
  readonly atlasClock: AtlasClock;
  readonly handOver: HandOver;
}

/** Puts the parts together: the only place, for production and for tests. */
export function assemble(options: AssemblyOptions): Assembly {
  const { kube, resources, secrets: cache, policy, identity, leadership, newId, mark, clock, random, log } = options;
  const { calendar = calendarOf(), observer = {}, onForeignResource, onForeignSecret } = options;
  const parked = new ParkedCertificates();
  const departed = new DepartedHistories(clock);
  const memories = new ResourceMemories();
  const atlasClock = new AtlasClock(clock, options.onClockMoved);
  const inspector = new SecretInspector({ kube, cache });
  const access = new AtlasAccess({
    ...{ kube, secrets: cache, labelled: cache.ofProjects, connect: options.connect },
    gate: new CredentialsGate({ recheckIntervalMs: policy.recheckIntervalMs, clock }),
  });
  const passwords = new KeystorePasswords({ kube, secrets: cache });
  const { allowOwnCredentials, projects, serving } = options;
  const grants = new Grants({ projects, resources, serving, allowOwnCredentials });
  const live = liveResources(kube);
  const secrets = new SecretWriter({
    kube,
    inspector,
    cache,
    passwords,
    live,
    onForeignChange: onForeignSecret,
  });
  const preflight = new SecretPreflight({ kube, inspector, live, clock });
  const statuses = new StatusWriter({ kube, cache: resources, onForeignChange: onForeignResource, mark });
  const announcer = new Announcer({
    ...{ events: options.events, memories },
    onOrphan: () => observer.onOrphan?.(),
    onUnaccounted: () => observer.onUnaccounted?.(),
    log,
  });
  const issuer = new Issuer({
    ...{
      preflight,
      secrets,
      statuses,
      announcer,
      parked,
      memories,
      identity,
      leadership,
      newId,
      atlasClock,
      calendar,
      random,
    },
    isAllowed: (resource) => isAllowed(grants.observe(resource)),
    onStep: (step, resource) => observer.onStep?.(step, resource),
  });
  const reconciler = new Reconciler({
    ...{ resources, issuer, secrets, statuses, announcer, parked, departed, memories, atlasClock },
    ...{ clock, random, log },
    reader: new SnapshotReader({
      ...{
        resources,
        inspector,
        access,
        passwords,
        parked,
        departed,
        memories,
        announcer,
        atlasClock,
        calendar,
        policy,
      },
      grants,
    }),
    restarter: new Restarter({
      ...{ kube, resources, memories, atlasClock, log, isEnabled: policy.restartsWorkloads },
      onRestart: (result) => observer.onRestart?.(result),
    }),
    turns: new IssuingTurns({ wake: options.wake, parkedIn: (namespace) => parked.refusedIn(namespace) }),
    onReconciled: (assessment) => observer.onReconciled?.(assessment),
  });
  const handOver = new HandOver({ parked, inspector, issuer, statuses, live, atlasClock, identity, clock, log });
  return { reconciler, inspector, access, passwords, statuses, announcer, parked, atlasClock, handOver };
}

function isAllowed(project: ProjectState): boolean {
  return project.kind === "own" || (project.kind === "granted" && !project.isTaken);
}

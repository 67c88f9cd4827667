import { MANAGED_LABEL, RENEW_REQUEST_ANNOTATION } from "../../../api/names.ts";
import { parseUserCertificate, type UserCertificate } from "../../../api/parse-user-certificate.ts";
import {
  USER_CERTIFICATE,
  type UserCertificateSpec,
  type UserCertificateStatus,
} from "../../../api/user-certificate.ts";
import { SECRETS, type Secret } from "../../../kube/core-types.ts";
import type { EventReport } from "../../../kube/event-object.ts";
import type { KubeApi } from "../../../kube/kube-api.ts";
import { type KubeObject, type ObjectRef, objectKey } from "../../../kube/resource-type.ts";
import type { Store, Stored } from "../../../kube/store.ts";
import type { Outcome as QueueOutcome } from "../../../kube/work-queue.ts";
import { ManualClock } from "../../../testing/manual-clock.ts";
import { assemble } from "../assembly.ts";
import type { AtlasApi } from "../atlas/atlas-access.ts";
import type { ParkedCertificates } from "../cluster/parked-certificates.ts";
import { ResourceCache, SecretCache } from "../cluster/resource-cache.ts";
import { secretMetadata } from "../cluster/secret-metadata.ts";
import type { Policy } from "../core/model/snapshot.ts";
import type { Assessment } from "../core/status/assessment.ts";
import type { HandOver } from "../hand-over.ts";
import type { IssueStep } from "../issue.ts";
import type { Reconciler } from "../reconciler.ts";
import { MemoryAtlas } from "./memory-atlas.ts";
import { MemoryCluster } from "./memory-cluster.ts";
import { NOW, POLICY, PROJECT } from "./snapshots.ts";

export const NAMESPACE = "shop";
export const SECRET = { namespace: NAMESPACE, name: "orders-api-mongodb" };
export const CREDENTIALS = { namespace: NAMESPACE, name: "atlas-api" };
const base64 = (text: string) => Buffer.from(text).toString("base64");

/** The operator's parts over one API server and one Atlas: what dies with a process, and nothing else. */
export interface Process {
  readonly reconciler: Reconciler;
  readonly resources: ResourceCache;
  readonly secrets: SecretCache;
  readonly parked: ParkedCertificates;
  readonly handOver: HandOver;
  /** What each reconcile came to. */
  readonly assessments: Assessment[];
}

export interface ProcessOptions {
  readonly kube?: Pick<KubeApi, "get" | "create" | "mergePatch">;
  readonly atlas?: AtlasApi;
  readonly onStep?: (step: IssueStep, resource: UserCertificate) => void | Promise<void>;
  readonly assertLeading?: () => void;
  readonly defaultCredentials?: ObjectRef;
  readonly identity?: string;
  readonly mark?: string;
}

/** An API server, an Atlas, and operators that start and stop over them. Time moves only where a test moves it. */
export class Scene {
  /** The waits of a write that is tried again pass at once. */
  readonly clock = new ManualClock({ startAt: NOW, skipUpToMs: 20_000 });
  readonly cluster = new MemoryCluster();
  readonly atlas = new MemoryAtlas(this.clock);
  readonly events: EventReport[] = [];
  readonly logged: string[] = [];
  /** Keys of objects that others changed, if the answer of an own write showed it first. */
  readonly foreignChanges: string[] = [];
  /** Keys of resources that waited for their turn and were made due. */
  readonly woken: string[] = [];
  /** Orphaned certificates that were announced. */
  orphansFound = 0;
  /** Unaccounted-for certificates that were announced. */
  unaccountedFound = 0;
  policy: Policy = POLICY;
  /** While true, the caches of the processes see no change. */
  lagging = false;
  readonly #processes = new Set<Process>();

  constructor() {
    this.cluster.onChange = (what, object) => {
      if (!this.lagging) for (const process of this.#processes) see(process, what, object);
    };
    this.cluster.put(SECRETS, {
      metadata: CREDENTIALS,
      data: { clientId: base64("mdb_sa_id_1"), clientSecret: base64("mdb_sa_sk_1") },
    });
  }

  /** Starts a process with caches that are synced. */
  start(options: ProcessOptions = {}): Process {
    const { clock, cluster, events, logged } = this;
    const kube = options.kube ?? cluster;
    const log = (fields: object, message: string) => void logged.push(`${message} ${JSON.stringify(fields)}`);
    const logs = { debug: log, info: log, warn: log, error: log };
    const { defaultCredentials, identity = "pod-1", mark } = options;
    const resources = new ResourceCache(defaultCredentials);
    const secrets = new SecretCache();
    const assessments: Assessment[] = [];
    const onForeignChange = ({ key }: { readonly key: string }) => void this.foreignChanges.push(key);
    let attempts = 0;
    const assembly = assemble({
      ...{ kube, resources, secrets, defaultCredentials, identity, mark, clock, policy: this.policy, log: logs },
      connect: () => options.atlas ?? this.atlas,
      events: { record: (event) => void events.push(event) },
      leadership: () => options.assertLeading ?? (() => {}),
      newId: () => `attempt-${++attempts}`,
      wake: (key) => void this.woken.push(key),
      onForeignResource: onForeignChange,
      onForeignSecret: onForeignChange,
      observer: {
        onStep: (step, resource) => options.onStep?.(step, resource),
        onReconciled: (assessment) => void assessments.push(assessment),
        onOrphan: () => void this.orphansFound++,
        onUnaccounted: () => void this.unaccountedFound++,
      },
      random: () => 0.5,
    });
    const process: Process = { ...assembly, resources, secrets, assessments };
    for (const [what, object] of cluster.all()) see(process, what, object);
    // They have seen a whole list: the answers of own writes count from here on.
    for (const store of [resources.store, secrets.labelled, secrets.others]) store.advance("", "1");
    this.#processes.add(process);
    return process;
  }

  /** Its caches see nothing any more. */
  stop(process: Process): void {
    this.#processes.delete(process);
  }

  /** Applies a resource as kubectl would: its status stays. */
  apply(
    spec: Partial<UserCertificateSpec> = {},
    options: { readonly name?: string; readonly renewRequest?: string; readonly uid?: string } = {},
  ): void {
    const name = options.name ?? "orders-api";
    const status = this.cluster.peek(USER_CERTIFICATE, { namespace: NAMESPACE, name });
    const resource = {
      metadata: {
        namespace: NAMESPACE,
        name,
        ...(options.uid !== undefined && { uid: options.uid }),
        ...(options.renewRequest !== undefined && {
          annotations: { [RENEW_REQUEST_ANNOTATION]: options.renewRequest },
        }),
      },
      spec: {
        projectId: PROJECT,
        credentialsRef: { name: CREDENTIALS.name },
        username: "orders-api",
        secretName: SECRET.name,
        ...spec,
      },
      ...(status !== undefined && { status: Reflect.get(status, "status") }),
    };
    this.cluster.put(USER_CERTIFICATE, resource);
  }

  resource(name = "orders-api"): UserCertificate {
    const parsed = parseUserCertificate(this.cluster.peek(USER_CERTIFICATE, { namespace: NAMESPACE, name }));
    if (!parsed.valid) throw new Error(parsed.problem);
    return parsed;
  }

  status(name = "orders-api"): UserCertificateStatus {
    return this.resource(name).status;
  }

  ready(name = "orders-api"): string {
    const ready = this.status(name).conditions?.find(({ type }) => type === "Ready");
    return `${ready?.status} ${ready?.reason}`;
  }

  secret(ref = SECRET): Secret | undefined {
    return this.cluster.peek(SECRETS, ref);
  }

  /** Changes the Secret as somebody else would. */
  changeSecret(change: (secret: Secret) => Secret, manager = "kubectl"): void {
    const secret = this.secret();
    if (secret === undefined) throw new Error("there is no Secret to change");
    this.cluster.put(SECRETS, change(secret), manager);
  }

  /**
   * Reconciles as the queue does, as often as a look is due within the next two seconds; moves the clock to each.
   *
   * @returns what the last look said
   */
  async settle(process: Process, name = "orders-api"): Promise<QueueOutcome> {
    const key = objectKey({ namespace: NAMESPACE, name });
    for (let look = 0; look < 20; look++) {
      const outcome = await process.reconciler.reconcile(key, new AbortController().signal);
      if (outcome.kind === "done" || outcome.at > this.clock.now() + 2000) return outcome;
      this.clock.advanceNow(Math.max(0, outcome.at - this.clock.now()));
    }
    throw new Error("it never settles");
  }
}

/** What a watch would tell the caches. */
function see({ resources, secrets }: Process, what: string, object: KubeObject | undefined): void {
  const [type, key = ""] = what.split(" ");
  if (type !== "secrets") {
    if (object === undefined) lose(resources.store, key);
    else resources.store.observe(parseUserCertificate(object));
    return;
  }
  const metadata = object && secretMetadata(object);
  const isLabelled = object?.metadata.labels?.[MANAGED_LABEL] === "true";
  if (metadata === undefined || !isLabelled) lose(secrets.labelled, key);
  if (metadata === undefined || isLabelled) lose(secrets.others, key);
  if (metadata !== undefined) (isLabelled ? secrets.labelled : secrets.others).observe(metadata);
}

function lose<T extends Stored>(store: Store<T>, key: string): void {
  const gone = store.get(key);
  if (gone !== undefined) store.remove(gone);
}

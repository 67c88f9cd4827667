import { X509Certificate } from "node:crypto";
import type { Condition, ConditionType } from "../../../api/conditions.ts";
import { CREDENTIALS_LABEL, RENEW_REQUEST_ANNOTATION } from "../../../api/names.ts";
import { parseUserCertificate, type UserCertificate } from "../../../api/parse-user-certificate.ts";
import { PROJECT_X509, type ProjectX509Spec } from "../../../api/project-x509.ts";
import { USER_CERTIFICATE, type UserCertificateSpec } from "../../../api/user-certificate.ts";
import type { UserCertificateStatus } from "../../../api/user-certificate-status.ts";
import { SECRETS, type Secret } from "../../../kube/core-types.ts";
import type { EventReport } from "../../../kube/events/event-object.ts";
import type { Outcome as QueueOutcome } from "../../../kube/queue/work-queue.ts";
import { objectKey } from "../../../kube/resource-type.ts";
import { ManualClock } from "../../../testing/manual-clock.ts";
import { randomNumbers } from "../../../testing/random-numbers.ts";
import type { AtlasApi, CertificateApi } from "../../access/atlas-api.ts";
import { assemble } from "../assembly.ts";
import { ProjectCache } from "../cluster/project-cache.ts";
import { ResourceCache, SecretCache } from "../cluster/resource-cache.ts";
import type { Policy } from "../core/model/snapshot.ts";
import type { Assessment } from "../core/status/assessment.ts";
import { MemoryAtlas } from "./memory-atlas.ts";
import { MemoryCluster } from "./memory-cluster.ts";
import { OPERATOR_NAMESPACE, type Process, type ProcessOptions, see } from "./process.ts";
import { type RunOptions, runQueue } from "./run-queue.ts";
import { NOW, POLICY, PROJECT } from "./snapshots.ts";

export const NAMESPACE = "shop";
export const SECRET = { namespace: NAMESPACE, name: "orders-api-mongodb" };
export const CREDENTIALS = { namespace: NAMESPACE, name: "atlas-api" };
const base64 = (text: string) => Buffer.from(text).toString("base64");

/** An API server, an Atlas, and operators that start and stop over them. Time moves only where a test moves it. */
export class Scene {
  /** Not a whole second, which is all that the API server keeps. */
  readonly clock = new ManualClock({ startAt: NOW + 437 });
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
  /** Watches that have told nothing for too long. */
  outdated: readonly ("projects" | "namespaces")[] = [];
  /** While true, the caches of the processes see no change. */
  lagging = false;
  readonly #processes = new Set<Process>();
  readonly #random = randomNumbers(20300111);
  #attempts = 0;

  constructor() {
    this.cluster.now = () => this.clock.now();
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
    const { allowOwnCredentials = true, identity = "pod-1", mark, servesProjects = true } = options;
    const projects = new ProjectCache();
    const resources = new ResourceCache(projects);
    const secrets = new SecretCache();
    const assessments: Assessment[] = [];
    const onForeignChange = ({ key }: { readonly key: string }) => void this.foreignChanges.push(key);
    const assembly = assemble({
      ...{ kube, resources, secrets, projects, identity, mark, clock, policy: this.policy, log: logs },
      serving: servesProjects
        ? { namespace: OPERATOR_NAMESPACE, isCurrent: (what) => !this.outdated.includes(what) }
        : undefined,
      allowOwnCredentials,
      connect: () => this.#connect(options.atlas ?? this.atlas),
      events: { record: (event) => void events.push(event) },
      leadership: () => options.assertLeading ?? (() => {}),
      newId: () => `attempt-${++this.#attempts}`,
      wake: (key) => void this.woken.push(key),
      onForeignResource: onForeignChange,
      onForeignSecret: onForeignChange,
      observer: {
        onStep: (step, resource) => options.onStep?.(step, resource),
        onReconciled: (assessment) => void assessments.push(assessment),
        onOrphan: () => void this.orphansFound++,
        onUnaccounted: () => void this.unaccountedFound++,
      },
      random: this.#random,
    });
    const process: Process = { ...assembly, resources, secrets, projects, assessments };
    for (const [what, object] of cluster.all()) see(process, what, object);
    // They have seen a whole list: the answers of own writes count from here on.
    for (const store of [resources.store, secrets.labelled, secrets.others]) store.advance("", "1");
    this.#processes.add(process);
    return process;
  }

  /** Calls that concern a whole project go to this scene's own Atlas. */
  #connect(certificates: CertificateApi): AtlasApi {
    return {
      createDatabaseUserCertificate: (...call) => certificates.createDatabaseUserCertificate(...call),
      listAllDatabaseUserCertificates: (...call) => certificates.listAllDatabaseUserCertificates(...call),
      getUserSecurity: (parameters) => this.atlas.getUserSecurity(parameters),
      disableCustomerManagedX509: (...call) => this.atlas.disableCustomerManagedX509(...call),
    };
  }

  /** Its caches see nothing any more. */
  stop(process: Process): void {
    this.#processes.delete(process);
  }

  /** Applies a resource as kubectl would: its status stays. */
  apply(
    spec: Partial<UserCertificateSpec> = {},
    options: {
      readonly name?: string;
      readonly namespace?: string;
      readonly renewRequest?: string;
      readonly uid?: string;
    } = {},
  ): void {
    const { name = "orders-api", namespace = NAMESPACE } = options;
    const status = this.cluster.peek(USER_CERTIFICATE, { namespace, name });
    const resource = {
      metadata: {
        namespace,
        name,
        ...(options.uid !== undefined && { uid: options.uid }),
        ...(options.renewRequest !== undefined && {
          annotations: { [RENEW_REQUEST_ANNOTATION]: options.renewRequest },
        }),
      },
      spec: {
        ...(spec.projectRef === undefined && { projectId: PROJECT, credentialsRef: { name: CREDENTIALS.name } }),
        username: "orders-api",
        secretName: SECRET.name,
        ...spec,
      },
      ...(status !== undefined && { status: Reflect.get(status, "status") }),
    };
    this.cluster.put(USER_CERTIFICATE, resource);
  }

  /** Applies an AtlasProjectX509, with its credentials in the operator's namespace. */
  applyProject(spec: Partial<ProjectX509Spec> = {}, name = "production"): void {
    const credentials = `atlas-${name}`;
    this.cluster.put(SECRETS, {
      metadata: { namespace: OPERATOR_NAMESPACE, name: credentials, labels: { [CREDENTIALS_LABEL]: "true" } },
      data: { clientId: base64("mdb_sa_id_2"), clientSecret: base64("mdb_sa_sk_2") },
    });
    const project = {
      metadata: { name },
      spec: { projectId: PROJECT, credentialsRef: { name: credentials }, ...spec },
    };
    this.cluster.put(PROJECT_X509, project);
  }

  /** Deletes a resource that a foreign finalizer holds. */
  markDeleting(name = "orders-api"): void {
    const { cluster } = this;
    const found = cluster.peek(USER_CERTIFICATE, { namespace: NAMESPACE, name });
    const deletionTimestamp = "2030-01-01T00:00:00Z";
    cluster.put(USER_CERTIFICATE, { ...found, metadata: { ...found?.metadata, name, deletionTimestamp } });
  }

  /** Replaces the status as a restored backup does. */
  putStatus(status: UserCertificateStatus, name = "orders-api"): void {
    const found = this.cluster.peek(USER_CERTIFICATE, { namespace: NAMESPACE, name });
    if (found === undefined) throw new Error(`there is no resource ${name}`);
    this.cluster.put(USER_CERTIFICATE, Object.assign({}, found, { status }));
  }

  /** @param name in the namespace of the scene, or `namespace/name` */
  resource(name = "orders-api"): UserCertificate {
    const parsed = parseUserCertificate(this.cluster.peek(USER_CERTIFICATE, refOf(name)));
    if (!parsed.valid) throw new Error(parsed.problem);
    return parsed;
  }

  status(name = "orders-api"): UserCertificateStatus {
    return this.resource(name).status;
  }

  condition(type: ConditionType, name = "orders-api"): Condition {
    const condition = this.status(name).conditions?.find((one) => one.type === type);
    if (condition === undefined) throw new Error(`${name} has no condition ${type}`);
    return condition;
  }

  ready(name = "orders-api"): string {
    const { status, reason } = this.condition("Ready", name);
    return `${status} ${reason}`;
  }

  stalled(name = "orders-api"): string {
    const { status, reason } = this.condition("Stalled", name);
    return `${status} ${reason}`;
  }

  /** Reasons of the Events, in order. */
  reasons(): readonly string[] {
    return this.events.map(({ reason }) => reason);
  }

  /** Events that say that a certificate is orphaned. */
  orphanEvents(): readonly EventReport[] {
    return this.events.filter(({ reason }) => reason === "CertificateOrphaned");
  }

  secret(ref = SECRET): Secret | undefined {
    return this.cluster.peek(SECRETS, ref);
  }

  /** Serial number of the certificate in a Secret, from its bytes. */
  serialIn(ref = SECRET): string | undefined {
    const pem = this.secret(ref)?.data?.["tls.crt"];
    if (pem === undefined) return undefined;
    return BigInt(`0x${new X509Certificate(Buffer.from(pem, "base64")).serialNumber}`).toString();
  }

  /** Changes the Secret as someone else would. */
  changeSecret(change: (secret: Secret) => Secret, manager = "kubectl"): void {
    const secret = this.secret();
    if (secret === undefined) throw new Error("there is no Secret to change");
    this.cluster.put(SECRETS, change(secret), manager);
  }

  /** Reconciles once. */
  reconcile(process: Process, name = "orders-api", signal = new AbortController().signal): Promise<QueueOutcome> {
    return process.reconciler.reconcile(objectKey(refOf(name)), signal);
  }

  /**
   * Reconciles as the queue does, as often as that is due within the next two seconds; moves the clock to each time.
   *
   * @returns the outcome of the last reconcile
   */
  async settle(process: Process, name = "orders-api"): Promise<QueueOutcome> {
    for (let count = 0; count < 20; count++) {
      const outcome = await this.reconcile(process, name);
      if (outcome.kind === "done" || outcome.at > this.clock.now() + 2000) return outcome;
      this.clock.advanceNow(Math.max(0, outcome.at - this.clock.now()));
    }
    throw new Error("it never settles");
  }

  /** Works as the queue does for a time: each resource whenever it is due, was woken, or something happened. */
  run(process: Process, options: RunOptions): Promise<void> {
    const { clock, woken } = this;
    return runQueue({ clock, woken, reconcile: (name) => this.reconcile(process, name) }, options);
  }
}

function refOf(name: string): { readonly namespace: string; readonly name: string } {
  const [first = "", second] = name.split("/");
  return second === undefined ? { namespace: NAMESPACE, name: first } : { namespace: first, name: second };
}

/** A scene whose resource has its certificate. */
export async function issuedScene(
  spec: Partial<UserCertificateSpec> = {},
  options: ProcessOptions = {},
): Promise<{ readonly scene: Scene; readonly process: Process }> {
  const scene = new Scene();
  scene.apply(spec);
  const process = scene.start(options);
  await scene.settle(process);
  scene.events.length = 0;
  scene.cluster.calls.length = 0;
  return { scene, process };
}

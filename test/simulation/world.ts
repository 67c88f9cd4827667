import { CREDENTIALS_LABEL } from "../../src/api/names.ts";
import type { AtlasCredentials } from "../../src/atlas/authentication/credentials.ts";
import { SECRETS } from "../../src/kube/core-types.ts";
import { objectKey } from "../../src/kube/resource-type.ts";
import { Atlas } from "./atlas/atlas.ts";
import { AtlasClient, type AtlasObserver } from "./atlas/atlas-client.ts";
import { ApiServer } from "./cluster/api-server.ts";
import { APP, DEPLOYMENTS, PROJECTS, type ProjectObject, RESOURCES } from "./cluster/kinds.ts";
import { SimulatedKube } from "./cluster/kube-client.ts";
import { Watches } from "./cluster/watches.ts";
import { Machine } from "./engine/machine.ts";
import { Network } from "./engine/network.ts";
import type { Random } from "./engine/random.ts";
import type { Scheduler } from "./engine/scheduler.ts";
import { FIELD_MANAGER, OPERATOR_NAMESPACE, OperatorProcess } from "./operator/operator-process.ts";
import { restartUuids } from "./operator/quick-crypto.ts";
import type { Cast, Member, Tenant } from "./plan/cast.ts";
import { Weather } from "./plan/weather.ts";
import type { Story } from "./story.ts";

/** One replica of the operator: a process, and after its end the next one in its place. */
export interface Replica {
  readonly index: number;
  lives: number;
  machine: Machine;
  operator: OperatorProcess;
}

export interface WorldOptions {
  readonly cast: Cast;
  readonly random: Random;
  readonly scheduler: Scheduler;
  readonly story: Story;
}

/** Who watches the processes. */
export interface Audience {
  readonly atlas: AtlasObserver;
  /** Told of the errors that the operator logs. */
  readonly logged: (error: unknown, message: string) => void;
  readonly died: (machine: Machine) => void;
}

/** Everything around the operator, and its processes. */
export class World {
  readonly cast: Cast;
  readonly scheduler: Scheduler;
  readonly server: ApiServer;
  readonly watches: Watches;
  readonly atlas: Atlas;
  readonly network: Network;
  readonly weather: Weather;
  readonly story: Story;
  readonly replicas: Replica[] = [];
  readonly #random: Random;
  /** The members that this run has. */
  readonly #present = new Set<Member>();

  constructor(options: WorldOptions) {
    restartUuids();
    const { cast, scheduler, random, story } = options;
    this.cast = cast;
    this.scheduler = scheduler;
    this.story = story;
    this.#random = random;
    this.server = new ApiServer(() => scheduler.now);
    this.watches = new Watches(this.server, scheduler, random.fork("watches"));
    this.atlas = new Atlas(() => scheduler.now, cast.monthMs);
    this.network = new Network(scheduler, random.fork("network"));
    this.weather = new Weather(random.fork("weather"));
    this.network.interceptor = this.weather;
    this.server.observers.push(({ before, after, type }) => {
      const owner = type.startsWith("atlasuser") && after === undefined ? before?.metadata.uid : undefined;
      if (owner !== undefined) scheduler.after(random.whole(1000, 20_000), () => this.#collectGarbage(owner));
    });
    scheduler.isQuiet = () => this.#areLeasesQuiet();
  }

  /** Starts the operator, and lets the tenants come: all of them, or some. */
  begin(members: ReadonlySet<number> | undefined, audience: Audience): void {
    const { cast, scheduler } = this;
    for (const tenant of cast.tenants) this.#prepare(tenant);
    for (const [index, member] of cast.members.entries()) {
      if (members?.has(index) === false) continue;
      this.#present.add(member);
      this.atlas.addUser(member.tenant.projectId, member.username);
      scheduler.after(member.appliedAfterMs, () => this.apply(member));
    }
    for (let index = 0; index < cast.replicas; index++) this.#boot(index, 0, audience);
  }

  get hasLeader(): boolean {
    return this.replicas.some(({ machine, operator }) => machine.isAlive && !machine.isFrozen && operator.isLeading);
  }

  /** As `kubectl apply` does: made where it is missing. */
  apply(member: Member): void {
    if (!this.#present.has(member)) return;
    const { tenant, name, username, secretName, months, renewBeforePercentage, wantsKeystore } = member;
    const { deletionPolicy, userSharedWithOtherClusters } = member;
    const ref = { namespace: tenant.namespace, name };
    const way = tenant.throughProject
      ? { projectRef: { name: tenant.projectId } }
      : { projectId: tenant.projectId, credentialsRef: { name: "atlas-api" } };
    const spec = {
      ...way,
      ...{ username, secretName, monthsUntilExpiration: months, deletionPolicy, userSharedWithOtherClusters },
      rolloutRestart: [APP],
      suspend: false,
      ...(renewBeforePercentage !== undefined && { renewBeforePercentage }),
      ...(wantsKeystore && { keystores: { pkcs12: { passwordSecretRef: { name: "nowhere", key: "password" } } } }),
    };
    if (this.server.find(RESOURCES, ref) !== undefined) {
      this.server.patch(RESOURCES, ref, { spec }, { by: "kubectl" });
      return;
    }
    this.story.tell(() => `user: applies AtlasUserCertificate ${name} (${username} into ${secretName})`);
    this.server.create(RESOURCES, { metadata: ref, spec }, { by: "kubectl" });
  }

  setCredentials(tenant: Tenant, secret: string): void {
    const ref = credentialsOf(tenant);
    const data = { clientId: base64("mdb_sa_id_0123456789"), clientSecret: base64(secret) };
    if (this.server.find(SECRETS, ref) === undefined) {
      const metadata = { ...ref, labels: { [CREDENTIALS_LABEL]: "true" } };
      this.server.create(SECRETS, { metadata, type: "Opaque", data }, { by: "kubectl" });
    } else {
      this.server.patch(SECRETS, ref, { data }, { by: "kubectl" });
    }
    this.story.tell(
      () => `user: puts credentials ${secret} of project ${tenant.projectId} into Secret ${objectKey(ref)}`,
    );
  }

  #prepare(tenant: Tenant): void {
    const secret = `mdb_sa_sk_${tenant.namespace}_1`;
    this.atlas.project(tenant.projectId).credentials.add(secret);
    this.setCredentials(tenant, secret);
    if (tenant.throughProject) this.grant(tenant);
    const metadata = { namespace: tenant.namespace, name: APP.name };
    this.server.create(DEPLOYMENTS, { metadata, spec: { template: {} } }, { by: "kubectl" });
  }

  /** Puts the project's grants back: all tenants that use projects may have its users, one each. */
  grant(tenant: Tenant): void {
    const namespaces = this.cast.tenants.filter((one) => one.throughProject).map(({ namespace }) => namespace);
    this.#setGrants(tenant, [{ namespaces, usernames: ["*"], everybody: true, shared: false, maxMonths: 3 }]);
  }

  withdraw(tenant: Tenant): void {
    this.#setGrants(tenant, []);
  }

  #setGrants(tenant: Tenant, grants: ProjectObject["spec"]["grants"]): void {
    const ref = { name: tenant.projectId };
    const spec = { projectId: tenant.projectId, credentialsRef: { name: credentialsOf(tenant).name }, grants };
    if (this.server.find(PROJECTS, ref) !== undefined) {
      this.server.patch(PROJECTS, ref, { spec }, { by: "kubectl" });
    } else {
      this.server.create(PROJECTS, { metadata: ref, spec }, { by: "kubectl" });
    }
  }

  #boot(index: number, afterMs: number, audience: Audience): void {
    this.scheduler.after(afterMs, () => {
      const lives = (this.replicas[index]?.lives ?? 0) + 1;
      const machine = new Machine(`operator-${index}-${lives}`, this.scheduler, this.cast.clocksAheadMs[index] ?? 0);
      machine.onDeath = () => {
        this.watches.forget(machine);
        audience.died(machine);
        this.#boot(index, this.#random.magnitude(1000, 60_000), audience);
      };
      const { server, watches, network, scheduler, atlas } = this;
      const { atlas: observer, logged } = audience;
      const random = this.#random.fork(machine.name);
      const operator = new OperatorProcess({
        machine,
        kube: new SimulatedKube({
          ...{ machine, server, watches, network },
          fieldManager: FIELD_MANAGER,
          pageSize: this.cast.pageSize,
        }),
        connect: (credentials: AtlasCredentials) =>
          new AtlasClient({ machine, atlas, network, scheduler, observer }, credentials),
        monthMs: this.cast.monthMs,
        hasLease: this.cast.replicas > 1,
        projects: this.cast.projects,
        random: () => random.next(),
        log: {
          debug: () => {},
          info: (_fields, message) => this.story.tell(() => `${machine.name}: ${message}`),
          warn: (fields, message) => this.story.tell(() => `${machine.name}: ${message}${causeOf(fields)}`),
          error: (fields, message) => {
            this.story.tell(() => `${machine.name}: ERROR ${message}${causeOf(fields)}`);
            logged(Reflect.get(fields, "err"), message);
          },
        },
        onExit: (reason, error) => {
          this.story.tell(() => `${machine.name}: ends (${reason}${error === undefined ? "" : `: ${error}`})`);
          if (reason === "failed") logged(error, "the process failed");
          machine.kill();
        },
      });
      this.replicas[index] = { index, lives, machine, operator };
      this.story.tell(() => `${machine.name}: starts`);
      operator.start();
    });
  }

  #collectGarbage(ownerUid: string): void {
    const living = new Set(this.server.all(RESOURCES).map(({ metadata }) => metadata.uid));
    for (const { metadata } of this.server.all(SECRETS)) {
      const owners = (metadata.ownerReferences ?? []).map(({ uid }) => uid);
      if (!owners.includes(ownerUid) || owners.some((uid) => living.has(uid))) continue;
      this.server.delete(SECRETS, metadata, "garbage-collector");
    }
  }

  /** One leads and nobody else believes to, and the lease is renewed without a hitch: its time may stand still. */
  #areLeasesQuiet(): boolean {
    if (this.cast.replicas === 1) return true;
    if (this.network.leaseCalls > 0 || this.weather.shakesLeases || !this.hasLeader) return false;
    return this.replicas.filter(({ machine, operator }) => machine.isAlive && operator.isWorking).length === 1;
  }
}

/** The Secret with the credentials that a tenant's resources are served with. */
export function credentialsOf({ namespace, projectId, throughProject }: Tenant) {
  return throughProject
    ? { namespace: OPERATOR_NAMESPACE, name: `atlas-${projectId}` }
    : { namespace, name: "atlas-api" };
}

function causeOf(fields: object): string {
  const error: unknown = Reflect.get(fields, "err");
  return error instanceof Error ? `: ${error.message}` : "";
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}

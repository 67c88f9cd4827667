import { beforeEach, expect, onTestFinished, test } from "vitest";
import { findCondition } from "../../api/conditions.ts";
import { CREDENTIALS_LABEL } from "../../api/names.ts";
import { PROJECT_X509 } from "../../api/project-x509.ts";
import { USER_CERTIFICATE } from "../../api/user-certificate.ts";
import { NAMESPACES, SECRETS } from "../../kube/core-types.ts";
import type { ListOptions, ListPage, WatchEvent, WatchOptions } from "../../kube/kube-api.ts";
import { silentLog } from "../../kube/log.ts";
import type { KubeObject, ResourceType } from "../../kube/resource-type.ts";
import { ManualClock } from "../../testing/manual-clock.ts";
import { settle, until } from "../../testing/settle.ts";
import { UserCertificateController } from "./controller.ts";
import { MemoryAtlas } from "./testing/memory-atlas.ts";
import { kubeError } from "./testing/memory-cluster.ts";
import { NOW, POLICY, PROJECT } from "./testing/snapshots.ts";
import { WatchedCluster } from "./testing/watched-cluster.ts";

/** The changes that make resources due that obtain certificates through an AtlasProjectX509. */

class Cluster extends WatchedCluster {
  readonly listed: string[] = [];
  /** Plural of the kind whose watches fail. */
  silent: string | undefined;

  override list<T extends KubeObject, R = T>(
    type: ResourceType<T>,
    options: ListOptions<T, R> = {},
  ): AsyncIterable<ListPage<R>> {
    this.listed.push(type.plural);
    if (type.plural === this.silent) throw kubeError("Unavailable");
    return super.list(type, options);
  }

  override async *watch<T extends KubeObject>(
    type: ResourceType<T>,
    options: WatchOptions,
  ): AsyncIterable<WatchEvent<T>> {
    if (type.plural === this.silent) throw kubeError("Unavailable");
    for await (const event of super.watch(type, options)) {
      if (type.plural === this.silent) throw kubeError("Unavailable");
      yield event;
    }
  }
}

const ORDERS = { namespaces: ["shop", "other"], usernames: ["*"], everybody: true };

let clock: ManualClock;
let cluster: Cluster;
let atlas: MemoryAtlas;
let controller: UserCertificateController;

beforeEach(() => {
  clock = new ManualClock({ startAt: NOW });
  cluster = new Cluster();
  cluster.now = () => clock.now();
  atlas = new MemoryAtlas(clock);
  cluster.put(SECRETS, {
    metadata: { namespace: "operators", name: "atlas", labels: { [CREDENTIALS_LABEL]: "true" } },
    data: { clientId: btoa("mdb_sa_id_1"), clientSecret: btoa("mdb_sa_sk_1") },
  });
  for (const name of ["shop", "other"]) cluster.put(NAMESPACES, { metadata: { name, labels: { team: name } } });
  controller = new UserCertificateController({
    kube: cluster,
    connect: () => atlas,
    events: { record: () => {} },
    policy: POLICY,
    projects: { namespace: "operators" },
    workers: 4,
    leadership: () => () => {},
    identity: "pod-1",
    clock,
    random: () => 0.5,
    log: silentLog,
  });
  const stop = new AbortController();
  void controller.watch(stop.signal);
  void controller.work(stop.signal);
  onTestFinished(() => stop.abort());
});

function grant(...grants: readonly object[]): void {
  const spec = { projectId: PROJECT, credentialsRef: { name: "atlas" }, grants };
  const project = { metadata: { name: "production" }, spec };
  cluster.put(PROJECT_X509, project);
}

function apply(namespace: string, username = "orders-api", name = username): void {
  const spec = { projectRef: { name: "production" }, username, secretName: `${name}-mongodb` };
  const resource = { metadata: { namespace, name }, spec };
  cluster.put(USER_CERTIFICATE, resource);
}

function reason(namespace: string, name = "orders-api"): string | undefined {
  const status = Reflect.get(Object(cluster.peek(USER_CERTIFICATE, { namespace, name })), "status");
  return findCondition(Object(status), "Ready")?.reason;
}

const untilReason = (wanted: string, namespace: string, name?: string) =>
  until(() => reason(namespace, name) === wanted, `${namespace} is ${wanted}`);

async function untilAllIsSeen(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await settle();
}

test("a grant that comes, goes and comes back is acted upon at once", async () => {
  apply("shop");
  await untilReason("NotGranted", "shop");
  grant(ORDERS);
  await untilReason("Issued", "shop");
  grant();
  await untilReason("NotGranted", "shop");
  grant(ORDERS);
  await untilReason("Issued", "shop");
  expect(atlas.creates).toBe(1);
});

test("resources that customer-managed X.509 keeps waiting go on at once when they are told that it is off", async () => {
  grant(ORDERS);
  atlas.createFault = () => ({ refuse: "customerManagedOn" });
  apply("shop");
  await untilReason("CustomerManagedX509On", "shop");
  atlas.createFault = () => undefined;
  const project = cluster.peek(PROJECT_X509, { name: "production" });
  const customerManagedX509 = { enabled: false, observedAt: new Date(clock.now()).toISOString() };
  const switchedOff = { ...project, metadata: { name: "production" }, status: { customerManagedX509 } };
  cluster.put(PROJECT_X509, switchedOff);
  await untilAllIsSeen();
  controller.shared?.wakeResources("production");
  await untilReason("Issued", "shop");
});

test("credentials that are replaced are seen at once", async () => {
  const ref = { namespace: "operators", name: "atlas" };
  const secret = cluster.peek(SECRETS, ref);
  cluster.remove(SECRETS, ref);
  grant(ORDERS);
  apply("shop");
  await untilReason("CredentialsMissing", "shop");
  cluster.put(SECRETS, { ...secret, metadata: { ...ref, labels: { [CREDENTIALS_LABEL]: "true" } } });
  await untilReason("Issued", "shop");
});

test("a user that is given up goes to the namespace that waits for it", async () => {
  grant(ORDERS);
  apply("shop");
  await untilReason("Issued", "shop");
  apply("other");
  await untilReason("UsernameTaken", "other");
  cluster.remove(USER_CERTIFICATE, { namespace: "shop", name: "orders-api" });
  await untilReason("Issued", "other");
});

test("a place that is given up goes to the next resource of the namespace", async () => {
  grant({ ...ORDERS, maxResources: 1 });
  apply("shop");
  await untilReason("Issued", "shop");
  clock.advanceNow(1000);
  apply("shop", "billing");
  await untilReason("NotGranted", "shop", "billing");
  cluster.remove(USER_CERTIFICATE, { namespace: "shop", name: "orders-api" });
  await untilReason("Issued", "shop", "billing");
});

test("namespaces are read only once a grant selects them by labels, and their changes count at once", async () => {
  grant(ORDERS);
  apply("shop");
  await untilReason("Issued", "shop");
  expect(cluster.listed).not.toContain("namespaces");
  grant({ namespaceSelector: { matchLabels: { team: "shop" } }, usernames: ["orders-*"] });
  await until(() => cluster.listed.includes("namespaces"), "namespaces are listed");
  await untilReason("Issued", "shop");
  cluster.put(NAMESPACES, { metadata: { name: "shop", labels: { team: "x" } } });
  await untilReason("NotGranted", "shop");
});

test("after two minutes without a word about projects nothing is issued, until they are heard of again", async () => {
  grant(ORDERS);
  apply("shop");
  await untilReason("Issued", "shop");
  cluster.silent = PROJECT_X509.plural;
  // Its next word ends the watch, and no other one comes.
  grant(ORDERS);
  await untilAllIsSeen();
  await clock.advance(119_000);
  apply("other", "billing");
  await untilReason("Issued", "other", "billing");
  await clock.advance(2000);
  apply("other", "reports");
  await untilReason("GrantsUnverified", "other", "reports");
  expect(reason("shop")).toBe("Issued");
  expect(atlas.creates).toBe(2);
  cluster.silent = undefined;
  await clock.advance(60_000);
  await untilReason("Issued", "other", "reports");
});

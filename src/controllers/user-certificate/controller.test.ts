import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { USER_CERTIFICATE } from "../../api/user-certificate.ts";
import type { UserCertificateStatus } from "../../api/user-certificate-status.ts";
import { SECRETS } from "../../kube/core-types.ts";
import { silentLog } from "../../kube/log.ts";
import { ManualClock } from "../../testing/manual-clock.ts";
import { settle, until } from "../../testing/settle.ts";
import type { AtlasApi } from "../access/atlas-api.ts";
import { type ControllerObserver, UserCertificateController } from "./controller.ts";
import { MemoryAtlas } from "./testing/memory-atlas.ts";
import { kubeError } from "./testing/memory-cluster.ts";
import { CREDENTIALS, NAMESPACE, SECRET } from "./testing/scene.ts";
import { NOW, POLICY, PROJECT } from "./testing/snapshots.ts";
import { WatchedCluster } from "./testing/watched-cluster.ts";

const data = { clientId: btoa("mdb_sa_id_1"), clientSecret: btoa("mdb_sa_sk_1") };

let clock: ManualClock;
let cluster: WatchedCluster;
let controller: UserCertificateController;
let reconciles: number;
/** Runs before each step of issuing. */
let beforeStep: ControllerObserver["onStep"];
/** The fault of each create at Atlas. */
let createFault: MemoryAtlas["createFault"];
/** The Atlas clients that were made, as far as anyone still holds them. */
let connections: WeakRef<AtlasApi>[];

beforeEach(() => {
  clock = new ManualClock({ startAt: NOW });
  cluster = new WatchedCluster();
  cluster.put(SECRETS, { metadata: CREDENTIALS, data });
  connections = [];
  reconciles = 0;
  beforeStep = undefined;
  createFault = () => undefined;
  controller = start({ workers: 2 });
});

/** A controller whose caches follow the cluster until the test ends. */
function start({ workers }: { readonly workers: number }): UserCertificateController {
  const started = new UserCertificateController({
    kube: cluster,
    connect: () => {
      const atlas = new MemoryAtlas(clock);
      atlas.createFault = (create) => createFault(create);
      connections.push(new WeakRef(atlas));
      return atlas;
    },
    events: { record: () => {} },
    policy: POLICY,
    workers,
    leadership: () => () => {},
    identity: "pod-1",
    observer: {
      onReconciled: () => void reconciles++,
      onStep: (step, resource) => beforeStep?.(step, resource),
    },
    clock,
    random: () => 0.5,
    log: silentLog,
  });
  const stop = new AbortController();
  void started.watch(stop.signal);
  onTestFinished(() => stop.abort());
  return started;
}

function apply(name: string, secretName = `${name}-mongodb`, username = name): void {
  const credentialsRef = { name: CREDENTIALS.name };
  const spec = { projectId: PROJECT, credentialsRef, username, secretName };
  const resource = { metadata: { namespace: NAMESPACE, name }, spec };
  cluster.put(USER_CERTIFICATE, resource);
}

/** Lets the controller work until the test's end, or until the function that it gives is called. */
function work(): () => void {
  const stop = new AbortController();
  void controller.work(stop.signal);
  onTestFinished(() => stop.abort());
  return () => stop.abort();
}

const secretOf = (name: string) => cluster.peek(SECRETS, { namespace: NAMESPACE, name: `${name}-mongodb` });

/** Keys are made in threads: that takes real time. */
async function untilIssued(...names: readonly string[]): Promise<void> {
  await until(() => names.every((name) => secretOf(name) !== undefined), `${names} are issued`);
  await untilAllIsSeen();
}

/** Until the caches have seen what is stored, and the queue rests. */
async function untilAllIsSeen(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await settle();
}

test("a resource gets the Secret that another left behind as soon as that one is deleted", async () => {
  work();
  apply("orders-api");
  await untilIssued("orders-api");
  const ref = { namespace: NAMESPACE, name: "orders-api" };
  const resource = cluster.peek(USER_CERTIFICATE, ref);
  const spec = { ...Object(Reflect.get(Object(resource), "spec")), secretName: "elsewhere" };
  cluster.put(USER_CERTIFICATE, Object.assign({}, resource, { metadata: { ...ref, ...resource?.metadata }, spec }));
  await until(() => cluster.peek(SECRETS, { namespace: NAMESPACE, name: "elsewhere" }) !== undefined, "moved");
  await untilAllIsSeen();
  apply("billing", "orders-api-mongodb");
  await untilAllIsSeen();
  expect(readyOf("billing")).toBe("SecretClaimedTwice");
  cluster.remove(USER_CERTIFICATE, ref);
  await until(() => readyOf("billing") === "Issued", "billing is issued");
});

describe("a replica that does not work", () => {
  test("keeps no keys of what changes, nor of what is gone", async () => {
    apply("orders-api");
    await untilAllIsSeen();
    apply("billing");
    cluster.remove(USER_CERTIFICATE, { namespace: NAMESPACE, name: "orders-api" });
    cluster.put(SECRETS, { metadata: CREDENTIALS, data: {} });
    await untilAllIsSeen();
    expect([...controller.resources()].map(({ name }) => name)).toEqual(["billing"]);
    expect([controller.queue.depth, controller.queue.delayed]).toEqual([0, 0]);
  });

  test("reconciles every resource once it works, and what changes from then on", async () => {
    apply("orders-api");
    await untilAllIsSeen();
    work();
    await untilIssued("orders-api");
    apply("billing");
    await untilIssued("billing");
  });

  test("reconciles what the first lists bring if it works before they are there", async () => {
    apply("orders-api");
    work();
    await untilIssued("orders-api");
  });

  test("keeps no keys after its work has ended, and misses nothing that came meanwhile", async () => {
    apply("orders-api");
    const stop = work();
    await untilIssued("orders-api");
    expect(controller.queue.delayed).toBe(1);
    stop();
    apply("billing");
    cluster.remove(SECRETS, SECRET);
    await untilAllIsSeen();
    expect([controller.queue.depth, controller.queue.delayed]).toEqual([0, 0]);
    expect([secretOf("billing"), secretOf("orders-api")]).toEqual([undefined, undefined]);
    work();
    await untilIssued("billing", "orders-api");
  });
});

function statusOf(name: string): UserCertificateStatus {
  const resource = cluster.peek(USER_CERTIFICATE, { namespace: NAMESPACE, name });
  return Object(Reflect.get(resource ?? {}, "status"));
}

const readyOf = (name: string) => statusOf(name).conditions?.find(({ type }) => type === "Ready")?.reason;

test("two that wait for one Secret, each with an attempt on record, do not wake each other on and on", async () => {
  createFault = () => "answerLost";
  beforeStep = async (step, { name }) => {
    if (name !== "orders-api" || step !== "record") return;
    apply("alpha", SECRET.name);
    await until(() => statusOf("alpha").issuance !== undefined, "the older one is on record");
  };
  apply("orders-api");
  work();
  await until(() => readyOf("alpha") === "AnswerLost" && readyOf("orders-api") !== undefined, "both have issued");
  // Keys are made in threads: the last reconcile of each may still come.
  const seen: number[] = [];
  for (let pause = 0; pause < 10 && seen.at(-1) !== reconciles; pause++) {
    seen.push(reconciles);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await untilAllIsSeen();
  }
  expect(reconciles, seen.join()).toBe(seen.at(-1));
});

test("a resource that waits for a Secret that another issues into is reconciled when that attempt fails", async () => {
  createFault = () => ({ refuse: "userNotFound" });
  beforeStep = async (step, { name }) => {
    if (name !== "orders-api" || step !== "create") return;
    // The older one, by its name, comes, and waits for a change.
    apply("alpha", SECRET.name);
    await until(() => readyOf("alpha") === "SecretClaimedTwice", "the older one waits");
  };
  // The answer of an own write comes before the watch's word of it, which then is no news.
  const tell = cluster.onChange;
  cluster.onChange = (what, object) => void settle().then(() => tell(what, object));
  apply("orders-api");
  work();
  await until(() => readyOf("alpha") === "UserNotFound", "the older one has had its turn");
});

describe("a certificate that cannot be stored", () => {
  const refuseWrites = () => {
    cluster.fault = ({ verb, what, dryRun }) =>
      what.startsWith("secrets") && verb === "create" && !dryRun ? kubeError("Forbidden") : undefined;
  };

  async function parked(): Promise<() => void> {
    refuseWrites();
    apply("orders-api");
    const stop = work();
    await until(() => controller.parked === 1, "its certificate is parked");
    await untilAllIsSeen();
    return stop;
  }

  test("holds no place in the queue while it is parked, and is stored when its next try is due", async () => {
    await parked();
    expect([controller.queue.atWork, controller.queue.delayed]).toEqual([0, 1]);
    cluster.fault = () => undefined;
    await clock.advance(2000);
    await untilIssued("orders-api");
    expect([controller.parked, readyOf("orders-api")]).toEqual([0, "Issued"]);
  });

  test("is announced to the successor before the work ends, and stored after that", async () => {
    const stop = new AbortController();
    refuseWrites();
    apply("orders-api");
    const working = controller.work(stop.signal);
    await until(() => controller.parked === 1, "its certificate is parked");
    await untilAllIsSeen();
    stop.abort();
    await working;
    expect(statusOf("orders-api").issuance?.parked).toMatchObject({ pod: "pod-1", until: "2030-01-11T00:02:30Z" });
    const stored = controller.storeParked(new AbortController().signal);
    await clock.advance(10_000);
    cluster.fault = () => undefined;
    await clock.advance(3000);
    await stored;
    expect([controller.parked, secretOf("orders-api") !== undefined]).toEqual([0, true]);
  });

  test("is dropped when its resource is deleted", async () => {
    await parked();
    cluster.remove(USER_CERTIFICATE, { namespace: NAMESPACE, name: "orders-api" });
    await untilAllIsSeen();
    expect(controller.parked).toBe(0);
  });
});

test("resources of one user that wait for their turn are reconciled when it ends, without waiting for a timer", async () => {
  for (const name of ["one", "two", "three"]) apply(name, `${name}-mongodb`, "orders-api");
  work();
  await untilIssued("one", "two", "three");
});

describe("while reading their credentials takes forever, the resources", () => {
  /** Applies ten resources in each of some projects. Gives how many reconciles run. */
  async function atWork(namespaces: number, projects: number): Promise<number> {
    controller = start({ workers: 128 });
    await controller.synced();
    await settle();
    cluster.get = () => new Promise(() => {});
    for (let namespace = 0; namespace < namespaces; namespace++) {
      const metadata = { namespace: `team-${namespace}`, name: "atlas-api" };
      cluster.put(SECRETS, { metadata, data });
      for (let number = 0; number < 10 * projects; number++) {
        const name = `app-${number}`;
        const projectId = (number % projects).toString(16).padStart(24, "0");
        const spec = { projectId, credentialsRef: { name: "atlas-api" }, username: name, secretName: name };
        const resource = { metadata: { ...metadata, name }, spec };
        cluster.put(USER_CERTIFICATE, resource);
      }
    }
    work();
    await until(() => controller.queue.depth + controller.queue.atWork === 10 * namespaces * projects, "all are due");
    await settle();
    return controller.queue.atWork;
  }

  test.each([
    ["of one project and its credentials have 4 reconciles", 1, 1, 4],
    ["of one namespace have 8", 1, 5, 8],
    ["of two namespaces have 8 each", 2, 2, 16],
    ["of many have as many as there are workers: 128", 20, 2, 128],
  ])("%s", async (_what, namespaces, projects, running) => {
    expect(await atWork(namespaces, projects)).toBe(running);
  });
});

test("an Atlas client is dropped when its Secret and its users are gone, as with their namespace", async () => {
  apply("orders-api");
  work();
  await untilIssued("orders-api");
  cluster.remove(USER_CERTIFICATE, { namespace: NAMESPACE, name: "orders-api" });
  cluster.remove(SECRETS, SECRET);
  cluster.remove(SECRETS, CREDENTIALS);
  await untilAllIsSeen();
  collectGarbage();
  expect(connections.map((connection) => connection.deref())).toEqual([undefined]);
});

function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
}

import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { parseUserCertificate } from "../../api/parse-user-certificate.ts";
import { timestamp } from "../../api/timestamp.ts";
import { USER_CERTIFICATE } from "../../api/user-certificate.ts";
import type { Consumers, UserCertificateStatus } from "../../api/user-certificate-status.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../clock.ts";
import type { Pod } from "../../kube/core-types.ts";
import type { KubeApi, ListOptions } from "../../kube/kube-api.ts";
import type { KubeObject } from "../../kube/resource-type.ts";
import { ManualClock } from "../../testing/manual-clock.ts";
import { settle } from "../../testing/settle.ts";
import { Announcer } from "./announce.ts";
import { ResourceCache } from "./cluster/resource-cache.ts";
import { StatusWriter } from "./cluster/status-writer.ts";
import { ConsumerCounts } from "./consumer-counts.ts";
import { ResourceMemories } from "./resource-memory.ts";
import { kubeError, MemoryCluster } from "./testing/memory-cluster.ts";
import { NOW, PROJECT } from "./testing/snapshots.ts";

const REPLACED: UserCertificateStatus = {
  ...{ serialNumber: "1002", secretName: "orders-api-mongodb" },
  previous: { serialNumber: "1001", notAfter: timestamp(NOW + 30 * DAY_MS), replacedAt: timestamp(NOW) },
};

let clock: ManualClock;
/** How far Atlas' clock is ahead. */
let skewMs: number;
let cluster: MemoryCluster;
let resources: ResourceCache;
let counts: ConsumerCounts;
/** The pods by their namespaces, or what a list of them fails with. */
let pods: Map<string, readonly Pod[] | Error>;
/** A list that was asked for: its namespace. */
let lists: string[];
/** Runs in the middle of each list. */
let amidst: (signal: AbortSignal | undefined) => Promise<void> | void;
let results: string[];
let warnings: string[];
let notes: string[];

beforeEach(() => {
  clock = new ManualClock({ startAt: NOW });
  skewMs = 0;
  cluster = new MemoryCluster();
  resources = new ResourceCache();
  [pods, lists, results, warnings, notes] = [new Map(), [], [], [], []];
  amidst = () => {};
  const log = {
    ...{ debug: () => {}, info: () => {} },
    warn: (_: object, message: string) => void warnings.push(message),
    error: (_: object, message: string) => void warnings.push(message),
  };
  counts = new ConsumerCounts({
    kube: { list: list as unknown as KubeApi["list"] },
    ...{ resources, log, clock },
    statuses: new StatusWriter({ kube: cluster, cache: resources, onForeignChange: () => {} }),
    announcer: new Announcer({
      events: { record: ({ note }) => void notes.push(note) },
      memories: new ResourceMemories(),
      log: { ...log, warn: () => {} },
    }),
    atlasClock: { now: () => clock.now() + skewMs, toLocal: (atlasMs) => atlasMs - skewMs },
    onListed: (result) => void results.push(result),
    random: () => 0.5,
  });
});

async function* list(_: unknown, { keep, namespace = "", signal }: ListOptions<Pod, unknown>) {
  lists.push(namespace);
  await amidst(signal);
  signal?.throwIfAborted();
  const found = pods.get(namespace) ?? [];
  if (found instanceof Error) throw found;
  yield { items: found.map((pod) => keep?.(pod)), resourceVersion: "1", skipped: [] };
}

function apply(name: string, status: UserCertificateStatus = REPLACED, namespace = "shop"): void {
  const credentialsRef = { name: "atlas-api" };
  const spec = { projectId: PROJECT, credentialsRef, username: name, secretName: `${name}-mongodb` };
  const ref = { metadata: { namespace, name } };
  const object = { ...ref, spec, status: { ...status, ...(status.secretName && { secretName: spec.secretName }) } };
  const before = cluster.peek(USER_CERTIFICATE, { namespace, name });
  const stored = cluster.put<KubeObject>(USER_CERTIFICATE, { ...before, ...object });
  resources.store.observe(parseUserCertificate(stored));
}

function work(): () => void {
  const stop = new AbortController();
  void counts.work(stop.signal).catch(() => {});
  onTestFinished(() => stop.abort());
  return () => stop.abort();
}

async function pass(ms: number): Promise<void> {
  await clock.advance(ms);
  for (let turn = 0; turn < 20; turn++) await settle();
}

function pod(name: string, startedMs: number, secret = "orders-api-mongodb"): Pod {
  const startedAt = timestamp(startedMs);
  return {
    metadata: { namespace: "shop", name, uid: name, resourceVersion: "1", creationTimestamp: startedAt },
    spec: {
      volumes: [{ name: "certificate", secret: { secretName: secret } }],
      containers: [{ name: "app", volumeMounts: [{ name: "certificate" }] }],
    },
    status: { phase: "Running", containerStatuses: [{ name: "app", state: { running: { startedAt } } }] },
  };
}

const OLD = pod("orders-0", NOW - HOUR_MS);
const NEW = pod("orders-1", NOW + HOUR_MS);

function consumers(name = "orders-api", namespace = "shop"): Consumers | undefined {
  const resource = resources.get(`${namespace}/${name}`);
  return resource?.valid ? resource.status.consumers : undefined;
}

describe("the pods of a namespace are listed", () => {
  test("at once where a leader finds a certificate that was replaced and is valid", async () => {
    apply("orders-api");
    pods.set("shop", [OLD, NEW]);
    work();
    await pass(0);
    expect(consumers()).toEqual({
      ...{ pods: 2, outdated: 1, outdatedPods: ["orders-0"], observedAt: timestamp(NOW) },
      outdatedValidUntil: REPLACED.previous?.notAfter,
    });
    expect(results).toEqual(["ok"]);
  });

  test("every ten minutes, and nothing is written while the counts are the same", async () => {
    apply("orders-api");
    pods.set("shop", [OLD]);
    work();
    await pass(0);
    await pass(60 * MINUTE_MS);
    expect(lists).toHaveLength(7);
    expect(cluster.writes).toHaveLength(1);
    pods.set("shop", [NEW]);
    await pass(10 * MINUTE_MS);
    expect(consumers()).toEqual({ pods: 1, outdated: 0, observedAt: timestamp(NOW + 70 * MINUTE_MS) });
  });

  test("not without a certificate that was replaced, nor once it has expired", async () => {
    apply("orders-api", { serialNumber: "1002" });
    apply("billing", REPLACED, "office");
    clock.jumpWall(30 * DAY_MS);
    work();
    await pass(HOUR_MS);
    expect(lists).toEqual([]);
  });

  test("no more after the expiry", async () => {
    const previous = { serialNumber: "1001", notAfter: timestamp(NOW + 25 * MINUTE_MS), replacedAt: timestamp(NOW) };
    apply("orders-api", { ...REPLACED, previous });
    work();
    await pass(DAY_MS);
    expect(lists).toHaveLength(3);
  });

  test("not while this replica does not lead", async () => {
    apply("orders-api");
    const stop = work();
    await pass(0);
    stop();
    await pass(HOUR_MS);
    expect(lists).toHaveLength(1);
  });

  test("once for all of its resources, however many are renewed in a minute", async () => {
    const names = Array.from({ length: 20 }, (_, index) => `user-${index}`);
    for (const name of names) apply(name);
    pods.set(
      "shop",
      names.map((name) => pod(name, NOW - HOUR_MS, `${name}-mongodb`)),
    );
    work();
    await pass(0);
    expect(lists).toHaveLength(1);
    expect(names.map((name) => consumers(name)?.outdatedPods)).toEqual(names.map((name) => [name]));
  });
});

describe("a renewal", () => {
  const renew = (name: string) => {
    apply(name);
    const resource = resources.get(`shop/${name}`);
    if (resource?.valid) counts.reconciled(resource);
  };

  test("is followed by a list at once", async () => {
    work();
    await pass(0);
    apply("orders-api");
    await pass(HOUR_MS);
    expect(lists).toEqual([]);
    pods.set("shop", [OLD]);
    renew("orders-api");
    await pass(0);
    expect(consumers()).toMatchObject({ outdated: 1 });
  });

  test("is followed by a list a minute after that of another renewal", async () => {
    pods.set("shop", [OLD, pod("billing-0", NOW - HOUR_MS, "billing-mongodb")]);
    work();
    renew("orders-api");
    await pass(0);
    renew("billing");
    await pass(MINUTE_MS - 1);
    expect([lists.length, consumers("billing")]).toEqual([1, undefined]);
    await pass(1);
    expect([lists.length, consumers("billing")?.outdated]).toEqual([2, 1]);
  });

  test("in the middle of a list leaves that to the next one", async () => {
    apply("orders-api");
    pods.set("shop", [OLD]);
    amidst = () => {
      if (lists.length === 1) apply("orders-api", { ...REPLACED, serialNumber: "1003" });
    };
    work();
    await pass(0);
    expect([lists.length, consumers()]).toEqual([1, undefined]);
  });

  test("needs no list where none was replaced, or the pods are counted", async () => {
    work();
    await pass(0);
    apply("orders-api", { serialNumber: "1001" });
    apply("billing", { ...REPLACED, consumers: { pods: 0, outdated: 0, observedAt: timestamp(NOW) } });
    for (const name of ["orders-api", "billing"]) {
      const resource = resources.get(`shop/${name}`);
      if (resource?.valid) counts.reconciled(resource);
    }
    await pass(0);
    expect(lists).toEqual([]);
  });
});

describe("a list that fails", () => {
  test("is retried, and shows in the figures and once in the log", async () => {
    apply("orders-api");
    pods.set("shop", kubeError("Forbidden"));
    work();
    await pass(0);
    await pass(20 * MINUTE_MS);
    expect(results).toEqual(["failed", "failed", "failed"]);
    expect(warnings).toEqual([expect.stringContaining("could not list pods")]);
    pods.set("shop", [OLD]);
    await pass(10 * MINUTE_MS);
    expect(consumers()).toMatchObject({ outdated: 1 });
    pods.set("shop", kubeError("Forbidden"));
    await pass(10 * MINUTE_MS);
    expect(warnings).toHaveLength(2);
    expect(consumers()).toMatchObject({ outdated: 1, observedAt: timestamp(NOW + 30 * MINUTE_MS) });
  });

  test("for it takes too long ends after a minute, and other namespaces go on", async () => {
    apply("orders-api");
    for (const namespace of ["office", "yard"]) apply("billing", REPLACED, namespace);
    amidst = async (signal) => {
      if (lists.at(-1) === "shop") await new Promise((resolve) => signal?.addEventListener("abort", resolve));
    };
    work();
    await pass(0);
    expect(["office", "yard"].map((namespace) => consumers("billing", namespace)?.pods)).toEqual([0, 0]);
    await pass(MINUTE_MS);
    expect(results).toEqual(["ok", "ok", "failed"]);
  });

  test("for the operator stops is no failure, and nothing is written", async () => {
    apply("orders-api");
    let stop = () => {};
    amidst = () => stop();
    stop = work();
    await pass(0);
    expect([results, cluster.writes]).toEqual([[], []]);
  });
});

test("a status that can't be written keeps no other from being written, and is retried", async () => {
  apply("orders-api");
  apply("billing");
  let isBroken = true;
  cluster.fault = ({ what }) => (isBroken && what.endsWith("/orders-api") ? kubeError("InternalError") : undefined);
  work();
  await pass(0);
  expect([consumers("orders-api"), consumers("billing")?.pods]).toEqual([undefined, 0]);
  isBroken = false;
  await pass(2 * MINUTE_MS);
  expect(consumers("orders-api")).toMatchObject({ pods: 0 });
});

test("a resource that is gone by the end of the list is left alone", async () => {
  apply("orders-api");
  amidst = () => {
    cluster.remove(USER_CERTIFICATE, { namespace: "shop", name: "orders-api" });
    for (const resource of resources.store.values()) resources.store.remove(resource);
  };
  work();
  await pass(0);
  expect([lists, cluster.calls, warnings]).toEqual([["shop"], [], []]);
});

test("outdated pods are announced in the minute in which half of the time is over, and nine tenths", async () => {
  skewMs = 7 * DAY_MS;
  const replacedMs = NOW + skewMs;
  const notAfter = timestamp(replacedMs + 25 * MINUTE_MS);
  const previous = { serialNumber: "1001", notAfter, replacedAt: timestamp(replacedMs) };
  apply("orders-api", { ...REPLACED, previous });
  pods.set("shop", [OLD]);
  work();
  await pass(0);
  for (const [minutes, count] of [
    [12, 0],
    [1, 1],
    [9, 1],
    [1, 2],
  ] as const) {
    await pass(minutes * MINUTE_MS);
    expect(notes).toHaveLength(count);
  }
});

test("outdated pods are announced at half and at a tenth of the time, each once, across a restart", async () => {
  const previous = { serialNumber: "1001", notAfter: timestamp(NOW + 20 * HOUR_MS), replacedAt: timestamp(NOW) };
  apply("orders-api", { ...REPLACED, previous });
  pods.set("shop", [OLD, NEW]);
  const stop = work();
  await pass(0);
  await pass(11 * HOUR_MS);
  const note =
    "1 of 2 pods still uses an old certificate of Secret orders-api-mongodb, which is valid until 2030-01-11T20:00:00Z. " +
    "Restart them before then: orders-0.";
  expect(notes).toEqual([note]);
  stop();
  work();
  await pass(HOUR_MS);
  expect(notes).toEqual([note]);
  await pass(8 * HOUR_MS);
  expect(notes).toEqual([note, note]);
});

import { onTestFinished } from "vitest";
import { parseUserCertificate } from "../../../api/parse-user-certificate.ts";
import { timestamp } from "../../../api/timestamp.ts";
import { USER_CERTIFICATE } from "../../../api/user-certificate.ts";
import type { Consumers, UserCertificateStatus } from "../../../api/user-certificate-status.ts";
import { DAY_MS, HOUR_MS } from "../../../clock.ts";
import type { Pod } from "../../../kube/core-types.ts";
import type { KubeApi, ListOptions } from "../../../kube/kube-api.ts";
import type { KubeObject } from "../../../kube/resource-type.ts";
import { ManualClock } from "../../../testing/manual-clock.ts";
import { settle } from "../../../testing/settle.ts";
import { Announcer } from "../announce.ts";
import { ResourceCache } from "../cluster/resource-cache.ts";
import { StatusWriter } from "../cluster/status-writer.ts";
import { ConsumerCounts } from "../consumer-counts.ts";
import { ResourceMemories } from "../resource-memory.ts";
import { MemoryCluster } from "./memory-cluster.ts";
import { NOW, PROJECT } from "./snapshots.ts";

/** The status of a resource whose certificate was replaced just now. */
export const REPLACED: UserCertificateStatus = {
  ...{ serialNumber: "1002", secretName: "orders-api-mongodb" },
  previous: { serialNumber: "1001", notAfter: timestamp(NOW + 30 * DAY_MS), replacedAt: timestamp(NOW) },
};

export function pod(name: string, startedMs: number, secret = "orders-api-mongodb"): Pod {
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

/** It started before the certificate was replaced. */
export const OLD = pod("orders-0", NOW - HOUR_MS);
/** It started after that. */
export const NEW = pod("orders-1", NOW + HOUR_MS);

export interface ConsumerRigOptions {
  /** How far Atlas' clock is ahead, in milliseconds. @default 0 */
  readonly skewMs?: number;
}

/** The counts of pods, over an API server in memory. */
export function consumerRig({ skewMs = 0 }: ConsumerRigOptions = {}) {
  const clock = new ManualClock({ startAt: NOW });
  const cluster = new MemoryCluster();
  const resources = new ResourceCache();
  /** The pods by their namespaces, or what a list of them fails with. */
  const pods = new Map<string, readonly Pod[] | Error>();
  /** The namespaces whose pods were listed. */
  const lists: string[] = [];
  const results: string[] = [];
  const warnings: string[] = [];
  const notes: string[] = [];
  let onList: (signal: AbortSignal | undefined) => Promise<void> | void = () => {};
  const log = {
    ...{ debug: () => {}, info: () => {} },
    warn: (_: object, message: string) => void warnings.push(message),
    error: (_: object, message: string) => void warnings.push(message),
  };
  async function* list(_: unknown, { keep, namespace = "", signal }: ListOptions<Pod, unknown>) {
    lists.push(namespace);
    await onList(signal);
    signal?.throwIfAborted();
    const found = pods.get(namespace) ?? [];
    if (found instanceof Error) throw found;
    yield { items: found.map((each) => keep?.(each)), resourceVersion: "1", skipped: [] };
  }
  const counts = new ConsumerCounts({
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

  /** Runs in the middle of each list. */
  const amidst = (work: typeof onList) => {
    onList = work;
  };
  const apply = (name: string, status: UserCertificateStatus = REPLACED, namespace = "shop") => {
    const credentialsRef = { name: "atlas-api" };
    const spec = { projectId: PROJECT, credentialsRef, username: name, secretName: `${name}-mongodb` };
    const ref = { metadata: { namespace, name } };
    const object = { ...ref, spec, status: { ...status, ...(status.secretName && { secretName: spec.secretName }) } };
    const before = cluster.peek(USER_CERTIFICATE, { namespace, name });
    const stored = cluster.put<KubeObject>(USER_CERTIFICATE, { ...before, ...object });
    resources.store.observe(parseUserCertificate(stored));
  };
  /** As after a reconcile of the resource. */
  const reconciled = (name: string) => {
    const resource = resources.get(`shop/${name}`);
    if (resource?.valid) counts.reconciled(resource);
  };
  /** Counts until the test's end, or until the function that it gives is called. */
  const work = () => {
    const stop = new AbortController();
    void counts.work(stop.signal).catch(() => {});
    onTestFinished(() => stop.abort());
    return () => stop.abort();
  };
  const pass = async (ms: number) => {
    await clock.advance(ms);
    for (let turn = 0; turn < 20; turn++) await settle();
  };
  const consumers = (name = "orders-api", namespace = "shop"): Consumers | undefined => {
    const resource = resources.get(`${namespace}/${name}`);
    return resource?.valid ? resource.status.consumers : undefined;
  };
  return {
    ...{ clock, cluster, resources, pods, lists, results, warnings, notes },
    ...{ amidst, apply, reconciled, work, pass, consumers },
  };
}

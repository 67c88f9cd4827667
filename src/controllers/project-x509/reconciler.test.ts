import { expect, test } from "vitest";
import { PROJECT_X509, type ProjectX509, parseProjectX509 } from "../../api/project-x509.ts";
import { certificateAuthorities } from "../../certificate/certificate-authorities.ts";
import { issuePem } from "../../certificate/testing.ts";
import { Store } from "../../kube/cache/store.ts";
import type { EventReport } from "../../kube/events/event-object.ts";
import { silentLog } from "../../kube/log.ts";
import { StatusSender } from "../../kube/status-sender.ts";
import { ManualClock } from "../../testing/manual-clock.ts";
import type { CachedProject } from "../user-certificate/cluster/project-cache.ts";
import { atlasError, MemoryAtlas } from "../user-certificate/testing/memory-atlas.ts";
import { kubeError, MemoryCluster } from "../user-certificate/testing/memory-cluster.ts";
import { ProjectReconciler } from "./reconciler.ts";

const ID = "32b6e34b3d91647abb20e7b8";
const REFRESH_MS = 600_000;

function rig() {
  const clock = new ManualClock({ startAt: Date.parse("2026-11-24T12:00:00Z") });
  const cluster = new MemoryCluster();
  const atlas = new MemoryAtlas(clock);
  const store = new Store<CachedProject>();
  const events: EventReport[] = [];
  cluster.put(PROJECT_X509, {
    metadata: { name: "production" },
    spec: { projectId: ID, credentialsRef: { name: "atlas-production" } },
  } as never);
  store.observe(parseProjectX509(cluster.peek(PROJECT_X509, { name: "production" })));
  store.advance("", "1");
  const cached = (): ProjectX509 | undefined => {
    const found = store.get("production");
    return found?.valid ? found : undefined;
  };
  const tokens = { left: 1200 };
  const switchedOff: string[] = [];
  const reconciler = new ProjectReconciler({
    project: cached,
    access: async () => ({ kind: "usable", project: { projectId: ID, api: atlas, credentialsPlace: "Secret x" } }),
    resources: () => [],
    tokensLeft: () => tokens.left,
    onSwitchedOff: (name) => {
      expect(cached()?.status.customerManagedX509?.enabled).toBe(false);
      switchedOff.push(name);
    },
    sender: new StatusSender({
      kube: cluster,
      type: PROJECT_X509,
      parse: parseProjectX509,
      store,
      onForeignChange: () => {},
    }),
    audience: { events: { record: (event) => void events.push(event) }, log: silentLog },
    refreshMs: REFRESH_MS,
    recheckIntervalMs: 60_000,
    clock,
  });
  const reconcile = (signal = new AbortController().signal) => reconciler.reconcile("production", signal);
  return { atlas, cached, clock, cluster, events, reconcile, switchedOff, tokens };
}

test("a project at rest is read every ten minutes and not written", async () => {
  const { clock, cluster, events, reconcile, tokens } = rig();
  expect(await reconcile()).toEqual({ kind: "again", at: clock.now() + REFRESH_MS });
  for (let round = 0; round < 5; round++) {
    await clock.advance(REFRESH_MS);
    tokens.left -= 100;
    await reconcile();
  }
  expect(cluster.writes).toHaveLength(1);
  expect(events.map(({ reason }) => reason)).toEqual(["Reachable"]);
});

test("customer-managed X.509 shows when it comes and when it goes", async () => {
  const { atlas, cached, clock, events, reconcile } = rig();
  await reconcile();
  const { certificatePem } = await issuePem({ subject: "CN=Root" });
  atlas.customerAuthorities.set(ID, certificatePem);
  expect(await reconcile()).toEqual({ kind: "again", at: clock.now() + 60_000 });
  const [authority] = certificateAuthorities(certificatePem) ?? [];
  expect(cached()?.status.customerManagedX509).toMatchObject({
    enabled: true,
    certificateAuthorities: [{ fingerprint: authority?.fingerprint, subject: "CN=Root" }],
  });
  atlas.customerAuthorities.clear();
  await reconcile();
  expect(cached()?.status.customerManagedX509).toEqual({ enabled: false, observedAt: "2026-11-24T12:00:00Z" });
  expect(events.map(({ reason }) => reason)).toEqual(["Reachable", "CustomerManagedX509On", "Reachable"]);
});

test("resources go on once, when customer-managed X.509 has gone and the status says so", async () => {
  const { atlas, cluster, reconcile, switchedOff } = rig();
  await reconcile();
  atlas.customerAuthorities.set(ID, (await issuePem({ subject: "CN=Root" })).certificatePem);
  await reconcile();
  atlas.securityFault = () => atlasError("unavailable");
  await reconcile();
  expect(switchedOff).toEqual([]);
  atlas.securityFault = () => undefined;
  atlas.customerAuthorities.clear();
  cluster.fault = ({ verb }) => (verb === "patch status" ? kubeError("Unavailable") : undefined);
  await expect(reconcile()).rejects.toThrow();
  expect(switchedOff).toEqual([]);
  cluster.fault = () => undefined;
  await reconcile();
  await reconcile();
  expect(switchedOff).toEqual(["production"]);
});

test("the time of the answer is Atlas' own, by which failed attempts are dated as well", async () => {
  const { atlas, cached, reconcile } = rig();
  atlas.clockOffsetMs = 90_000;
  await reconcile();
  expect(cached()?.status.customerManagedX509?.observedAt).toBe("2026-11-24T12:01:30Z");
});

test("a project that was changed meanwhile is reconciled again, and the state that was read before is not written", async () => {
  const { clock, cluster, reconcile } = rig();
  const stored = cluster.peek(PROJECT_X509, { name: "production" });
  if (stored !== undefined) cluster.put(PROJECT_X509, stored);
  expect(await reconcile()).toEqual({ kind: "again", at: clock.now() + 1000 });
  expect(cluster.peek(PROJECT_X509, { name: "production" })).not.toHaveProperty("status.conditions");
});

test("a process that lost its lease while Atlas answered writes nothing", async () => {
  const { atlas, cluster, events, reconcile } = rig();
  const leave = new AbortController();
  atlas.securityFault = () => {
    leave.abort(new Error("the lease is lost"));
    return undefined;
  };
  await expect(reconcile(leave.signal)).rejects.toThrow("the lease is lost");
  expect([cluster.writes, events]).toEqual([[], []]);
});

test("a Retry-After that is longer than the interval is kept", async () => {
  const { atlas, clock, reconcile } = rig();
  atlas.securityFault = () => atlasError("rateLimited", 2 * REFRESH_MS);
  expect(await reconcile()).toEqual({ kind: "again", at: clock.now() + 2 * REFRESH_MS });
});

import { expect, onTestFinished, test } from "vitest";
import * as z from "zod";
import { CUSTOMER_X509_REMOVAL } from "../api/customer-x509-removal.ts";
import { CREDENTIALS_LABEL } from "../api/names.ts";
import { PROJECT_X509 } from "../api/project-x509.ts";
import { USER_CERTIFICATE } from "../api/user-certificate.ts";
import { certificateAuthorities } from "../certificate/certificate-authorities.ts";
import { issuePem } from "../certificate/testing.ts";
import { UserCertificateController } from "../controllers/user-certificate/controller.ts";
import { atlasError, MemoryAtlas } from "../controllers/user-certificate/testing/memory-atlas.ts";
import { NOW, POLICY, PROJECT } from "../controllers/user-certificate/testing/snapshots.ts";
import { WatchedCluster } from "../controllers/user-certificate/testing/watched-cluster.ts";
import { SECRETS } from "../kube/core-types.ts";
import { silentLog } from "../kube/log.ts";
import { ManualClock } from "../testing/manual-clock.ts";
import { until } from "../testing/settle.ts";
import { ClusterKinds } from "./cluster-kinds.ts";

/** All controllers together, as one process runs them. */

const { certificatePem } = await issuePem({ subject: "CN=Root" });

const statusSchema = z.object({
  conditions: z.array(z.object({ type: z.string(), status: z.string(), reason: z.string() })).optional(),
});

function rig() {
  const clock = new ManualClock({ startAt: NOW });
  const cluster = new WatchedCluster();
  cluster.now = () => clock.now();
  const atlas = new MemoryAtlas(clock);
  const create = atlas.createDatabaseUserCertificate.bind(atlas);
  atlas.createDatabaseUserCertificate = async (parameters) => {
    if (atlas.customerAuthorities.has(PROJECT)) throw atlasError("customerManagedOn", 600_000);
    return create(parameters);
  };
  cluster.put(SECRETS, {
    metadata: { namespace: "operators", name: "atlas", labels: { [CREDENTIALS_LABEL]: "true" } },
    data: { clientId: btoa("mdb_sa_id_1"), clientSecret: btoa("mdb_sa_sk_1") },
  });
  const grants = [{ namespaces: ["shop"], usernames: ["orders-*"] }];
  const spec = { projectId: PROJECT, credentialsRef: { name: "atlas" }, grants };
  const project = { metadata: { name: "production" }, spec };
  cluster.put(PROJECT_X509, project);
  const runs: string[] = [];
  const common = {
    ...{ kube: cluster, clock, random: () => 0.5, log: silentLog },
    events: { record: () => {} },
    leadership: () => () => {},
  };
  const controller = new UserCertificateController({
    ...common,
    connect: () => atlas,
    policy: POLICY,
    projects: { namespace: "operators" },
    workers: 4,
    identity: "pod-1",
    observer: {
      onReconciled: (assessment) => kinds.resourceReconciled(assessment),
      onProject: (name) => kinds.projectChanged(name),
    },
  });
  const { shared } = controller;
  if (shared === undefined) throw new Error("projects are not served");
  const kinds = new ClusterKinds({
    ...{ ...common, shared },
    pacer: { tokensLeft: () => 1200 },
    recheckIntervalMs: 600_000,
    projectRefreshMs: 600_000,
    runsOf: (kind) => ({ started: (name) => void runs.push(`${kind} ${name}`) }),
  });
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  for (const part of [controller, kinds]) {
    void part.watch(stop.signal);
    // As runOperator does.
    void controller.synced().then(() => part.work(stop.signal));
  }
  const reason = (type: typeof USER_CERTIFICATE | typeof PROJECT_X509 | typeof CUSTOMER_X509_REMOVAL, name: string) => {
    const found = cluster.peek(type, { ...(type.namespaced && { namespace: "shop" }), name });
    const { conditions = [] } = statusSchema.parse(Reflect.get(Object(found), "status") ?? {});
    // The first one, or that by which a request ended.
    return (conditions.find(({ type, status }) => type === "Complete" && status === "True") ?? conditions[0])?.reason;
  };
  const untilReason = (wanted: string, ...object: Parameters<typeof reason>) =>
    until(() => reason(...object) === wanted, `${object[1]} is ${wanted}`);
  return { atlas, clock, cluster, kinds, runs, untilReason };
}

function apply(cluster: WatchedCluster): void {
  const spec = { projectRef: { name: "production" }, username: "orders-api", secretName: "orders-api-mongodb" };
  const resource = { metadata: { namespace: "shop", name: "orders-api" }, spec };
  cluster.put(USER_CERTIFICATE, resource);
}

test("a removal that is complete lets the project's resources go on at once", async () => {
  const { atlas, clock, cluster, kinds, runs, untilReason } = rig();
  atlas.customerAuthorities.set(PROJECT, certificatePem);
  await untilReason("CustomerManagedX509On", PROJECT_X509, "production");
  apply(cluster);
  await untilReason("CustomerManagedX509On", USER_CERTIFICATE, "orders-api");
  const [authority] = certificateAuthorities(certificatePem) ?? [];
  const spec = {
    projectRef: { name: "production" },
    certificateAuthorities: [authority?.fingerprint],
    notAfter: new Date(NOW + 3_600_000).toISOString(),
    acknowledgeRollingRestart: true,
  };
  const removal = { metadata: { name: "now" }, spec };
  cluster.put(CUSTOMER_X509_REMOVAL, removal);
  await until(() => atlas.removals === 1, "Atlas is asked");
  await clock.advance(2000);
  await untilReason("Removed", CUSTOMER_X509_REMOVAL, "now");
  await untilReason("Issued", USER_CERTIFICATE, "orders-api");
  await untilReason("Reachable", PROJECT_X509, "production");
  expect([atlas.removals, atlas.creates]).toEqual([1, 1]);
  expect(runs).toContain("atlasprojectx509s production");
  expect(runs).toContain("atlascustomerx509removals now");
  expect([...kinds.queues.keys()]).toEqual(["atlasprojectx509s", "atlascustomerx509removals"]);
});

test("a resource that is refused for customer-managed X.509 has the project looked at, once", async () => {
  const { atlas, cluster, runs, untilReason } = rig();
  await untilReason("Reachable", PROJECT_X509, "production");
  const before = runs.length;
  atlas.customerAuthorities.set(PROJECT, certificatePem);
  atlas.securityFault = () => atlasError("unavailable");
  apply(cluster);
  await untilReason("CustomerManagedX509On", USER_CERTIFICATE, "orders-api");
  await untilReason("AtlasUnavailable", PROJECT_X509, "production");
  expect(runs.length).toBe(before + 1);
});

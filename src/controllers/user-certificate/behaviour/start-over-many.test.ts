import { expect, onTestFinished, test } from "vitest";
import { USER_CERTIFICATE } from "../../../api/user-certificate.ts";
import { SECRETS, type Secret } from "../../../kube/core-types.ts";
import type { ListOptions } from "../../../kube/kube-api.ts";
import { silentLog } from "../../../kube/log.ts";
import type { KubeObject, ResourceType } from "../../../kube/resource-type.ts";
import { ManualClock } from "../../../testing/manual-clock.ts";
import { settle, until } from "../../../testing/settle.ts";
import { UserCertificateController } from "../controller.ts";
import { MemoryAtlas } from "../testing/memory-atlas.ts";
import { kubeError } from "../testing/memory-cluster.ts";
import { CREDENTIALS, NAMESPACE } from "../testing/scene.ts";
import { NOW, POLICY, PROJECT } from "../testing/snapshots.ts";
import { WatchedCluster } from "../testing/watched-cluster.ts";

/** A cluster whose lists with bodies can be held up. */
class ListedCluster extends WatchedCluster {
  bodies: (signal: AbortSignal | undefined) => Promise<void> = async () => {};
  readonly listed: unknown[] = [];

  override async *list<T extends KubeObject, R = T>(type: ResourceType<T>, options: ListOptions<T, R> = {}) {
    if (type.plural === SECRETS.plural && options.metadataOnly !== true) {
      const { limit, namespace, labelSelector } = options;
      this.listed.push({ limit, namespace, labelSelector });
      await this.bodies(options.signal);
    }
    yield* super.list(type, options);
  }
}

const clock = new ManualClock({ startAt: NOW });

/** One process: works until it is stopped. */
function process(cluster: ListedCluster) {
  let reconciles = 0;
  const atlas = new MemoryAtlas(clock);
  const controller = new UserCertificateController({
    ...{ kube: cluster, connect: () => atlas, events: { record: () => {} }, policy: POLICY, workers: 8 },
    ...{ leadership: () => () => {}, identity: "pod", clock, random: () => 0.5, log: silentLog },
    observer: { onReconciled: () => void reconciles++ },
  });
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  void controller.watch(stop.signal);
  const working = controller.work(stop.signal);
  const end = () => {
    stop.abort();
    return working;
  };
  return { stop: end, reconciles: () => reconciles };
}

/** A cluster with so many resources, each of a project of its own, whose certificates are issued. */
async function issued(resources: number, prepare = (_: ListedCluster) => {}): Promise<ListedCluster> {
  const cluster = new ListedCluster();
  prepare(cluster);
  const data = { clientId: btoa("mdb_sa_id_1"), clientSecret: btoa("mdb_sa_sk_1") };
  cluster.put(SECRETS, { metadata: CREDENTIALS, data });
  for (let index = 0; index < resources; index += 1) {
    const name = `app-${index}`;
    const projectId = PROJECT.slice(0, -2) + String(index).padStart(2, "0");
    const spec = { projectId, credentialsRef: { name: CREDENTIALS.name }, username: name, secretName: name };
    const resource = { metadata: { namespace: NAMESPACE, name }, spec };
    cluster.put(USER_CERTIFICATE, resource);
  }
  const first = process(cluster);
  await until(
    () => cluster.all().filter(([what]) => what.startsWith(`secrets ${NAMESPACE}/`)).length > resources,
    "all are issued",
  );
  await settle();
  await first.stop();
  cluster.calls.length = 0;
  cluster.listed.length = 0;
  return cluster;
}

const reads = ({ calls }: ListedCluster) =>
  calls
    .filter(({ verb, what }) => verb === "get" && what.startsWith(`secrets ${NAMESPACE}/app-`))
    .map(({ what }) => what);

/** How many of the reconciles that begin at once ask Atlas for the time. Each of them reads its Secret again. */
const FIRST = 4;

test("a start over many resources reads their Secrets in pages", async () => {
  const cluster = await issued(60);
  const { reconciles } = process(cluster);
  await until(() => reconciles() >= 60, "all are reconciled");
  expect(reads(cluster).length).toBeLessThanOrEqual(FIRST);
  const labelSelector = "atlascerts.io/managed=true";
  expect(cluster.listed).toEqual([{ limit: 50, namespace: undefined, labelSelector }]);
});

test("a start over a few resources reads their Secrets one by one", async () => {
  const cluster = await issued(3);
  process(cluster);
  await until(() => new Set(reads(cluster)).size === 3, "each is read separately");
  expect(cluster.listed).toEqual([]);
});

test("a Secret that changes after it was listed is read again", async () => {
  const cluster = await issued(60);
  const { reconciles } = process(cluster);
  await until(() => reconciles() >= 60, "all are reconciled");
  const [what] = cluster.all().findLast(([key]) => key.startsWith(`secrets ${NAMESPACE}/app-`)) ?? [];
  const secret = cluster.peek(SECRETS, { namespace: NAMESPACE, name: what?.split("/")[1] ?? "" });
  if (secret === undefined) throw new Error("there is no Secret");
  expect(reads(cluster)).not.toContain(what);
  cluster.put<Secret>(SECRETS, secret);
  await until(() => reconciles() > 60, "it is reconciled");
  expect(reads(cluster).at(-1)).toBe(what);
});

test.each([
  ["refuses the lists", async () => Promise.reject(kubeError("Forbidden"))],
  [
    "never answers them",
    (signal: AbortSignal | undefined) =>
      new Promise<void>((_, reject) => {
        signal?.addEventListener("abort", () => reject(signal.reason));
      }),
  ],
])("the work begins within seconds if the API server %s", async (_name, bodies) => {
  const cluster = await issued(60);
  cluster.bodies = bodies;
  process(cluster);
  await settle();
  await clock.advance(3000);
  await until(() => new Set(reads(cluster)).size === 60, "each is read separately");
  expect(cluster.listed.length).toBe(1);
});

test("the work begins without the lists if someone has filled labelled Secrets with megabytes", async () => {
  const cluster = await issued(60, (empty) => {
    for (let index = 0; index < 12; index += 1) {
      const metadata = { namespace: "attacker", name: `a-${index}`, labels: { "atlascerts.io/managed": "true" } };
      empty.put<Secret>(SECRETS, { metadata, type: "Opaque", data: { padding: "A".repeat(2 ** 20) } });
    }
  });
  process(cluster);
  await settle();
  await clock.advance(3000);
  await until(() => new Set(reads(cluster)).size === 60, "each is read separately");
  expect(cluster.listed.length).toBe(1);
});

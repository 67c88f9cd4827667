import { expect, test } from "vitest";
import type { KubeApi, ListOptions, ListPage, WatchEvent } from "../../../kube/kube-api.ts";
import { silentLog } from "../../../kube/log.ts";
import { type KubeObject, type ResourceType, typeName } from "../../../kube/resource-type.ts";
import { ManualClock } from "../../../testing/manual-clock.ts";
import { settle, until } from "../../../testing/settle.ts";
import { UserCertificateController } from "../controller.ts";
import type { MemoryCluster } from "../testing/memory-cluster.ts";
import { Scene } from "../testing/scene.ts";
import { NOW, POLICY } from "../testing/snapshots.ts";

/** Lists the objects that exist at the start; then the watches say nothing, as if each were far behind. */
function silentWatches(cluster: MemoryCluster): KubeApi {
  return {
    get: cluster.get.bind(cluster),
    create: cluster.create.bind(cluster),
    mergePatch: cluster.mergePatch.bind(cluster),
    async *list<T extends KubeObject, R = T>(
      type: ResourceType<T>,
      options: ListOptions<T, R> = {},
    ): AsyncGenerator<ListPage<R>> {
      const { labelSelector = "", keep = (object: T) => object as unknown as R } = options;
      const listed = cluster.all().filter(([what]) => what.startsWith(`${typeName(type)} `));
      // They are stored under their type's name. No Secret of these tests has the label before it is issued.
      const items = labelSelector.endsWith("=true") && !labelSelector.endsWith("!=true") ? [] : listed;
      yield { items: items.map(([, object]) => keep(object as T)), resourceVersion: "150", skipped: [] };
    },
    async *watch<T extends KubeObject>(_type: ResourceType<T>, options: { signal?: AbortSignal | undefined }) {
      yield { type: "OPENED" } satisfies WatchEvent<T>;
      const { promise, reject } = Promise.withResolvers<never>();
      options.signal?.addEventListener("abort", () => reject(options.signal?.reason));
      await promise;
    },
  };
}

/** Runs the controller over what the scene has. Gives the resources that were reconciled and the decisions, in order. */
function run(scene: Scene) {
  const reconciles: string[] = [];
  const controller = new UserCertificateController({
    kube: silentWatches(scene.cluster),
    connect: () => scene.atlas,
    events: { record: () => {} },
    policy: POLICY,
    workers: 1,
    leadership: () => () => {},
    identity: "pod-1",
    observer: {
      onReconciled: ({ situation, decision }) => void reconciles.push(`${situation.resource.name} ${decision.kind}`),
    },
    clock: new ManualClock({ startAt: NOW }),
    random: () => 0.5,
    log: silentLog,
  });
  const stop = new AbortController();
  const ended = Promise.allSettled([controller.watch(stop.signal), controller.work(stop.signal)]);
  return {
    reconciles,
    [Symbol.asyncDispose]: async () => {
      stop.abort(new Error("the test is over"));
      await ended;
    },
  };
}

/** Changes something in the moment of one status write, counted from 1. */
function beforeStatusWrite(scene: Scene, which: number, change: () => void): void {
  let statusWrites = 0;
  scene.cluster.fault = ({ verb }) => {
    if (verb === "patch status" && ++statusWrites === which) change();
    return undefined;
  };
}

async function quiet(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await settle();
}

test("a change of the spec that only the answer of our own status write shows is acted upon before any watch event", async () => {
  const scene = new Scene();
  scene.apply({ suspend: true });
  beforeStatusWrite(scene, 1, () => scene.apply({ suspend: false }));
  await using controller = run(scene);
  await until(() => controller.reconciles.length === 2, "the change was seen");
  expect(controller.reconciles).toEqual(["orders-api blocked", "orders-api issue"]);
  expect(scene.ready()).toBe("True Issued");
});

test("such a change makes the other claimants of the Secret due too", async () => {
  const scene = new Scene();
  scene.apply({ suspend: true });
  scene.apply({ suspend: true }, { name: "second" });
  // The first has been reconciled, and waits for a change, when the second lets go of the Secret.
  beforeStatusWrite(scene, 2, () => scene.apply({ suspend: true, secretName: "own" }, { name: "second" }));
  await using controller = run(scene);
  await until(() => controller.reconciles.length === 4, "both were reconciled again");
  await quiet();
  expect(controller.reconciles.toSorted()).toEqual([
    "orders-api blocked",
    "orders-api blocked",
    "second blocked",
    "second blocked",
  ]);
});

test("our own writes are no reason to reconcile again", async () => {
  const scene = new Scene();
  scene.apply();
  await using controller = run(scene);
  await until(() => controller.reconciles.length === 1, "it was reconciled");
  await quiet();
  expect([controller.reconciles, scene.ready()]).toEqual([["orders-api issue"], "True Issued"]);
});

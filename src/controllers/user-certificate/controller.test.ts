import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { beforeEach, describe, expect, test } from "vitest";
import { USER_CERTIFICATE } from "../../api/user-certificate.ts";
import { SECRETS } from "../../kube/core-types.ts";
import { settle, until } from "../../testing/settle.ts";
import { ControllerRig, CREDENTIALS_DATA } from "./testing/controller-rig.ts";
import { kubeError } from "./testing/memory-cluster.ts";
import { CREDENTIALS, NAMESPACE, SECRET } from "./testing/scene.ts";

let rig: ControllerRig;
beforeEach(() => {
  rig = new ControllerRig();
});

test("a resource gets the Secret that another left behind as soon as that one is deleted", async () => {
  rig.work();
  rig.apply("orders-api");
  await rig.untilIssued("orders-api");
  const ref = { namespace: NAMESPACE, name: "orders-api" };
  const resource = rig.cluster.peek(USER_CERTIFICATE, ref);
  const spec = { ...Object(Reflect.get(Object(resource), "spec")), secretName: "elsewhere" };
  rig.cluster.put(USER_CERTIFICATE, Object.assign({}, resource, { metadata: { ...ref, ...resource?.metadata }, spec }));
  await until(() => rig.cluster.peek(SECRETS, { namespace: NAMESPACE, name: "elsewhere" }) !== undefined, "moved");
  await rig.untilAllIsSeen();
  rig.apply("billing", "orders-api-mongodb");
  await rig.untilAllIsSeen();
  expect(rig.readyOf("billing")).toBe("SecretClaimedTwice");
  rig.cluster.remove(USER_CERTIFICATE, ref);
  await until(() => rig.readyOf("billing") === "Issued", "billing is issued");
});

describe("a replica that does not work", () => {
  test("keeps no keys of what changes, nor of what is gone", async () => {
    rig.apply("orders-api");
    await rig.untilAllIsSeen();
    rig.apply("billing");
    rig.cluster.remove(USER_CERTIFICATE, { namespace: NAMESPACE, name: "orders-api" });
    rig.cluster.put(SECRETS, { metadata: CREDENTIALS, data: {} });
    await rig.untilAllIsSeen();
    expect([...rig.controller.resources()].map(({ name }) => name)).toEqual(["billing"]);
    expect([rig.controller.queue.depth, rig.controller.queue.delayed]).toEqual([0, 0]);
  });

  test("reconciles every resource once it works, and what changes from then on", async () => {
    rig.apply("orders-api");
    await rig.untilAllIsSeen();
    rig.work();
    await rig.untilIssued("orders-api");
    rig.apply("billing");
    await rig.untilIssued("billing");
  });

  test("reconciles what the first lists bring if it works before they are there", async () => {
    rig.apply("orders-api");
    rig.work();
    await rig.untilIssued("orders-api");
  });

  test("keeps no keys after its work has ended, and misses nothing that came meanwhile", async () => {
    rig.apply("orders-api");
    const stop = rig.work();
    await rig.untilIssued("orders-api");
    expect(rig.controller.queue.delayed).toBe(1);
    stop();
    rig.apply("billing");
    rig.cluster.remove(SECRETS, SECRET);
    await rig.untilAllIsSeen();
    expect([rig.controller.queue.depth, rig.controller.queue.delayed]).toEqual([0, 0]);
    expect([rig.secretOf("billing"), rig.secretOf("orders-api")]).toEqual([undefined, undefined]);
    rig.work();
    await rig.untilIssued("billing", "orders-api");
  });
});

test("two that wait for one Secret, each with an attempt on record, do not wake each other on and on", async () => {
  rig.createFault = () => "answerLost";
  rig.beforeStep = async (step, { name }) => {
    if (name !== "orders-api" || step !== "record") return;
    rig.apply("alpha", SECRET.name);
    await until(() => rig.statusOf("alpha").issuance !== undefined, "the older one is on record");
  };
  rig.apply("orders-api");
  rig.work();
  await until(
    () => rig.readyOf("alpha") === "AnswerLost" && rig.readyOf("orders-api") !== undefined,
    "both have issued",
  );
  // Keys are made in threads: the last reconcile of each may still come.
  const seen: number[] = [];
  for (let pause = 0; pause < 10 && seen.at(-1) !== rig.reconciles; pause++) {
    seen.push(rig.reconciles);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await rig.untilAllIsSeen();
  }
  expect(rig.reconciles, seen.join()).toBe(seen.at(-1));
});

test("a resource that waits for a Secret that another issues into is reconciled when that attempt fails", async () => {
  rig.createFault = () => ({ refuse: "userNotFound" });
  rig.beforeStep = async (step, { name }) => {
    if (name !== "orders-api" || step !== "create") return;
    // The older one, by its name, comes, and waits for a change.
    rig.apply("alpha", SECRET.name);
    await until(() => rig.readyOf("alpha") === "SecretClaimedTwice", "the older one waits");
  };
  // The answer of an own write comes before the watch's word of it, which then is no news.
  const tell = rig.cluster.onChange;
  rig.cluster.onChange = (what, object) => void settle().then(() => tell(what, object));
  rig.apply("orders-api");
  rig.work();
  await until(() => rig.readyOf("alpha") === "UserNotFound", "the older one has had its turn");
});

describe("a certificate that cannot be stored", () => {
  const refuseWrites = () => {
    rig.cluster.fault = ({ verb, what, dryRun }) =>
      what.startsWith("secrets") && verb === "create" && !dryRun ? kubeError("Forbidden") : undefined;
  };

  async function parked(): Promise<void> {
    refuseWrites();
    rig.apply("orders-api");
    rig.work();
    await until(() => rig.controller.parked === 1, "its certificate is parked");
    await rig.untilAllIsSeen();
  }

  test("holds no place in the queue while it is parked, and is stored when its next try is due", async () => {
    await parked();
    expect([rig.controller.queue.atWork, rig.controller.queue.delayed]).toEqual([0, 1]);
    rig.cluster.fault = () => undefined;
    await rig.clock.advance(2000);
    await rig.untilIssued("orders-api");
    expect([rig.controller.parked, rig.readyOf("orders-api")]).toEqual([0, "Issued"]);
  });

  test("is announced to the successor before the work ends, and stored after that", async () => {
    const stop = new AbortController();
    refuseWrites();
    rig.apply("orders-api");
    const working = rig.controller.work(stop.signal);
    await until(() => rig.controller.parked === 1, "its certificate is parked");
    await rig.untilAllIsSeen();
    stop.abort();
    await working;
    expect(rig.statusOf("orders-api").issuance?.parked).toMatchObject({ pod: "pod-1", until: "2030-01-11T00:02:30Z" });
    const stored = rig.controller.storeParked(new AbortController().signal);
    await rig.clock.advance(10_000);
    rig.cluster.fault = () => undefined;
    await rig.clock.advance(3000);
    await stored;
    expect([rig.controller.parked, rig.secretOf("orders-api") !== undefined]).toEqual([0, true]);
  });

  test("is dropped when its resource is deleted", async () => {
    await parked();
    rig.cluster.remove(USER_CERTIFICATE, { namespace: NAMESPACE, name: "orders-api" });
    await rig.untilAllIsSeen();
    expect(rig.controller.parked).toBe(0);
  });
});

test("resources of one user that wait for their turn are reconciled when it ends, without waiting for a timer", async () => {
  for (const name of ["one", "two", "three"]) rig.apply(name, `${name}-mongodb`, "orders-api");
  rig.work();
  await rig.untilIssued("one", "two", "three");
});

describe("while reading their credentials takes forever, the resources", () => {
  /** Applies ten resources in each of some projects. Gives how many reconciles run. */
  async function atWork(namespaces: number, projects: number): Promise<number> {
    rig = new ControllerRig({ workers: 128 });
    const { cluster, controller } = rig;
    await controller.synced();
    await settle();
    cluster.get = () => new Promise(() => {});
    for (let namespace = 0; namespace < namespaces; namespace++) {
      const metadata = { namespace: `team-${namespace}`, name: "atlas-api" };
      cluster.put(SECRETS, { metadata, data: CREDENTIALS_DATA });
      for (let number = 0; number < 10 * projects; number++) {
        const name = `app-${number}`;
        const projectId = (number % projects).toString(16).padStart(24, "0");
        const spec = { projectId, credentialsRef: { name: "atlas-api" }, username: name, secretName: name };
        const resource = { metadata: { ...metadata, name }, spec };
        cluster.put(USER_CERTIFICATE, resource);
      }
    }
    rig.work();
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
  rig.apply("orders-api");
  rig.work();
  await rig.untilIssued("orders-api");
  rig.cluster.remove(USER_CERTIFICATE, { namespace: NAMESPACE, name: "orders-api" });
  rig.cluster.remove(SECRETS, SECRET);
  rig.cluster.remove(SECRETS, CREDENTIALS);
  await rig.untilAllIsSeen();
  collectGarbage();
  expect(rig.connections.map((connection) => connection.deref())).toEqual([undefined]);
});

function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
}

import { expect, test } from "vitest";
import { systemClock } from "../../../src/clock.ts";
import { loadKubeConfig } from "../../../src/kube/config/load-kube-config.ts";
import { inParallel } from "../../bench/in-parallel.ts";
import { RENEW_REQUEST, Scene } from "../operator/scene.ts";
import { grant, type Right, refusedRights, rightsOf, shippedRole, user, without } from "../operator/shipped-roles.ts";
import { OperatorProcess } from "../process/operator-process.ts";
import { temporaryFile } from "../temporary-file.ts";
import { Errands } from "./errands.ts";
import { ownControlPlane } from "./own-control-plane.ts";
import { startReplica } from "./replica.ts";

/** The operator with the rights that deploy/rbac gives, and with one of them less. */

const own = ownControlPlane();

/** The path of a kubeconfig of a user without any rights so far. */
async function newUser(name: string): Promise<string> {
  return temporaryFile("kubeconfig", await own().running.addUser({ name, groups: [] }));
}

test("in each of its namespaces the operator may do what it may do everywhere with the ClusterRole", async () => {
  const [everywhere, inNamespace] = await Promise.all([shippedRole("cluster-role"), shippedRole("namespace-role")]);
  expect([everywhere.kind, inNamespace.kind]).toEqual(["ClusterRole", "Role"]);
  expect(inNamespace.rules).toEqual(everywhere.rules);
});

test("with the ClusterRole and the Role for its lease it does the main job in all namespaces", async () => {
  const kubeconfig = await newUser("everywhere");
  const home = await own().place("everywhere-home");
  const one = await Scene.prepare({ place: await own().place("everywhere-1") });
  const two = await Scene.prepare({ place: await own().place("everywhere-2") });
  for (const role of ["cluster-role", "consumers-role"] as const) {
    await grant(own().must, await shippedRole(role), user("everywhere"));
  }
  await grant(own().must, await shippedRole("lease-role"), user("everywhere"), home.namespace);
  const operator = await OperatorProcess.start(one, [
    `--kubeconfig=${kubeconfig}`,
    "--watch-namespaces=",
    `--lease-namespace=${home.namespace}`,
  ]);
  await expectMainJob(one, "orders-api");
  await expectMainJob(two, "billing");
  expect(await endWell(operator)).toEqual([]);
});

test("with Roles alone it does the main job in the namespaces of --watch-namespaces, and in no other", async () => {
  const kubeconfig = await newUser("somewhere");
  const home = await own().place("somewhere-home");
  const one = await Scene.prepare({ place: await own().place("somewhere-1") });
  const two = await Scene.prepare({ place: await own().place("somewhere-2") });
  const other = await Scene.prepare({ place: await own().place("somewhere-else") });
  for (const name of ["namespace-role", "consumers-role"] as const) {
    const role = await shippedRole(name);
    for (const { namespace } of [one, two]) await grant(own().must, role, user("somewhere"), namespace);
  }
  await grant(own().must, await shippedRole("lease-role"), user("somewhere"), home.namespace);
  await other.apply();
  const operator = await OperatorProcess.start(one, [
    `--kubeconfig=${kubeconfig}`,
    `--watch-namespaces=${one.namespace},${two.namespace}`,
    `--lease-namespace=${home.namespace}`,
  ]);
  await expectMainJob(one, "orders-api");
  await expectMainJob(two, "billing");
  expect((await other.get()).status).toEqual({ observedGeneration: -1 });
  expect(await endWell(operator)).toEqual([]);
});

/**
 * First issue, a Secret that was deleted, a renewal, and the Events that tell of them.
 *
 * @param username one for each namespace, since a user has one daily limit
 */
async function expectMainJob(scene: Scene, username: string): Promise<void> {
  await scene.apply("orders-api", { deletionPolicy: "Delete", username });
  const first = await scene.untilIssued();
  await scene.deleteSecret("orders-api-mongodb");
  const second = await scene.untilIssued("orders-api", first.status.serialNumber);
  await scene.patch("orders-api", { metadata: { annotations: { [RENEW_REQUEST]: "now" } } });
  await scene.untilIssued("orders-api", second.status.serialNumber);
  await expect
    .poll(async () => (await scene.events()).map(({ reason }) => reason))
    .toEqual(["Issued", "Issued", "Issued"]);
}

/** Stops the operator in good order; gives what it was refused. */
async function endWell({ command }: OperatorProcess): Promise<readonly Right[]> {
  command.kill("SIGTERM");
  const { exitCode, stdout } = await command.ended;
  expect(exitCode).toBe(0);
  return refusedRights(stdout);
}

test("a replica that may not list Secrets leaves the lease to one that may, says why, and ends well", async () => {
  const scene = await Scene.prepare({ place: await own().place("blind") });
  const role = await shippedRole("namespace-role");
  const missing = rightsOf(role).find(({ resource, verb }) => resource === "secrets" && verb === "list");
  await grant(own().must, without(role, missing), user("blind"), scene.namespace);
  await grant(own().must, await shippedRole("lease-role"), user("blind"), scene.namespace);
  const kubeConfig = await loadKubeConfig({ kubeconfig: await newUser("blind"), env: {} });
  const blind = await startReplica(scene, { identity: "blind", kubeConfig });
  await expect.poll(() => refusedRights(blind.log()), { timeout: 20_000 }).toEqual([missing]);

  await startReplica(scene, { identity: "healthy" });
  await scene.apply();
  await scene.untilIssued();
  expect(blind.log()).toContain("waiting for the caches to sync");
  expect(blind.log()).not.toContain('"msg":"leading"');
  await blind.stop();
  expect(await blind.ended).toBeUndefined();
  expect(blind.log()).toContain('"msg":"stopped"');
});

const NEEDED_ROLES = ["namespace-role", "consumers-role", "lease-role"] as const;

/** What no longer happens without a right: none is idle. */
const NEEDED_FOR: Readonly<Record<string, string>> = {
  "create coordination.k8s.io/leases": "leads",
  "get coordination.k8s.io/leases": "leads",
  "patch coordination.k8s.io/leases": "renews its lease",
  "list atlascerts.io/atlasusercertificates": "leads",
  "watch atlascerts.io/atlasusercertificates": "issues",
  "get atlascerts.io/atlasusercertificates": "issues into the Secret of a resource that is gone",
  "patch atlascerts.io/atlasusercertificates/status": "issues",
  "list /secrets": "leads",
  "get /secrets": "issues",
  "create /secrets": "issues",
  "watch /secrets": "brings a deleted Secret back",
  "list /pods": "counts pods",
  "patch /secrets": "writes over its Secret",
  "create events.k8s.io/events": "tells of it",
  "patch events.k8s.io/events": "counts what happens again",
};

function nameOf({ group, resource, verb }: Right): string {
  return `${verb} ${group}/${resource}`;
}

/** What to wait for after a refusal was seen: longer than what was refused would have taken. */
const AFTER_REFUSAL_MS = 1_500;
/** How many operators run their errands at one time. */
const AT_ONCE = 5;

test("each right is needed for something, and no other is", { timeout: 120_000 }, async () => {
  const roles = await Promise.all(NEEDED_ROLES.map(shippedRole));
  const rights = roles.flatMap(rightsOf);
  expect(rights.map(nameOf).toSorted(), "the table holds every right").toEqual(Object.keys(NEEDED_FOR).toSorted());

  const found: Record<string, string> = {};
  const lacking = [undefined, ...rights];
  await inParallel(lacking.length, AT_ONCE, async (index) => {
    const missing = lacking[index];
    found[missing === undefined ? "none" : nameOf(missing)] = await firstErrandLeftUndone(missing);
  });
  expect(found).toEqual({ ...NEEDED_FOR, none: "nothing is left undone" });
});

/**
 * Lets an operator that lacks one right run its errands, and gives the first that it leaves undone. The API server must
 * have refused it that right, and no other.
 */
async function firstErrandLeftUndone(missing: Right | undefined): Promise<string> {
  const name = missing === undefined ? "lacks-nothing" : `lacks-${Object.keys(NEEDED_FOR).indexOf(nameOf(missing))}`;
  const scene = await Scene.prepare({ place: await own().place(name) });
  for (const role of NEEDED_ROLES) {
    await grant(own().must, without(await shippedRole(role), missing), user(name), scene.namespace);
  }
  const errands = new Errands(own(), scene);
  const kubeConfig = await loadKubeConfig({ kubeconfig: await newUser(name), env: {} });
  const replica = await startReplica(scene, { identity: name, kubeConfig });
  const undone = missing === undefined ? undefined : NEEDED_FOR[nameOf(missing)];
  for (const errand of errands.with(replica)) {
    await errand.ask();
    if (missing !== undefined && errand.name === undone) {
      await expect.poll(() => refusedRights(replica.log()), { timeout: 20_000, message: name }).toEqual([missing]);
      await systemClock.sleep(AFTER_REFUSAL_MS);
      expect(await errand.isDone(), `${errand.name}, though it may not ${nameOf(missing)}`).toBe(false);
      expect(refusedRights(replica.log())).toEqual([missing]);
      return errand.name;
    }
    await expect.poll(errand.isDone, { timeout: 30_000, message: `${name}: ${errand.name}` }).toBe(true);
  }
  expect(refusedRights(replica.log())).toEqual([]);
  return "nothing is left undone";
}

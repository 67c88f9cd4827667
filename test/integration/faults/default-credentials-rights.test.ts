import { expect, test } from "vitest";
import { loadKubeConfig } from "../../../src/kube/config/load-kube-config.ts";
import { aWhile, condition, Scene } from "../operator/scene.ts";
import { grant, type Right, refusedRights, rightsOf, shippedRole, user, without } from "../operator/shipped-roles.ts";
import { temporaryFile } from "../temporary-file.ts";
import { ownControlPlane } from "./own-control-plane.ts";
import { startReplica } from "./replica.ts";

/** An operator with Roles alone whose default credentials are in a namespace that it does not watch. */

const own = ownControlPlane();
/** As the shipped Role has it. */
const SECRET = "atlas-default-credentials";

/** @param missing a right of the shipped Role that the operator is not given */
async function operatorWith(name: string, missing?: Right) {
  const home = await own().place(`${name}-home`);
  const scene = await Scene.prepare({ place: await own().place(name) });
  await grant(own().must, await shippedRole("namespace-role"), user(name), scene.namespace);
  await grant(own().must, await shippedRole("lease-role"), user(name), scene.namespace);
  await grant(own().must, without(await shippedRole("default-credentials-role"), missing), user(name), home.namespace);
  const secrets = `/api/v1/namespaces/${home.namespace}/secrets`;
  const manifest = (clientSecret: string) => ({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: SECRET },
    stringData: { clientId: "mdb_sa_id_000000000000000000000001", clientSecret },
  });
  await own().must("POST", secrets, manifest("simulator-owner-not-a-real-secret"));
  const kubeconfig = await temporaryFile("kubeconfig", await own().running.addUser({ name, groups: [] }));
  const replica = await startReplica(scene, {
    identity: name,
    kubeConfig: await loadKubeConfig({ kubeconfig, env: {} }),
    defaultCredentials: { namespace: home.namespace, name: SECRET },
  });
  await scene.apply("orders-api", { credentialsRef: undefined });
  return { scene, replica, breakThem: () => own().must("PUT", `${secrets}/${SECRET}`, manifest("wrong")) };
}

async function rights(): Promise<readonly Right[]> {
  return rightsOf(await shippedRole("default-credentials-role"));
}

const right = async (verb: string) => (await rights()).find((each) => each.verb === verb);

test("issues, and sees at once that they were replaced", async () => {
  const { scene, replica, breakThem } = await operatorWith("default-credentials");
  await scene.untilIssued();
  await breakThem();
  await scene.deleteSecret("orders-api-mongodb");
  await scene.untilReason("CredentialsRejected");
  expect(refusedRights(replica.log())).toEqual([]);
  expect((await rights()).map(({ verb }) => verb)).toEqual(["get", "list", "watch"]);
});

test.each(["get", "list"])("issues nothing without the right to %s them", async (verb) => {
  const missing = await right(verb);
  const { scene, replica } = await operatorWith(`no-${verb}`, missing);
  await expect.poll(() => refusedRights(replica.log()), { timeout: 20_000 }).toEqual([missing]);
  await aWhile();
  expect(condition(await scene.get(), "Ready")?.status).not.toBe("True");
  expect(scene.creates).toBe(0);
});

test("does not see that they were replaced without the right to watch them", async () => {
  const missing = await right("watch");
  const { scene, replica, breakThem } = await operatorWith("no-watch", missing);
  const { status } = await scene.untilIssued();
  await expect.poll(() => refusedRights(replica.log()), { timeout: 20_000 }).toEqual([missing]);
  await breakThem();
  await scene.deleteSecret("orders-api-mongodb");
  await scene.untilIssued("orders-api", status.serialNumber);
});

import { beforeEach, describe, expect, test } from "vitest";
import { SETTLED_STATUS } from "../controllers/user-certificate/testing/snapshots.ts";
import { KubeError } from "../kube/kube-error.ts";
import { DEPLOYMENTS } from "./kinds.ts";
import { CheckScene, deployment, forbidden, HOME } from "./testing/check-scene.ts";

let scene: CheckScene;
beforeEach(() => {
  scene = new CheckScene();
});

describe("where the operator asks another Atlas", () => {
  const GOVERNMENT = "https://cloud.mongodbgov.com";
  beforeEach(() => {
    scene.cluster.memory.put(DEPLOYMENTS, deployment({ atlasBaseUrl: GOVERNMENT }));
  });

  test("the public Atlas is not asked", async () => {
    expect(await scene.flaws()).toMatchInlineSnapshot(`
      "warn  Deployment operators/operator asks https://cloud.mongodbgov.com, and this command
            https://cloud.mongodb.com.
            If the address of the operator is right, check with it.
            $ kubectl atlascerts check shop --atlas-base-url=https://cloud.mongodbgov.com
      ?     Atlas was not asked: the operator asks another address."
    `);
    expect([scene.connections, (await scene.run(HOME)).exitCode]).toEqual([0, 0]);
    expect((await scene.run(HOME)).text).toContain("--operator-namespace=operators");
  });

  test("an address that was given is asked, and its refusals advise no change of the credentials", async () => {
    scene.fault = "credentials";
    const { exitCode, sentences } = await scene.run(undefined, { origin: "https://cloud.mongodb.com", isGiven: true });
    expect([scene.connections, exitCode]).toEqual([1, 0]);
    expect(sentences).toContain("so this says nothing about its credentials.");
    expect(sentences).not.toContain("Put valid credentials");
  });

  test("the same address in other letters is the same Atlas", async () => {
    scene.cluster.memory.put(DEPLOYMENTS, deployment({ atlasBaseUrl: "https://Cloud.MongoDB.com:443/" }));
    expect(await scene.flaws()).toBe("");
  });

  test.each<[string, { args: string[]; env?: { name: string; value: string }[] }]>([
    ["as two words", { args: ["run", "--atlas-base-url", GOVERNMENT] }],
    ["in the environment", { args: ["run"], env: [{ name: "ATLAS_CERTS_ATLAS_BASE_URL", value: GOVERNMENT }] }],
  ])("its address is found %s", async (_, container) => {
    const { spec: _spec, ...rest } = deployment();
    const template = { spec: { serviceAccountName: "operator", containers: [container] } };
    scene.cluster.memory.put(DEPLOYMENTS, { ...rest, spec: { template } });
    expect(await scene.flaws()).toContain("Atlas was not asked: the operator asks another address.");
  });

  test("an operator without a flag asks the public Atlas", async () => {
    const { spec: _spec, ...rest } = deployment();
    scene.cluster.memory.put(DEPLOYMENTS, {
      ...rest,
      spec: { template: { spec: { serviceAccountName: "operator" } } },
    });
    expect(await scene.flaws()).toBe("");
    expect(scene.connections).toBe(1);
  });

  test("an address that is none is shown, in a command that runs nothing else", async () => {
    scene.cluster.memory.put(DEPLOYMENTS, deployment({ atlasBaseUrl: "$(id)" }));
    expect(await scene.flaws()).toContain("'--atlas-base-url=$(id)'");
    expect(scene.connections).toBe(0);
  });
});

describe("the resources", () => {
  test("that need someone come with the command that says why", async () => {
    const unaccounted = [{ serialNumber: "7", notAfter: "2030-02-01T00:00:00Z" }];
    scene = new CheckScene({ suspend: true }, { ...SETTLED_STATUS, unaccounted });
    expect(await scene.flaws()).toMatchInlineSnapshot(`
      "warn  shop/orders-api is Ready: Issued.
            $ kubectl atlascerts status orders-api --namespace=shop
      warn  shop/orders-api: 1 certificate of its user that no resource explains.
            $ kubectl atlascerts status orders-api --namespace=shop"
    `);
    scene = new CheckScene({ userSharedWithOtherClusters: true }, { ...SETTLED_STATUS, unaccounted });
    expect(await scene.flaws()).toBe("");
  });

  test("that are Ready and need someone are a warning", async () => {
    const conditions = (SETTLED_STATUS.conditions ?? []).map((one) => ({ ...one, reason: "UsernameTaken" }));
    const { text } = await new CheckScene({}, { ...SETTLED_STATUS, conditions }).run();
    expect(text).toContain("warn  shop/orders-api is Ready: UsernameTaken.");
  });

  test("that were never reconciled are a warning", async () => {
    expect(await new CheckScene({}, {}).flaws()).toContain("warn  shop/orders-api: The operator has not reconciled");
  });

  test.each([
    ["may not be listed", forbidden, "?     You may not list AtlasUserCertificates in namespace shop"],
    [
      "have no kind",
      new KubeError({ reason: "NotFound", operation: "list" }),
      "the cluster has no kind AtlasUserCertificate",
    ],
  ])("that %s leave the rest of the check as it is", async (_, error, sentence) => {
    scene.cluster.failing.set("atlasusercertificates.atlascerts.io", error);
    expect(await scene.flaws()).toContain(sentence);
    scene.cluster.failing.set(
      "atlasusercertificates.atlascerts.io",
      new KubeError({ reason: "Timeout", operation: "list" }),
    );
    await expect(scene.run()).rejects.toThrow("Timeout");
  });

  test("may be none", async () => {
    scene.cluster.namespace = "empty";
    expect((await scene.run()).text).toContain("there is nothing to ask Atlas about");
    expect(scene.connections).toBe(0);
  });
});

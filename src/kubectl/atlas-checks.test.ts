import { beforeEach, describe, expect, test } from "vitest";
import type { AtlasErrorKind } from "../atlas/errors/atlas-error.ts";
import { NOW } from "../controllers/user-certificate/testing/snapshots.ts";
import { SECRETS } from "../kube/core-types.ts";
import { DEPLOYMENTS } from "./kinds.ts";
import { base64, CheckScene, deployment, forbidden } from "./testing/check-scene.ts";

let scene: CheckScene;
beforeEach(() => {
  scene = new CheckScene();
});

describe("the credentials", () => {
  test.each<[string, AtlasErrorKind, string]>([
    ["that Atlas rejects", "credentials", "Put valid credentials into Secret shop/atlas-api"],
    ["of another project", "projectNotFound", "give the credentials access to that project"],
  ])("%s fail, and no user is asked about", async (_, kind, sentence) => {
    scene.fault = kind;
    const { exitCode, sentences } = await scene.run();
    expect([exitCode, sentences]).toEqual([3, expect.stringContaining(sentence)]);
    expect(sentences).not.toContain("Database user");
  });

  test("without the role fail, and the users are looked at nevertheless", async () => {
    scene.fault = "role";
    const { text } = await scene.run();
    expect(text).toContain("Grant the credentials in Secret shop/atlas-api the role Project Owner");
    expect(text).toContain("Database user orders-api has x509Type MANAGED");
  });

  test.each<[AtlasErrorKind, string]>([
    ["accessList", "The address of the cluster must be on that list"],
    ["unavailable", "machine that runs this command: check its --atlas-ca-file and HTTPS_PROXY."],
    ["badAnswer", "machine that runs this command: check its --atlas-ca-file and HTTPS_PROXY."],
    ["rateLimited", "Run the check again later."],
  ])("that cannot be tried from here (%s) are no failure: the operator is elsewhere", async (kind, sentence) => {
    scene.fault = kind;
    const { exitCode, sentences } = await scene.run();
    expect([exitCode, sentences]).toEqual([0, expect.stringContaining(sentence)]);
    expect(sentences).toContain(`warn Atlas says ${kind}.`);
  });

  test("that are missing come with the command that creates them", async () => {
    scene.cluster.memory.remove(SECRETS, { namespace: "shop", name: "atlas-api" });
    expect(await scene.flaws()).toMatchInlineSnapshot(`
      "fail  Secret shop/atlas-api does not exist.
            $ kubectl create secret generic atlas-api --namespace=shop --from-literal=clientId=… \\
               --from-literal=clientSecret=…"
    `);
    expect(scene.connections).toBe(0);
  });

  test("that are incomplete are described without a value", async () => {
    const data = { clientSecret: base64("a-secret") };
    scene.cluster.memory.put(SECRETS, { metadata: { namespace: "shop", name: "atlas-api" }, data });
    const { text } = await scene.run();
    expect(text).toContain("fail  Secret shop/atlas-api: The credentials hold clientSecret but not clientId");
    expect(text).not.toContain("a-secret");
  });

  test("that the user may not read are not used", async () => {
    scene.cluster.memory.fault = ({ what }) => (what.startsWith("secrets") ? forbidden : undefined);
    const { exitCode, text } = await scene.run();
    expect([exitCode, text]).toEqual([0, expect.stringContaining("you may not read it, so Atlas was not asked")]);
    expect(scene.connections).toBe(0);
  });
});

describe("the project and its users", () => {
  test("customer-managed X.509 fails with the command that disables it", async () => {
    scene.customerX509 = { cas: "PEM" };
    expect(await scene.flaws()).toMatchInlineSnapshot(`
      "fail  Customer-managed X.509 is on: Atlas issues no certificates.
            Disable it, which restarts the database, or use another project.
            $ atlas security customerCerts disable --projectId=32b6e34b3d91647abb20e7b8"
    `);
  });

  test("a clock that differs from that of Atlas is a warning", async () => {
    scene.answeredAt = new Date(NOW + 600_000);
    expect(await scene.flaws()).toContain("warn  This machine's clock is 10m behind Atlas' clock.");
    scene.answeredAt = new Date(NOW - 300_000);
    expect(await scene.flaws()).toContain("warn  This machine's clock is 5m ahead of Atlas' clock.");
    scene.answeredAt = undefined;
    expect((await scene.run()).text).not.toContain("clock");
  });

  test("a user that is missing, or of another type, fails with the command that corrects it", async () => {
    scene.users.clear();
    expect(await scene.flaws()).toMatchInlineSnapshot(`
      "fail  Database user orders-api does not exist, or X.509 does not authenticate it.
            $ atlas dbusers create --username=orders-api --x509Type=MANAGED \\
               --projectId=32b6e34b3d91647abb20e7b8 --role=readWrite@DATABASE"
    `);
    scene.users.set("orders-api", undefined);
    expect(await scene.flaws()).toMatchInlineSnapshot(`
      "fail  Database user orders-api has x509Type NONE, not MANAGED: Atlas issues no certificate for it.
            $ atlas dbusers update orders-api '--authDB=$external' --x509Type=MANAGED \\
               --projectId=32b6e34b3d91647abb20e7b8"
    `);
  });

  test("a user with as many certificates as are allowed is a warning", async () => {
    scene.certificates = 10;
    expect(await scene.flaws()).toContain("Only renewals that are due are issued");
    scene.cluster.memory.put(DEPLOYMENTS, deployment({ args: ["--max-unexpired-per-user=20"] }));
    expect(await scene.flaws()).toBe("");
  });
});

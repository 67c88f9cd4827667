import { beforeEach, describe, expect, test } from "vitest";
import { PROJECT_X509 } from "../api/project-x509.ts";
import { PROJECT } from "../controllers/user-certificate/testing/snapshots.ts";
import { SECRETS } from "../kube/core-types.ts";
import { DEPLOYMENTS } from "./kinds.ts";
import { CheckScene, deployment, forbidden, HOME } from "./testing/check-scene.ts";

let scene: CheckScene;
beforeEach(() => {
  scene = new CheckScene();
});

describe("a project with grants", () => {
  const spec = { projectId: undefined, credentialsRef: undefined, projectRef: { name: "production" } };
  const condition = { type: "Ready", reason: "Reachable", lastTransitionTime: "2030-01-01T00:00:00Z" };

  function withProject(status: "True" | "False" = "True", projectSpec: object = {}) {
    scene = new CheckScene(spec);
    scene.cluster.memory.put(PROJECT_X509, {
      metadata: { name: "production" },
      spec: { projectId: PROJECT, credentialsRef: { name: "production" }, ...projectSpec },
      status: { conditions: [{ ...condition, status, message: "The project is reachable." }] },
    } as never);
    return scene;
  }

  test("is asked about with its credentials in the operator's namespace", async () => {
    const { text } = await withProject().run();
    expect(text).toMatch(/AtlasProjectX509 production\nok {4}The project is reachable\.\nok {4}Atlas accepts/);
  });

  test("with customer-managed X.509 names the object that says how to disable it", async () => {
    withProject().customerX509 = { cas: "PEM" };
    expect(await scene.flaws()).toContain("$ kubectl describe apx production");
  });

  test("that is not reachable fails", async () => {
    expect(await withProject("False").flaws()).toContain("fail  The project is reachable.");
  });

  test("that was never reconciled is a warning", async () => {
    scene = withProject();
    scene.cluster.memory.put(PROJECT_X509, {
      metadata: { name: "production" },
      spec: { projectId: PROJECT, credentialsRef: { name: "production" } },
    } as never);
    expect(await scene.flaws()).toContain("warn  The operator has not reconciled it yet.");
  });

  test("that does not exist, or cannot be read, fails", async () => {
    expect(await new CheckScene(spec).flaws()).toContain("fail  AtlasProjectX509 production does not exist.");
    expect(await withProject("True", { projectId: 7 }).flaws()).toContain("fail  This version cannot read it");
  });

  test("whose credentials are not labelled fails with the command that labels them", async () => {
    scene = withProject();
    scene.cluster.memory.put(SECRETS, { metadata: { namespace: HOME, name: "production", labels: {} } });
    expect(await scene.flaws()).toContain(
      "$ kubectl label secret production --namespace=operators atlascerts.io/credentials=true",
    );
  });

  test("whose credentials do not exist fails with the commands that create and label them", async () => {
    scene = withProject();
    scene.cluster.memory.remove(SECRETS, { namespace: HOME, name: "production" });
    expect(await scene.flaws()).toMatchInlineSnapshot(`
      "fail  Secret operators/production does not exist.
            $ kubectl create secret generic production --namespace=operators --from-literal=clientId=… \\
               --from-literal=clientSecret=…
            $ kubectl label secret production --namespace=operators atlascerts.io/credentials=true"
    `);
    expect(JSON.stringify((await scene.run()).data)).toContain(
      "clientSecret=… && kubectl label secret production --namespace=operators atlascerts.io/credentials=true",
    );
  });

  test("is asked about in the namespace of the operator that serves projects", async () => {
    scene = withProject();
    const { metadata, ...rest } = deployment({ args: ["--projects=false", "--watch-namespaces=shop"] });
    scene.cluster.memory.remove(DEPLOYMENTS, { namespace: HOME, name: "operator" });
    scene.cluster.memory.put(DEPLOYMENTS, { metadata: { ...metadata, namespace: "first" }, ...rest });
    scene.cluster.memory.put(DEPLOYMENTS, deployment());
    expect((await scene.run()).text).toContain("Atlas accepts");
  });

  test("that the user may not read is not a failure", async () => {
    scene = withProject();
    scene.cluster.memory.fault = ({ what }) => (what.startsWith("atlasprojectx509s") ? forbidden : undefined);
    expect(await scene.flaws()).toContain("?     You may not read it");
  });

  test("is not asked about where the operator's namespace is not known", async () => {
    scene = withProject();
    scene.cluster.failing.set("deployments.apps", forbidden);
    expect((await scene.run()).sentences).toContain("so Atlas was not asked. Set --operator-namespace.");
    expect((await scene.run(HOME)).text).toContain("Atlas accepts");
  });
});

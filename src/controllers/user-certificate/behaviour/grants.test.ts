import { describe, expect, test } from "vitest";
import { CREDENTIALS_LABEL } from "../../../api/names.ts";
import { PROJECT_X509 } from "../../../api/project-x509.ts";
import { SECRETS } from "../../../kube/core-types.ts";
import { granting, ORDERS, projectScene, settled, THROUGH, whole } from "../testing/grants-rig.ts";
import { OPERATOR_NAMESPACE } from "../testing/process.ts";
import type { Scene } from "../testing/scene.ts";
import { OTHER_PROJECT } from "../testing/snapshots.ts";

/** Resources that obtain certificates through an AtlasProjectX509. */

test("a granted resource is issued a certificate of the project with the project's credentials", async () => {
  const at = projectScene();
  at.apply(THROUGH);
  await settled(at);
  expect(at.ready()).toBe("True Issued");
  const read = at.cluster.calls.filter(({ verb, what }) => verb === "get" && what.startsWith("secrets operators/"));
  expect(read.map(({ what }) => what)).toEqual(["secrets operators/atlas-production"]);
  expect(at.secret()?.metadata.annotations?.["atlascerts.io/project-id"]).toBe("32b6e34b3d91647abb20e7b8");
  expect(at.resource().spec.projectId).toBeUndefined();
});

describe("nothing is asked of Atlas and nothing issued", () => {
  test.each<readonly [string, (at: Scene) => void]>([
    ["without grants", (at) => at.applyProject({})],
    ["with a grant to another namespace", (at) => at.applyProject(granting({ ...ORDERS, namespaces: ["other"] }))],
    ["with a grant of another user", (at) => at.applyProject(granting({ ...ORDERS, usernames: ["billing"] }))],
    ["if the project does not exist", (at) => at.cluster.remove(PROJECT_X509, { name: "production" })],
    [
      "if the project is being deleted",
      (at) => {
        const project = at.cluster.peek(PROJECT_X509, { name: "production" });
        const metadata = { name: "production", deletionTimestamp: "2030-01-01T00:00:00Z" };
        at.cluster.put(PROJECT_X509, { ...project, metadata });
      },
    ],
    [
      "by a younger object of the same project",
      (at) => {
        at.cluster.remove(PROJECT_X509, { name: "production" });
        at.applyProject({}, "older");
        at.clock.advanceNow(1000);
        at.applyProject(granting(ORDERS));
      },
    ],
  ])("%s, and all of these read the same", async (_what, change) => {
    const at = projectScene();
    change(at);
    at.apply(THROUGH);
    await settled(at);
    expect(at.ready()).toBe("False NotGranted");
    expect(whole(at)).toContain(
      "AtlasProjectX509 production does not exist, or does not grant user orders-api to namespace shop. Ask the platform team to grant",
    );
    expect([at.atlas.lists, at.atlas.creates]).toEqual([0, 0]);
    expect(at.stalled()).toBe("True NotGranted");
  });

  test("for more months than are granted", async () => {
    const at = projectScene();
    at.apply({ ...THROUGH, monthsUntilExpiration: 4 });
    await settled(at);
    expect(at.ready()).toBe("False NotGranted");
    expect(whole(at)).toContain("allows namespace shop at most 3 months for user orders-api");
    expect(at.atlas.creates).toBe(0);
  });

  test("if the operator serves no projects", async () => {
    const at = projectScene();
    at.apply(THROUGH);
    await settled(at, { servesProjects: false });
    expect(whole(at)).toContain("This operator does not serve AtlasProjectX509");
    expect(at.atlas.creates).toBe(0);
  });
});

test("of several objects of one project the oldest rules", async () => {
  const at = projectScene();
  at.clock.advanceNow(1000);
  at.applyProject({}, "younger");
  at.apply(THROUGH);
  await settled(at);
  expect(at.ready()).toBe("True Issued");
});

describe("the project's credentials", () => {
  test("must have the label", async () => {
    const at = projectScene();
    const ref = { namespace: OPERATOR_NAMESPACE, name: "atlas-production" };
    const secret = at.cluster.peek(SECRETS, ref);
    at.cluster.put(SECRETS, { ...secret, metadata: ref });
    at.apply(THROUGH);
    const process = await settled(at);
    expect(at.ready()).toBe("False CredentialsMissing");
    expect(whole(at)).toContain("The Atlas credentials of AtlasProjectX509 production cannot be used.");
    // The Secret is the platform team's affair.
    expect(whole(at)).not.toContain("atlas-production");
    at.cluster.put(SECRETS, { ...secret, metadata: { ...ref, labels: { [CREDENTIALS_LABEL]: "true" } } });
    await at.settle(process);
    expect(at.ready()).toBe("True Issued");
  });
});

describe("moving in:", () => {
  test("a resource with credentials of its own that changes to projectRef keeps its certificate", async () => {
    const at = projectScene();
    at.apply();
    const process = await settled(at);
    const before = at.serialIn();
    at.apply(THROUGH);
    await at.settle(process);
    expect([at.ready(), at.serialIn(), at.atlas.creates]).toEqual(["True Issued", before, 1]);
  });

  test("to another project it gets a new one", async () => {
    const at = projectScene({ ...granting(ORDERS), projectId: OTHER_PROJECT });
    at.apply();
    const process = await settled(at);
    at.apply(THROUGH);
    await at.settle(process);
    expect([at.ready(), at.atlas.creates]).toEqual(["True Issued", 2]);
  });

  test("a project that is deleted and applied again costs no certificate", async () => {
    const at = projectScene();
    at.apply(THROUGH);
    const process = await settled(at);
    at.cluster.remove(PROJECT_X509, { name: "production" });
    await at.settle(process);
    expect(at.ready()).toBe("True NotGranted");
    at.applyProject(granting(ORDERS));
    await at.settle(process);
    expect([at.ready(), at.atlas.creates]).toEqual(["True Issued", 1]);
  });
});

test("credentials of its own can be forbidden for the cluster", async () => {
  const at = projectScene();
  at.apply();
  const process = await settled(at, { allowOwnCredentials: false });
  expect(at.ready()).toBe("False OwnCredentialsForbidden");
  expect([at.atlas.lists, at.atlas.creates]).toEqual([0, 0]);
  at.apply(THROUGH);
  await at.settle(process);
  expect(at.ready()).toBe("True Issued");
});

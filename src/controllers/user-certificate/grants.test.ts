import { describe, expect, test } from "vitest";
import { CREDENTIALS_LABEL } from "../../api/names.ts";
import { PROJECT_X509, type ProjectX509Spec } from "../../api/project-x509.ts";
import { USER_CERTIFICATE } from "../../api/user-certificate.ts";
import { NAMESPACES, SECRETS } from "../../kube/core-types.ts";
import { NAMESPACE, OPERATOR_NAMESPACE, type ProcessOptions, Scene } from "./testing/scene.ts";
import { OTHER_PROJECT, PROJECT } from "./testing/snapshots.ts";

/** Resources that obtain certificates through an AtlasProjectX509. */

const THROUGH = { projectRef: { name: "production" } };
const DEFAULTS = { maxMonths: 3, shared: false, everybody: false };
const ORDERS = { ...DEFAULTS, namespaces: [NAMESPACE], usernames: ["orders-*"] };
const BOTH = { ...ORDERS, namespaces: [NAMESPACE, "other"] };
const granting = (...grants: NonNullable<ProjectX509Spec["grants"]>[number][]) => ({ grants });

function scene(project: Partial<ProjectX509Spec> = granting(ORDERS)): Scene {
  const at = new Scene();
  at.applyProject(project);
  return at;
}

async function settled(at: Scene, options: ProcessOptions = {}, name = "orders-api") {
  const process = at.start(options);
  await at.settle(process, name);
  return process;
}

const message = (at: Scene, name = "orders-api") => at.condition("Ready", name).message;
const whole = (at: Scene, name = "orders-api") => `${message(at, name)} ${at.condition("Stalled", name).message}`;

test("a granted resource is issued a certificate of the project with the project's credentials", async () => {
  const at = scene();
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
    const at = scene();
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
    const at = scene();
    at.apply({ ...THROUGH, monthsUntilExpiration: 4 });
    await settled(at);
    expect(at.ready()).toBe("False NotGranted");
    expect(whole(at)).toContain("allows namespace shop at most 3 months for user orders-api");
    expect(at.atlas.creates).toBe(0);
  });

  test("if the operator serves no projects", async () => {
    const at = scene();
    at.apply(THROUGH);
    await settled(at, { servesProjects: false });
    expect(whole(at)).toContain("This operator does not serve AtlasProjectX509");
    expect(at.atlas.creates).toBe(0);
  });
});

test("of several objects of one project the oldest rules", async () => {
  const at = scene();
  at.clock.advanceNow(1000);
  at.applyProject({}, "younger");
  at.apply(THROUGH);
  await settled(at);
  expect(at.ready()).toBe("True Issued");
});

describe("the project's credentials", () => {
  test("must have the label", async () => {
    const at = scene();
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

describe("a grant that is withdrawn", () => {
  async function withdrawn() {
    const at = scene();
    at.apply(THROUGH);
    const process = await settled(at);
    at.applyProject({});
    at.atlas.lists = 0;
    await at.settle(process);
    return { at, process };
  }

  test("leaves the resource Ready and says until when issued certificates can be used", async () => {
    const { at } = await withdrawn();
    expect(at.ready()).toBe("True NotGranted");
    expect(message(at)).toMatch(
      /does not grant user orders-api to namespace shop\. Certificates that were already issued can be used to log in until 2030-04-\d\dT[\d:]+Z\. The certificate in Secret orders-api-mongodb is valid until 2030-04/,
    );
    expect(at.stalled()).toBe("False NotGranted");
  });

  test("stops the renewal, and Ready turns False at the expiry", async () => {
    const { at, process } = await withdrawn();
    const notAfter = Date.parse(at.status().notAfter ?? "");
    at.clock.advanceNow(notAfter - at.clock.now() - 1000);
    await at.reconcile(process);
    expect([at.ready(), at.stalled()]).toEqual(["True NotGranted", "True NotGranted"]);
    at.clock.advanceNow(1000);
    await at.reconcile(process);
    expect(at.ready()).toBe("False NotGranted");
    expect(message(at)).toContain("expired");
    expect([at.atlas.creates, at.atlas.lists]).toEqual([1, 0]);
  });

  test("and given back lets the renewal go on at once", async () => {
    const { at, process } = await withdrawn();
    at.clock.advanceNow(70 * 86_400_000);
    await at.settle(process);
    expect([at.ready(), at.atlas.creates]).toEqual(["True NotGranted", 1]);
    at.applyProject(granting(ORDERS));
    await at.settle(process);
    expect([at.ready(), at.atlas.creates]).toEqual(["True Issued", 2]);
  });

  test("after the decision stops the create, and the attempt comes off the record", async () => {
    const at = scene();
    at.apply(THROUGH);
    const process = at.start({
      onStep: (step) => {
        if (step === "create") at.applyProject({});
      },
    });
    await at.settle(process);
    expect(at.atlas.creates).toBe(0);
    expect(at.ready()).toBe("False NotGranted");
    expect(at.status().issuance).toBeUndefined();
    expect(at.status().recentIssuances ?? []).toEqual([]);
  });

  test("does not keep the operator from learning the outcome of an attempt", async () => {
    const at = scene();
    at.apply(THROUGH);
    at.atlas.createFault = () => "answerLost";
    const process = at.start();
    await at.reconcile(process).catch(() => {});
    expect(at.status().issuance).toBeDefined();
    at.applyProject({});
    at.clock.advanceNow(3_600_000);
    at.atlas.lists = 0;
    await at.settle(process);
    expect(at.atlas.lists).toBeGreaterThan(0);
    expect(at.status().issuance).toBeUndefined();
    expect(at.ready()).toBe("False NotGranted");
    expect(at.orphanEvents()).toHaveLength(1);
  });
});

describe("while the watch is out of date", () => {
  test("nothing is issued, and afterwards it goes on", async () => {
    const at = scene();
    at.apply(THROUGH);
    at.outdated = ["projects"];
    const process = await settled(at);
    expect(at.ready()).toBe("False GrantsUnverified");
    expect(at.atlas.creates).toBe(0);
    at.outdated = [];
    await at.settle(process);
    expect(at.ready()).toBe("True Issued");
  });

  test("what was issued stays as it is, and is verified", async () => {
    const at = scene();
    at.apply(THROUGH);
    const process = await settled(at);
    at.outdated = ["projects"];
    at.clock.advanceNow(7 * 3_600_000);
    at.atlas.lists = 0;
    await at.settle(process);
    expect([at.ready(), at.atlas.lists]).toEqual(["True Issued", 1]);
  });

  test("nothing is created even if it was current when that was decided", async () => {
    const at = scene();
    at.apply(THROUGH);
    const process = at.start({
      onStep: (step) => {
        if (step === "create") at.outdated = ["projects"];
      },
    });
    await at.settle(process);
    expect(at.atlas.creates).toBe(0);
    expect(at.ready()).toBe("False GrantsUnverified");
  });

  test("a grant by labels counts for nothing, one by name does", async () => {
    const selector = { ...DEFAULTS, namespaceSelector: { matchLabels: { team: "shop" } }, usernames: ["orders-*"] };
    const at = scene(granting(selector));
    at.cluster.put(NAMESPACES, { metadata: { name: NAMESPACE, labels: { team: "shop" } } });
    at.apply(THROUGH);
    at.outdated = ["namespaces"];
    const process = await settled(at);
    expect(at.ready()).toBe("False GrantsUnverified");
    at.applyProject(granting(selector, ORDERS));
    await at.settle(process);
    expect(at.ready()).toBe("True Issued");
  });
});

test("a namespace that loses the label loses the grant", async () => {
  const selector = { ...DEFAULTS, namespaceSelector: { matchLabels: { team: "shop" } }, usernames: ["orders-*"] };
  const at = scene(granting(selector));
  at.cluster.put(NAMESPACES, { metadata: { name: NAMESPACE, labels: { team: "shop" } } });
  at.apply(THROUGH);
  const process = await settled(at);
  expect(at.ready()).toBe("True Issued");
  at.cluster.put(NAMESPACES, { metadata: { name: NAMESPACE, labels: { team: "x" } } });
  await at.settle(process);
  expect(at.ready()).toBe("True NotGranted");
});

describe("a user belongs to one namespace:", () => {
  const taken = { ...THROUGH, secretName: "other-mongodb" };
  async function two(grant = BOTH, options: { readonly username?: string } = {}) {
    const at = scene(granting(grant));
    at.apply(THROUGH);
    const process = await settled(at);
    at.clock.advanceNow(1000);
    at.apply({ ...taken, ...options }, { namespace: "other" });
    await at.settle(process, "other/orders-api");
    return { at, process };
  }

  test("the second one gets UsernameTaken, and does not learn whose it is", async () => {
    const { at, process } = await two();
    expect(at.ready("other/orders-api")).toBe("False UsernameTaken");
    expect(whole(at, "other/orders-api")).not.toContain(NAMESPACE);
    expect(at.atlas.creates).toBe(1);
    await at.settle(process);
    expect(at.ready()).toBe("True Issued");
  });

  test("unless the grant is shared", async () => {
    const { at } = await two({ ...BOTH, shared: true });
    expect(at.ready("other/orders-api")).toBe("True Issued");
  });

  test("once the first one is gone, the second one gets it", async () => {
    const { at, process } = await two();
    at.cluster.remove(USER_CERTIFICATE, { namespace: NAMESPACE, name: "orders-api" });
    await at.settle(process, "other/orders-api");
    expect(at.ready("other/orders-api")).toBe("True Issued");
  });

  test("an older resource that is renamed to the user does not take it away", async () => {
    const at = scene(granting(BOTH));
    at.apply({ ...taken, username: "orders-x" }, { namespace: "other" });
    at.clock.advanceNow(60_000);
    at.apply(THROUGH);
    const process = await settled(at);
    at.apply(taken, { namespace: "other" });
    await at.settle(process, "other/orders-api");
    await at.settle(process);
    expect(at.ready("other/orders-api")).toBe("False UsernameTaken");
    expect(at.ready()).toBe("True Issued");
  });

  test("another spelling of a distinguished name is the same user", async () => {
    const at = scene(
      granting({ ...DEFAULTS, namespaces: [NAMESPACE, "other"], distinguishedNames: ["CN=orders-api,OU=shop"] }),
    );
    at.apply({ ...THROUGH, username: "CN=orders-api,OU=shop" });
    const process = await settled(at);
    at.clock.advanceNow(1000);
    at.apply({ ...taken, username: "ou=shop, CN=orders-api" }, { namespace: "other" });
    await at.settle(process, "other/orders-api");
    expect(at.ready("other/orders-api")).toBe("False UsernameTaken");
  });

  test("one with credentials of its own takes it from no one, though it names the same project and user first", async () => {
    const at = scene(granting(BOTH));
    at.apply({ secretName: "other-mongodb" }, { namespace: "other" });
    at.clock.advanceNow(60_000);
    at.apply(THROUGH);
    const process = await settled(at, {}, "other/orders-api");
    await at.settle(process);
    expect(at.resource("other/orders-api").spec).toMatchObject({ projectId: PROJECT, username: "orders-api" });
    expect(at.ready()).toBe("True Issued");
  });

  test("one that is not granted the user takes it from no one", async () => {
    const at = scene(granting(ORDERS));
    at.apply(taken, { namespace: "other" });
    at.clock.advanceNow(60_000);
    at.apply(THROUGH);
    const process = await settled(at);
    await at.settle(process, "other/orders-api");
    expect([at.ready(), at.ready("other/orders-api")]).toEqual(["True Issued", "False NotGranted"]);
  });
});

describe("maxResources", () => {
  test("goes to the oldest resources of the namespace, and the next one follows", async () => {
    const at = scene(granting({ ...ORDERS, maxResources: 1 }));
    at.apply(THROUGH);
    at.clock.advanceNow(1000);
    at.apply({ ...THROUGH, username: "orders-web", secretName: "orders-web-mongodb" }, { name: "orders-web" });
    const process = await settled(at);
    await at.settle(process, "orders-web");
    expect([at.ready(), at.ready("orders-web")]).toEqual(["True Issued", "False NotGranted"]);
    expect(whole(at, "orders-web")).toContain(
      "allows namespace shop at most 1 resource, and that many older ones already use it",
    );
    at.cluster.remove(USER_CERTIFICATE, { namespace: NAMESPACE, name: "orders-api" });
    await at.settle(process, "orders-web");
    expect(at.ready("orders-web")).toBe("True Issued");
  });
});

describe("moving in:", () => {
  test("a resource with credentials of its own that changes to projectRef keeps its certificate", async () => {
    const at = scene();
    at.apply();
    const process = await settled(at);
    const before = at.serialIn();
    at.apply(THROUGH);
    await at.settle(process);
    expect([at.ready(), at.serialIn(), at.atlas.creates]).toEqual(["True Issued", before, 1]);
  });

  test("to another project it gets a new one", async () => {
    const at = scene({ ...granting(ORDERS), projectId: OTHER_PROJECT });
    at.apply();
    const process = await settled(at);
    at.apply(THROUGH);
    await at.settle(process);
    expect([at.ready(), at.atlas.creates]).toEqual(["True Issued", 2]);
  });

  test("a project that is deleted and applied again costs no certificate", async () => {
    const at = scene();
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
  const at = scene();
  at.apply();
  const process = await settled(at, { allowOwnCredentials: false });
  expect(at.ready()).toBe("False OwnCredentialsForbidden");
  expect([at.atlas.lists, at.atlas.creates]).toEqual([0, 0]);
  at.apply(THROUGH);
  await at.settle(process);
  expect(at.ready()).toBe("True Issued");
});

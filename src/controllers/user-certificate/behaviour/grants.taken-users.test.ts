import { describe, expect, test } from "vitest";
import { USER_CERTIFICATE } from "../../../api/user-certificate.ts";
import { BOTH, DEFAULTS, granting, ORDERS, projectScene, settled, THROUGH, whole } from "../testing/grants-rig.ts";
import { NAMESPACE } from "../testing/scene.ts";
import { PROJECT } from "../testing/snapshots.ts";

describe("a user belongs to one namespace:", () => {
  const taken = { ...THROUGH, secretName: "other-mongodb" };
  async function two(grant = BOTH, options: { readonly username?: string } = {}) {
    const at = projectScene(granting(grant));
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
    const at = projectScene(granting(BOTH));
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
    const at = projectScene(
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
    const at = projectScene(granting(BOTH));
    at.apply({ secretName: "other-mongodb" }, { namespace: "other" });
    at.clock.advanceNow(60_000);
    at.apply(THROUGH);
    const process = await settled(at, {}, "other/orders-api");
    await at.settle(process);
    expect(at.resource("other/orders-api").spec).toMatchObject({ projectId: PROJECT, username: "orders-api" });
    expect(at.ready()).toBe("True Issued");
  });

  test("one that is not granted the user takes it from no one", async () => {
    const at = projectScene(granting(ORDERS));
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
    const at = projectScene(granting({ ...ORDERS, maxResources: 1 }));
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

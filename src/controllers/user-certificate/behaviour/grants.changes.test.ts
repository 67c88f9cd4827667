import { describe, expect, test } from "vitest";
import { NAMESPACES } from "../../../kube/core-types.ts";
import { DEFAULTS, granting, message, ORDERS, projectScene, settled, THROUGH } from "../testing/grants-rig.ts";
import { NAMESPACE } from "../testing/scene.ts";

describe("a grant that is withdrawn", () => {
  async function withdrawn() {
    const at = projectScene();
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
    const at = projectScene();
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
    const at = projectScene();
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
    const at = projectScene();
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
    const at = projectScene();
    at.apply(THROUGH);
    const process = await settled(at);
    at.outdated = ["projects"];
    at.clock.advanceNow(7 * 3_600_000);
    at.atlas.lists = 0;
    await at.settle(process);
    expect([at.ready(), at.atlas.lists]).toEqual(["True Issued", 1]);
  });

  test("nothing is created even if it was current when that was decided", async () => {
    const at = projectScene();
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
    const at = projectScene(granting(selector));
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
  const at = projectScene(granting(selector));
  at.cluster.put(NAMESPACES, { metadata: { name: NAMESPACE, labels: { team: "shop" } } });
  at.apply(THROUGH);
  const process = await settled(at);
  expect(at.ready()).toBe("True Issued");
  at.cluster.put(NAMESPACES, { metadata: { name: NAMESPACE, labels: { team: "x" } } });
  await at.settle(process);
  expect(at.ready()).toBe("True NotGranted");
});

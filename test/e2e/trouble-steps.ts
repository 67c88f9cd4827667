import { expect, it } from "vitest";
import { apply, eventually, get, kubectl } from "./commands.ts";
import { NAMESPACE, operatorPods, operatorsReady, RELEASE } from "./installation.ts";
import { certificate, secret } from "./manifests.ts";
import { expectNoRestarts } from "./observations.ts";
import { issuedSerial, SHOP, statusOf, untilReady } from "./shop.ts";
import type { SimulatorControls } from "./simulator.ts";

/** The steps of the story in which leaders are deleted and killed, a node is drained and credentials change. */
export function troubleSteps(atlas: SimulatorControls): void {
  it("issues once, and holds what it issued, when the leader's pod is deleted in the middle", async () => {
    const user = "CN=reports,OU=analytics,O=Example";
    await atlas.ask("POST", "/faults", {
      operation: "createDatabaseUserCertificate",
      username: user,
      effect: { kind: "delay", ms: 6_000 },
    });
    await apply(SHOP, certificate({ name: "reports", username: user, monthsUntilExpiration: 24 }));
    await eventually("create on its way", 30_000, async () => ((await atlas.creates(user)) === 1 ? true : undefined));
    const leader = await leaderPod();
    await kubectl("delete", "pod", leader, "--namespace", NAMESPACE, "--wait=false");
    await untilReady("reports");
    expect(await atlas.creates(user)).toBe(1);
    expect((await atlas.certificates(user)).map((each) => each.serialNumber)).toEqual([await issuedSerial("reports")]);
    expect((await statusOf("reports")).unaccounted ?? []).toEqual([]);
    await eventually("other leader", 60_000, async () => ((await leaderPod()) === leader ? undefined : true));
  });

  it("accounts for the certificate that nobody holds when the leader's pod is killed in the middle", async () => {
    await operatorsReady();
    await atlas.ask("POST", "/faults", {
      operation: "createDatabaseUserCertificate",
      username: "billing",
      effect: { kind: "delay", ms: 12_000 },
    });
    await apply(SHOP, certificate({ name: "billing", username: "billing", monthsUntilExpiration: 24 }));
    await eventually("create on its way", 30_000, async () => ((await atlas.creates("billing")) ? true : undefined));
    const leader = await leaderPod();
    await kubectl("delete", "pod", leader, "--namespace", NAMESPACE, "--grace-period=0", "--force");
    await untilReady("billing");
    const serials = (await atlas.certificates("billing")).map((each) => each.serialNumber);
    const { serialNumber, unaccounted = [] } = await statusOf("billing");
    expect(serials).toContain(serialNumber);
    expect(unaccounted).toHaveLength(serials.length - 1);
    expect(await atlas.creates("billing")).toBeLessThanOrEqual(2);
  });

  it("loses one pod, and not both, to a drain", async () => {
    await operatorsReady();
    const [pod] = await operatorPods();
    const node = pod?.spec.nodeName ?? "";
    const selector = `--pod-selector=app.kubernetes.io/component=operator,app.kubernetes.io/instance=${RELEASE}`;
    try {
      const drain = kubectl("drain", node, selector, "--ignore-daemonsets", "--timeout=8s");
      // With one node there is no place for another pod, and the drain has to give up; with more it succeeds.
      const outcome = await drain.catch((error: unknown) => String(error));
      if ((await get<{ items: unknown[] }>("nodes")).items.length === 1) {
        expect(outcome).toContain("violate the pod's disruption budget");
      }
      const ready = (await operatorPods()).filter((each) => each.isReady);
      expect(ready.length).toBeGreaterThanOrEqual(1);
    } finally {
      await kubectl("uncordon", node);
    }
    await operatorsReady();
  });

  it("takes rotated credentials without a restart", async () => {
    const pods = (await operatorPods()).map((each) => each.metadata.name).sort();
    const before = await issuedSerial("orders-api");
    const { clientId, clientSecret } = JSON.parse(await atlas.ask("POST", "/credentials/owner-service-account/rotate"));
    await apply(SHOP, secret("atlas-api", { clientId, clientSecret }));
    await kubectl(
      ...["annotate", "auc/orders-api", "--namespace", SHOP, "--overwrite"],
      "atlascerts.io/renew-requested-at=credentials rotated",
    );
    await untilReady("orders-api", { otherThan: before });
    expect((await operatorPods()).map((each) => each.metadata.name).sort()).toEqual(pods);
    await expectNoRestarts();
  });
}

/** The pod that holds the lease. */
async function leaderPod(): Promise<string> {
  const lease = await get<{ spec: { holderIdentity?: string } }>("lease", RELEASE, "--namespace", NAMESPACE);
  return (lease.spec.holderIdentity ?? "").split("_", 1)[0] ?? "";
}

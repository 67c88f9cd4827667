import { describe, expect, test } from "vitest";
import { USER_CERTIFICATE } from "../../../api/user-certificate.ts";
import { HOUR_MS } from "../../../clock.ts";
import type { CertificateApi } from "../../access/atlas-api.ts";
import { kubeError } from "../testing/memory-cluster.ts";
import type { ProcessOptions } from "../testing/process.ts";
import { NAMESPACE, Scene } from "../testing/scene.ts";
import { issueElsewhere, once, told, watchForADay } from "../testing/unexplained.ts";

/**
 * Every certificate at Atlas is in a Secret or is announced, once by each resource of its user: as orphaned by the one
 * whose response was lost, as unaccounted for by the others. No other certificate is announced.
 */

const REPORTS = { secretName: "reports-mongodb" };
const BOTH = ["orders-api", "reports"] as const;

describe("two resources of one user", () => {
  /** Both hold a certificate: the first and the second. */
  async function settledBoth(options: ProcessOptions = {}, scene = new Scene()) {
    scene.apply();
    scene.apply(REPORTS, { name: "reports" });
    const process = scene.start(options);
    for (const name of BOTH) await scene.settle(process, name);
    scene.clock.advanceNow(7 * HOUR_MS);
    return { scene, process };
  }

  const renew = (scene: Scene, name: (typeof BOTH)[number], renewRequest = "a") =>
    scene.apply(name === "reports" ? REPORTS : {}, { name, renewRequest });

  test("do not take each other's new certificate for a stranger's", async () => {
    const { scene, process } = await settledBoth();
    for (const name of BOTH) {
      renew(scene, name);
      await scene.settle(process, name);
      await watchForADay(scene, process, BOTH);
    }
    expect([scene.atlas.issued.length, told(scene)]).toEqual([4, []]);
  });

  test("do not take each other's certificate for a stranger's while it is created and not stored yet", async () => {
    let onWrite = async () => {};
    const { scene, process } = await settledBoth({ onStep: (step) => (step === "write" ? onWrite() : undefined) });
    onWrite = once(() => scene.settle(process, "reports"));
    renew(scene, "orders-api");
    await scene.settle(process);
    await watchForADay(scene, process, BOTH);
    expect([scene.atlas.issued.length, told(scene)]).toEqual([3, []]);
  });

  test("do not take each other's certificate for a stranger's while its resource begins to name another user", async () => {
    let onWrite = async () => {};
    const { scene, process } = await settledBoth({ onStep: (step) => (step === "write" ? onWrite() : undefined) });
    onWrite = once(async () => {
      scene.apply({ username: "billing" });
      await scene.settle(process, "reports");
      expect(told(scene)).toEqual([]);
    });
    renew(scene, "orders-api");
    await scene.settle(process);
    expect(scene.atlas.issued).toHaveLength(3);
  });

  test("are not kept from announcing a certificate by an attempt for a third user", async () => {
    let onWrite = async () => {};
    const { scene, process } = await settledBoth({ onStep: (step) => (step === "write" ? onWrite() : undefined) });
    onWrite = once(async () => {
      // It names the first one's user again, but what it is making is billing's.
      scene.apply(REPORTS, { name: "reports" });
      await issueElsewhere(scene);
      await scene.settle(process);
      expect(told(scene)).toEqual(["orders-api CertificateUnaccountedFor 4"]);
    });
    scene.apply({ ...REPORTS, username: "billing" }, { name: "reports" });
    await scene.settle(process, "reports");
    expect(told(scene)).toContain("orders-api CertificateUnaccountedFor 4");
  });

  test("do not take each other's certificate for a stranger's if it is issued while the list is on its way", async () => {
    const scene = new Scene();
    const { atlas } = scene;
    const isListed = Promise.withResolvers<void>();
    const isCreated = Promise.withResolvers<void>();
    let onList = async () => {};
    let onWrite = async () => {};
    const slowList: CertificateApi = {
      createDatabaseUserCertificate: (parameters) => atlas.createDatabaseUserCertificate(parameters),
      listAllDatabaseUserCertificates: async (parameters) => {
        await onList();
        return atlas.listAllDatabaseUserCertificates(parameters);
      },
    };
    const onStep = (step: string) => (step === "write" ? onWrite() : undefined);
    const { process } = await settledBoth({ atlas: slowList, onStep }, scene);
    let issuing: Promise<unknown> | undefined;
    onWrite = () => {
      isCreated.resolve();
      return isListed.promise;
    };
    onList = once(() => {
      renew(scene, "orders-api");
      issuing = scene.settle(process);
      return isCreated.promise;
    });
    await scene.settle(process, "reports");
    isListed.resolve();
    await issuing;
    await watchForADay(scene, process, BOTH);
    expect([scene.atlas.issued.length, told(scene)]).toEqual([3, []]);
  });

  test("announce what one of them lost: the one as orphaned, the other as unaccounted for", async () => {
    const { scene, process } = await settledBoth();
    scene.atlas.createFault = (create) => (create === 3 ? "answerLost" : undefined);
    renew(scene, "orders-api");
    await scene.settle(process);
    await watchForADay(scene, process, BOTH);
    expect(told(scene)).toEqual(["orders-api CertificateOrphaned 3", "reports CertificateUnaccountedFor 3"]);
  });

  test("announce what one of them lost although the other's record waits for its credentials forever", async () => {
    const { scene, process } = await settledBoth();
    scene.atlas.createFault = () => "answerLost";
    renew(scene, "reports");
    await scene.settle(process, "reports");
    scene.apply({ ...REPORTS, credentialsRef: { name: "gone" } }, { name: "reports", renewRequest: "a" });
    await scene.settle(process, "reports");
    expect(scene.status("reports").issuance).toBeDefined();
    scene.clock.advanceNow(60_000);
    renew(scene, "orders-api");
    await scene.settle(process);
    scene.atlas.createFault = () => undefined;
    await watchForADay(scene, process, BOTH);
    expect(scene.status("reports").issuance).toBeDefined();
    expect(told(scene)).toContain("orders-api CertificateOrphaned 4");
  });

  test("announce what one of them lost although it is being deleted with its record open", async () => {
    const { scene, process } = await settledBoth();
    scene.stop(process);
    const doomed = scene.start({
      onStep: (step) => {
        if (step === "check") throw new Error("killed");
      },
    });
    renew(scene, "reports");
    await expect(doomed.reconciler.reconcile("shop/reports", new AbortController().signal)).rejects.toThrow("killed");
    scene.stop(doomed);
    const ref = { namespace: NAMESPACE, name: "reports" };
    const reports = scene.cluster.peek(USER_CERTIFICATE, ref);
    const deletionTimestamp = new Date(scene.clock.now()).toISOString();
    scene.cluster.put(USER_CERTIFICATE, { ...reports, metadata: { ...ref, ...reports?.metadata, deletionTimestamp } });
    await watchForADay(scene, scene.start(), BOTH);
    expect(told(scene)).toEqual(["orders-api CertificateUnaccountedFor 3"]);
  });

  test("announce what both lost, each certificate once by each of them", async () => {
    const { scene, process } = await settledBoth();
    scene.atlas.createFault = (create) => (create === 3 || create === 4 ? "answerLost" : undefined);
    for (const name of BOTH) renew(scene, name);
    await watchForADay(scene, process, BOTH);
    for (const lost of [3, 4]) {
      for (const name of BOTH) {
        expect(told(scene).filter((line) => line.startsWith(name) && line.endsWith(` ${lost}`))).toHaveLength(1);
      }
    }
    expect(told(scene).filter((line) => line.includes("Orphaned"))).toHaveLength(2);
  });

  test("announce what one lost while the other's certificate is parked, and not the parked one", async () => {
    const { scene, process } = await settledBoth();
    scene.cluster.fault = ({ verb, what, dryRun }) =>
      verb !== "get" && !dryRun && what === "secrets shop/reports-mongodb" ? kubeError("Forbidden") : undefined;
    renew(scene, "reports");
    await scene.settle(process, "reports");
    expect(process.parked.size).toBe(1);
    scene.atlas.createFault = (create) => (create === 4 ? "answerLost" : undefined);
    renew(scene, "orders-api");
    await watchForADay(scene, process, BOTH);
    expect(told(scene).filter((line) => line.startsWith("orders-api"))).toEqual(["orders-api CertificateOrphaned 4"]);
    scene.cluster.fault = () => undefined;
    await watchForADay(scene, process, BOTH);
    expect(told(scene)).toEqual(["orders-api CertificateOrphaned 4", "reports CertificateUnaccountedFor 4"]);
  });
});

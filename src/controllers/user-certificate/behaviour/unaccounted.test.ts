import { describe, expect, test } from "vitest";
import { USER_CERTIFICATE } from "../../../api/user-certificate.ts";
import { HOUR_MS } from "../../../clock.ts";
import type { CertificateApi } from "../../access/atlas-api.ts";
import { atlasError } from "../testing/memory-atlas.ts";
import { kubeError } from "../testing/memory-cluster.ts";
import { NAMESPACE, Scene } from "../testing/scene.ts";
import { issueElsewhere, told, watchForADay } from "../testing/unexplained.ts";

/**
 * Every certificate at Atlas is in a Secret or is announced, once by each resource of its user: as orphaned by the one
 * whose response was lost, as unaccounted for by the others. No other certificate is announced.
 */

describe("a certificate that Atlas issues after the record of its attempt was closed", () => {
  /** A process is killed with its request under way; its successor issues; then Atlas carries the first request out. */
  async function carriedOutLate(scene: Scene): Promise<string> {
    scene.apply();
    const sent = Promise.withResolvers<Parameters<CertificateApi["createDatabaseUserCertificate"]>[0]>();
    const doomed = scene.start({
      atlas: {
        createDatabaseUserCertificate: (parameters) => {
          sent.resolve(parameters);
          return new Promise(() => {});
        },
        listAllDatabaseUserCertificates: (parameters) => scene.atlas.listAllDatabaseUserCertificates(parameters),
      },
    });
    void doomed.reconciler.reconcile("shop/orders-api", new AbortController().signal);
    const request = await sent.promise;
    scene.stop(doomed);
    scene.clock.advanceNow(1000);
    const successor = scene.start();
    await scene.settle(successor);
    scene.stop(successor);
    expect(scene.ready()).toBe("True Issued");
    await scene.atlas.createDatabaseUserCertificate(request);
    return scene.atlas.issued.at(-1)?.serialNumber ?? "";
  }

  test("is announced by the next verification and by no later process, and stays in the status until it expires", async () => {
    const scene = new Scene();
    const late = await carriedOutLate(scene);
    expect(told(scene)).toEqual([]);
    for (let life = 0; life < 3; life++) {
      const process = scene.start();
      await watchForADay(scene, process);
      scene.stop(process);
      expect(told(scene)).toEqual(["orders-api CertificateOrphaned 2"]);
      expect(scene.status().unaccounted).toMatchObject([{ serialNumber: late }]);
    }
    expect([scene.ready(), scene.atlas.issued.length]).toEqual(["True Issued", 2]);
    expect([scene.orphansFound, scene.unaccountedFound]).toEqual([1, 0]);
    scene.clock.advanceNow(91 * 24 * HOUR_MS);
    await scene.settle(scene.start());
    expect(scene.status()).not.toHaveProperty("unaccounted");
  });

  test("is announced although the resource is suspended, and then its list is left alone", async () => {
    const scene = new Scene();
    const late = await carriedOutLate(scene);
    scene.apply({ suspend: true });
    const process = scene.start();
    await watchForADay(scene, process);
    expect(told(scene)).toEqual(["orders-api CertificateOrphaned 2"]);
    expect(scene.status().unaccounted).toMatchObject([{ serialNumber: late }]);
    const { lists } = scene.atlas;
    await watchForADay(scene, process);
    expect(scene.atlas.lists).toBe(lists);
  });

  test("is announced by the next attempt, whose list shows it", async () => {
    const scene = new Scene();
    await carriedOutLate(scene);
    scene.apply({}, { renewRequest: "a" });
    await scene.settle(scene.start());
    expect(told(scene)).toEqual(["orders-api CertificateOrphaned 2"]);
    expect(scene.status()).toMatchObject({
      revision: 2,
      unaccounted: [{ serialNumber: scene.atlas.issued[1]?.serialNumber }],
    });
  });

  test("is announced although the spec has changed meanwhile", async () => {
    const scene = new Scene();
    await carriedOutLate(scene);
    scene.apply({ secretName: "renamed" });
    const process = scene.start();
    await scene.settle(process);
    await watchForADay(scene, process);
    expect(told(scene)).toEqual(["orders-api CertificateOrphaned 2"]);
  });

  test("is announced once although the status cannot be written and lists fail in between", async () => {
    const scene = new Scene();
    await carriedOutLate(scene);
    scene.clock.advanceNow(7 * HOUR_MS);
    const process = scene.start();
    scene.cluster.fault = ({ verb }) => (verb === "patch status" ? kubeError("Forbidden") : undefined);
    for (let count = 0; count < 6; count++) {
      scene.atlas.listFault = () => (count % 2 === 1 ? atlasError("unavailable") : undefined);
      await process.reconciler.reconcile("shop/orders-api", new AbortController().signal).catch(() => {});
      scene.clock.advanceNow(10_000);
    }
    expect(told(scene)).toEqual(["orders-api CertificateOrphaned 2"]);
  });
});

describe("a spec that begins to name another user", () => {
  /** Certificates of the user billing, which no resource accounts for any more. */
  async function history(scene: Scene): Promise<void> {
    scene.apply({ username: "billing", secretName: "billing-mongodb" }, { name: "billing" });
    const process = scene.start();
    await scene.settle(process, "billing");
    scene.apply({ username: "billing", secretName: "billing-mongodb" }, { name: "billing", renewRequest: "a" });
    await scene.settle(process, "billing");
    scene.cluster.remove(USER_CERTIFICATE, { namespace: NAMESPACE, name: "billing" });
    scene.stop(process);
    scene.clock.advanceNow(HOUR_MS);
  }

  test.each([
    ["which had certificates before the resource", "other-mongodb"],
    ["whose Secret exists already", "billing-mongodb"],
  ])("makes no news of what was there before: a user %s", async (_what, secretName) => {
    const scene = new Scene();
    await history(scene);
    scene.apply();
    const process = scene.start();
    await scene.settle(process);
    scene.clock.advanceNow(HOUR_MS);
    // The first list of the new user can't be had.
    scene.atlas.listFault = () => atlasError("unavailable");
    scene.apply({ username: "billing", secretName });
    await scene.settle(process);
    scene.atlas.listFault = () => undefined;
    await watchForADay(scene, process);
    expect(told(scene)).toEqual([]);
    await issueElsewhere(scene, "billing");
    await watchForADay(scene, process);
    expect(told(scene)).toHaveLength(1);
  });

  test("while an attempt is on record does not hide what that attempt has lost", async () => {
    const scene = new Scene();
    scene.apply();
    const doomed = scene.start({
      onStep: (step) => {
        if (step === "check") throw new Error("killed");
      },
    });
    await expect(doomed.reconciler.reconcile("shop/orders-api", new AbortController().signal)).rejects.toThrow(
      "killed",
    );
    scene.stop(doomed);
    scene.apply({ username: "billing" });
    scene.clock.advanceNow(20_000);
    const process = scene.start();
    await scene.settle(process);
    await watchForADay(scene, process);
    expect(told(scene)).toEqual(["orders-api CertificateOrphaned 1"]);
    expect([scene.orphansFound, scene.unaccountedFound]).toEqual([1, 0]);
  });
});

test("a certificate that the clock of the node takes for expired is still its resource's own", async () => {
  const scene = new Scene();
  scene.apply();
  const process = scene.start();
  await scene.settle(process);
  scene.clock.advanceNow(61 * 24 * HOUR_MS);
  await scene.settle(process);
  expect(scene.atlas.issued).toHaveLength(2);
  // Atlas' clock is two hours behind: by the node's the first one has expired, and Atlas still lists it.
  scene.atlas.clockOffsetMs = -2 * HOUR_MS;
  scene.clock.advanceNow(29 * 24 * HOUR_MS + HOUR_MS - 60_000);
  for (let count = 0; count < 3; count++) {
    scene.apply({}, { renewRequest: `request ${count}` });
    await scene.settle(process);
  }
  expect(told(scene)).toEqual([]);
});

describe("if other clusters share the user", () => {
  test("their certificates are in the status, and neither announced nor counted as findings", async () => {
    const scene = new Scene();
    scene.apply({ userSharedWithOtherClusters: true });
    const process = scene.start();
    await scene.settle(process);
    scene.clock.advanceNow(HOUR_MS);
    const serial = await issueElsewhere(scene);
    await watchForADay(scene, process);
    expect([told(scene), scene.unaccountedFound]).toEqual([[], 0]);
    expect(scene.status().unaccounted).toMatchObject([{ serialNumber: serial }]);
  });
});

test("a certificate that something else obtains is announced once and stays in the status, also through an empty list", async () => {
  const scene = new Scene();
  scene.apply();
  const process = scene.start();
  await scene.settle(process);
  scene.clock.advanceNow(HOUR_MS);
  const serial = await issueElsewhere(scene);
  await watchForADay(scene, process);
  const all = scene.atlas.issued.splice(0);
  scene.clock.advanceNow(7 * HOUR_MS);
  await scene.settle(process);
  expect(scene.status().unaccounted).toMatchObject([{ serialNumber: serial }]);
  scene.atlas.issued.push(...all);
  await watchForADay(scene, process);
  expect(told(scene)).toEqual(["orders-api CertificateUnaccountedFor 2"]);
  expect(scene.status().unaccounted).toMatchObject([{ serialNumber: serial }]);
});

import { describe, expect, test } from "vitest";
import { SECRET_ANNOTATIONS } from "../../../api/names.ts";
import { USER_CERTIFICATE } from "../../../api/user-certificate.ts";
import { secretData } from "../../../certificate/secret-data.ts";
import { issuePair } from "../../../certificate/testing.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../../clock.ts";
import { parkingRig } from "../testing/parking-rig.ts";
import { NAMESPACE } from "../testing/scene.ts";

/** Parked certificates that never reach a Secret: each of them is announced as orphaned. */

const REF = { namespace: NAMESPACE, name: "orders-api" };

describe("a parked certificate is discarded and announced as orphaned, once", () => {
  async function expectDiscarded(
    { process, scene }: ReturnType<typeof parkingRig>,
    serial: string | undefined,
    why: string,
  ): Promise<void> {
    expect(process.parked.size).toBe(0);
    await scene.run(process, { forMs: 12 * HOUR_MS });
    expect(scene.orphanEvents().map(({ note }) => note)).toEqual([
      expect.stringMatching(
        new RegExp(`^Certificate ${serial} of user orders-api \\(valid until \\S+\\) is orphaned: ${why}`),
      ),
    ]);
    expect(scene.orphansFound).toBe(1);
  }

  test("when it expires", async () => {
    const rig = parkingRig();
    const { scene, process, allowWrites, issuedSerial, parkedFirst } = rig;
    await parkedFirst();
    scene.clock.advanceNow(90 * DAY_MS - HOUR_MS);
    await scene.run(process, { forMs: 2 * HOUR_MS });
    allowWrites();
    expect(scene.secret()).toBeUndefined();
    await expectDiscarded(rig, issuedSerial(), "it expired before its Secret could be written");
    expect([scene.serialIn(), scene.ready()]).toEqual([issuedSerial(1), "True Issued"]);
  });

  test("when the Secret holds a newer certificate that another process issued", async () => {
    const rig = parkingRig();
    const { scene, process, allowWrites, issuedSerial, parkedRenewal } = rig;
    await parkedRenewal();
    scene.clock.advanceNow(HOUR_MS);
    const newer = await issuePair({
      notBefore: new Date(scene.clock.now()),
      notAfter: new Date(scene.clock.now() + 90 * DAY_MS),
    });
    const { facts } = newer;
    scene.atlas.issued.push({
      ...{ serialNumber: facts.serialNumber, notAfter: facts.notAfter, createdAt: facts.notBefore },
      ...{ groupId: scene.resource().spec.projectId, username: "orders-api", subject: "CN=orders-api" },
    });
    scene.changeSecret((secret) => ({ ...secret, data: secretData(newer) }));
    await scene.reconcile(process);
    allowWrites();
    await expectDiscarded(rig, issuedSerial(1), "the Secret already holds a newer certificate");
    expect([scene.serialIn(), scene.ready()]).toEqual([facts.serialNumber, "True Issued"]);
  });

  test("when the spec names another user", async () => {
    const rig = parkingRig();
    const { scene, process, allowWrites, issuedSerial, parkedFirst } = rig;
    await parkedFirst();
    scene.apply({ username: "billing" });
    await scene.reconcile(process);
    allowWrites();
    await expectDiscarded(rig, issuedSerial(), "the spec now names another user");
    expect(scene.secret()?.metadata.annotations?.[SECRET_ANNOTATIONS.username]).toBe("billing");
    expect(scene.ready()).toBe("True Issued");
  });

  test("when the spec names another user and then this one again, and is announced once", async () => {
    const { scene, process, allowWrites, issuedSerial, parkedRenewal } = parkingRig();
    await parkedRenewal();
    scene.apply({ username: "billing" });
    await scene.settle(process);
    allowWrites();
    await scene.run(process, { forMs: MINUTE_MS });
    expect([scene.serialIn(), scene.ready()]).toEqual([issuedSerial(2), "True Issued"]);
    scene.apply();
    await scene.settle(process);
    expect(scene.orphanEvents().map(({ note }) => note)).toEqual([
      expect.stringContaining("spec now names another user"),
    ]);
    expect(scene.status().unaccounted?.map(({ serialNumber }) => serialNumber)).toContain(issuedSerial(1));
  });

  test("when another attempt has taken its place", async () => {
    const rig = parkingRig();
    const { scene, process, allowWrites, issuedSerial, parkedFirst } = rig;
    await parkedFirst();
    const { issuance } = scene.status();
    if (issuance === undefined) throw new Error("no attempt is on record");
    scene.putStatus({ ...scene.status(), issuance: { ...issuance, id: "of another process", parked: undefined } });
    await scene.reconcile(process);
    allowWrites();
    await expectDiscarded(rig, issuedSerial(), "another attempt replaced it");
  });

  test("when its resource is deleted", async () => {
    const rig = parkingRig();
    const { scene, allowWrites, issuedSerial, parkedFirst } = rig;
    await parkedFirst();
    scene.cluster.remove(USER_CERTIFICATE, REF);
    allowWrites();
    await expectDiscarded(
      rig,
      issuedSerial(),
      "its AtlasUserCertificate was deleted before its Secret could be written",
    );
    expect(scene.secret()).toBeUndefined();
  });

  test("when its resource is deleted while it is created", async () => {
    const rig = parkingRig();
    const { scene, process, onWrite, refuseWrites, allowWrites, issuedSerial } = rig;
    scene.apply();
    onWrite(() => {
      scene.cluster.remove(USER_CERTIFICATE, REF);
      refuseWrites();
    });
    await scene.reconcile(process).catch(() => {});
    allowWrites();
    await expectDiscarded(
      rig,
      issuedSerial(),
      "its AtlasUserCertificate was deleted before its Secret could be written",
    );
  });

  test("when its resource is recreated, which then gets a certificate of its own", async () => {
    const { scene, process, allowWrites, issuedSerial, parkedFirst } = parkingRig();
    await parkedFirst();
    scene.cluster.remove(USER_CERTIFICATE, REF);
    scene.apply();
    allowWrites();
    await scene.settle(process);
    expect([scene.atlas.creates, scene.serialIn(), process.parked.size]).toEqual([2, issuedSerial(1), 0]);
    expect(scene.orphanEvents()).toHaveLength(1);
  });
});

test("a certificate that a killed process had parked is announced as orphaned, with its serial number in the history", async () => {
  const { scene, process, allowWrites, issuedSerial, parkedFirst } = parkingRig();
  await parkedFirst();
  scene.stop(process);
  allowWrites();
  scene.clock.advanceNow(MINUTE_MS);
  const successor = scene.start({ identity: "pod-2" });
  await scene.run(successor, { forMs: HOUR_MS });
  expect([scene.atlas.creates, scene.serialIn(), scene.ready()]).toEqual([2, issuedSerial(1), "True Issued"]);
  expect(scene.status().recentIssuances).toMatchObject([
    { serialNumber: issuedSerial(), lost: "NotStored" },
    { serialNumber: issuedSerial(1) },
  ]);
  expect(scene.orphanEvents()).toHaveLength(1);
  expect(scene.orphanEvents()[0]?.note).toContain(`Certificate ${issuedSerial()} `);
});

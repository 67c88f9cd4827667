import { describe, expect, test } from "vitest";
import { MANAGED_LABEL, SECRET_ANNOTATIONS } from "../../../api/names.ts";
import { USER_CERTIFICATE } from "../../../api/user-certificate.ts";
import { secretData } from "../../../certificate/secret-data.ts";
import { issuePair } from "../../../certificate/testing.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../../clock.ts";
import { SECRETS } from "../../../kube/core-types.ts";
import { atlasError } from "../testing/memory-atlas.ts";
import { CREDENTIALS, issuedScene, NAMESPACE, Scene, SECRET } from "../testing/scene.ts";

/** When a certificate is replaced, and when only the Secret is repaired. */

describe("a new certificate is issued", () => {
  test("if the Secret was deleted", async () => {
    const { scene, process } = await issuedScene();
    scene.cluster.remove(SECRETS, SECRET);
    await scene.settle(process);
    expect(scene.atlas.creates).toBe(2);
    expect(scene.serialIn()).toBe(scene.atlas.issued[1]?.serialNumber);
    expect(scene.status()).toMatchObject({ revision: 2, unexpiredCertificates: 2 });
    expect(scene.status()).not.toHaveProperty("unaccounted");
  });

  test("if the Secret lost its key, and the data of others stays", async () => {
    const { scene, process } = await issuedScene();
    scene.changeSecret(({ data = {}, ...rest }) => {
      const { "tls.key": _lost, ...left } = data;
      return { ...rest, data: { ...left, "ca.crt": "eA==" } };
    });
    await scene.settle(process);
    expect(scene.serialIn()).toBe(scene.atlas.issued[1]?.serialNumber);
    expect(scene.secret()?.data).toMatchObject({ "ca.crt": "eA==", "tls.key": expect.any(String) });
  });

  test("at the renewal time, and not a second before", async () => {
    const { scene, process } = await issuedScene();
    const renewalMs = Date.parse(scene.status().renewalTime ?? "");
    scene.clock.advanceNow(renewalMs - 1000 - scene.clock.now());
    await scene.reconcile(process);
    expect(scene.atlas.creates).toBe(1);
    scene.clock.advanceNow(1000);
    await scene.settle(process);
    expect(scene.atlas.creates).toBe(2);
    expect(scene.events.at(-1)?.note).toContain("(reason: NearingExpiry)");
  });

  test("for another user if the username changed", async () => {
    const { scene, process } = await issuedScene();
    scene.apply({ username: "CN=reports,OU=analytics" });
    await scene.settle(process);
    expect(scene.atlas.issued[1]?.username).toBe("CN=reports,OU=analytics");
    expect(scene.secret()?.metadata.annotations?.[SECRET_ANNOTATIONS.username]).toBe("CN=reports,OU=analytics");
    expect(scene.ready()).toBe("True Issued");
  });

  test("if three lists over a quarter of an hour lack the certificate", async () => {
    const { scene, process } = await issuedScene();
    scene.atlas.issued.length = 0;
    scene.clock.advanceNow(6 * HOUR_MS);
    const before = scene.atlas.lists;
    await scene.settle(process);
    await scene.run(process, { forMs: 14 * MINUTE_MS });
    expect([scene.atlas.lists - before, scene.atlas.creates, scene.ready()]).toEqual([2, 1, "True Issued"]);
    await scene.run(process, { forMs: 2 * MINUTE_MS });
    expect([scene.atlas.creates, scene.ready()]).toEqual([2, "True Issued"]);
    expect(scene.events.at(-1)?.note).toContain("(reason: NotListedByAtlas)");
  });

  test("once for each renew request", async () => {
    const { scene, process } = await issuedScene();
    for (const value of ["a", "a", "b", ""]) {
      scene.apply({}, { renewRequest: value });
      await scene.settle(process);
    }
    expect(scene.atlas.creates).toBe(4);
    expect(scene.status().renewRequest).toBe("");
  });

  test("if someone put another certificate of the same serial number into the Secret", async () => {
    const { scene, process } = await issuedScene();
    const serialHex = BigInt(scene.serialIn() ?? "").toString(16);
    const forged = await issuePair({ serialHex, notAfter: new Date("2036-01-01T00:00:00Z") });
    scene.changeSecret((secret) => ({ ...secret, data: secretData(forged) }));
    await scene.settle(process);
    expect(scene.atlas.creates).toBe(2);
    expect(scene.events.at(-1)?.note).toContain("(reason: KeyMismatch)");
    expect(scene.serialIn()).toBe(scene.atlas.issued[1]?.serialNumber);
  });
});

describe("the certificate is kept", () => {
  test("although one list lacks it", async () => {
    const { scene, process } = await issuedScene();
    const all = scene.atlas.issued.splice(0);
    scene.clock.advanceNow(6 * HOUR_MS);
    await scene.settle(process);
    scene.atlas.issued.push(...all);
    await scene.run(process, { forMs: HOUR_MS });
    expect([scene.atlas.creates, scene.ready()]).toEqual([1, "True Issued"]);
    expect(scene.status()).not.toHaveProperty("unlisted");
  });

  test("although lists lack it every other time", async () => {
    const { scene, process } = await issuedScene();
    const all = [...scene.atlas.issued];
    const list = scene.atlas.listAllDatabaseUserCertificates.bind(scene.atlas);
    let lists = 0;
    scene.atlas.listAllDatabaseUserCertificates = (parameters) => {
      scene.atlas.issued.splice(0, scene.atlas.issued.length, ...(++lists % 2 === 0 ? all : []));
      return list(parameters);
    };
    await scene.run(process, { forMs: 5 * DAY_MS });
    expect(lists).toBeGreaterThan(20);
    expect([scene.atlas.creates, scene.ready()]).toEqual([1, "True Issued"]);
  });

  test("although an annotation names another user, which is put right", async () => {
    const { scene, process } = await issuedScene();
    scene.changeSecret((secret) => ({
      ...secret,
      metadata: {
        ...secret.metadata,
        annotations: { ...secret.metadata.annotations, [SECRET_ANNOTATIONS.username]: "Orders-api" },
      },
    }));
    await scene.settle(process);
    expect([scene.atlas.creates, scene.ready()]).toEqual([1, "True Issued"]);
    expect(scene.secret()?.metadata.annotations).toMatchObject({ [SECRET_ANNOTATIONS.username]: "orders-api" });
  });

  test("if a label was removed, another's label changed, and a format is gone", async () => {
    const { scene, process } = await issuedScene({ secretTemplate: { labels: { app: "orders" } } });
    scene.changeSecret((secret) => ({
      ...secret,
      metadata: { ...secret.metadata, labels: { app: "billing", team: "x" } },
      data: { ...secret.data, "tls-combined.pem": "eA==" },
    }));
    await scene.settle(process);
    expect(scene.atlas.creates).toBe(1);
    expect(scene.secret()?.metadata.labels).toEqual({ [MANAGED_LABEL]: "true", app: "orders", team: "x" });
    expect(Buffer.from(scene.secret()?.data?.["tls-combined.pem"] ?? "", "base64").toString()).toContain("PRIVATE KEY");
    expect(scene.reasons()).toEqual(["Repaired"]);
  });

  test("if the template no longer asks for a label, and only that label is removed", async () => {
    const { scene, process } = await issuedScene({ secretTemplate: { labels: { app: "orders", team: "x" } } });
    scene.apply({ secretTemplate: { labels: { app: "orders" } } });
    await scene.settle(process);
    expect(scene.secret()?.metadata.labels).toEqual({ [MANAGED_LABEL]: "true", app: "orders" });
    expect(scene.atlas.creates).toBe(1);
  });

  test("if the deletion policy changes, and the owner reference follows it", async () => {
    const { scene, process } = await issuedScene();
    scene.apply({ deletionPolicy: "Delete" });
    await scene.settle(process);
    expect(scene.secret()?.metadata.ownerReferences).toMatchObject([{ name: "orders-api", uid: scene.resource().uid }]);
    scene.apply({ deletionPolicy: "Retain" });
    await scene.settle(process);
    expect(scene.secret()?.metadata.ownerReferences).toEqual([]);
    expect(scene.atlas.creates).toBe(1);
  });
});

describe("a repair goes on", () => {
  test("while Atlas does not answer", async () => {
    const { scene, process } = await issuedScene();
    scene.clock.advanceNow(7 * HOUR_MS);
    scene.atlas.listFault = () => atlasError("unavailable");
    scene.changeSecret((secret) => ({ ...secret, metadata: { ...secret.metadata, labels: {} } }), "argocd");
    await scene.settle(process);
    expect(scene.secret()?.metadata.labels).toHaveProperty([MANAGED_LABEL]);
    expect(scene.ready()).toBe("True AtlasUnavailable");
  });

  test("while the credentials are missing", async () => {
    const { scene, process } = await issuedScene();
    scene.cluster.remove(SECRETS, CREDENTIALS);
    scene.changeSecret((secret) => ({ ...secret, metadata: { ...secret.metadata, labels: {} } }), "argocd");
    await scene.settle(process);
    expect(scene.secret()?.metadata.labels).toHaveProperty([MANAGED_LABEL]);
    expect(scene.ready()).toBe("True CredentialsMissing");
  });
});

test("a renewal that the spec asks for early comes no more often than every third of the lifetime", async () => {
  const scene = new Scene();
  scene.atlas.lifetimeMs = 28 * DAY_MS;
  scene.apply({ monthsUntilExpiration: 1, renewBefore: "671h" });
  const process = scene.start();
  await scene.run(process, { forMs: 10 * DAY_MS });
  expect(scene.atlas.creates).toBe(2);
});

describe("a Secret that was there before its resource", () => {
  async function restored(options: { readonly renewRequest?: string } = {}, prepare = (_scene: Scene) => {}) {
    const { scene, process: before } = await issuedScene();
    scene.stop(before);
    // As in another cluster: the resource has another uid and no status.
    scene.cluster.remove(USER_CERTIFICATE, { namespace: NAMESPACE, name: "orders-api" });
    scene.clock.advanceNow(HOUR_MS);
    scene.apply({}, options);
    prepare(scene);
    scene.cluster.calls.length = 0;
    const process = scene.start();
    await scene.settle(process);
    return { scene, process };
  }

  test("is adopted without issuing if Atlas lists its certificate", async () => {
    const { scene } = await restored();
    expect([scene.atlas.creates, scene.ready(), scene.events]).toEqual([
      1,
      "True Issued",
      [expect.objectContaining({ reason: "Repaired" })],
    ]);
    expect(scene.status()).toMatchObject({
      revision: 1,
      serialNumber: scene.serialIn(),
      recentIssuances: [{ reason: "Adopted", serialNumber: scene.serialIn() }],
    });
    expect(scene.status()).not.toHaveProperty("unaccounted");
    const uid = scene.resource().uid;
    expect(scene.secret()?.metadata.annotations?.[SECRET_ANNOTATIONS.certificateUid]).toBe(uid);
  });

  test("is renewed if its certificate is due, and the record of the attempt is closed", async () => {
    const { scene } = await restored({}, ({ clock }) => void clock.advanceNow(61 * DAY_MS));
    expect([scene.atlas.creates, scene.ready()]).toEqual([2, "True Issued"]);
    expect(scene.status()).not.toHaveProperty("issuance");
    expect(scene.status().serialNumber).toBe(scene.serialIn());
  });

  test("is not renewed for an old request in the backup, but for the next one", async () => {
    const { scene, process } = await restored({ renewRequest: "old" });
    expect(scene.atlas.creates).toBe(1);
    scene.apply({}, { renewRequest: "new" });
    await scene.settle(process);
    expect(scene.atlas.creates).toBe(2);
  });

  test("is not Ready before Atlas lists its certificate, and gets a new one after three lists that lack it", async () => {
    const { scene, process } = await restored({}, ({ atlas }) => void atlas.issued.splice(0));
    expect([scene.atlas.creates, scene.ready()]).toEqual([1, "False NotListedByAtlas"]);
    expect(scene.status()).not.toHaveProperty("serialNumber");
    await scene.run(process, { forMs: HOUR_MS });
    expect([scene.atlas.creates, scene.ready()]).toEqual([2, "True Issued"]);
  });

  test("is not Ready while Atlas cannot be asked", async () => {
    const { scene } = await restored({}, ({ atlas }) => {
      atlas.listFault = () => atlasError("unavailable");
    });
    expect(scene.ready()).toBe("False AtlasUnavailable");
    expect(scene.status()).not.toHaveProperty("serialNumber");
  });

  test("is not adopted with another user's certificate of a listed serial number, valid until 2036", async () => {
    const { scene, process } = await restored({}, () => {});
    const serialHex = BigInt(scene.serialIn() ?? "").toString(16);
    scene.cluster.remove(USER_CERTIFICATE, { namespace: NAMESPACE, name: "orders-api" });
    const forged = await issuePair({ subject: "CN=billing", serialHex, notAfter: new Date("2036-01-01T00:00:00Z") });
    scene.changeSecret((secret) => ({ ...secret, data: secretData(forged) }));
    scene.events.length = 0;
    scene.apply();
    await scene.reconcile(process);
    expect(scene.events.filter(({ note }) => note.includes("CN=billing") || note.includes("2036"))).toEqual([]);
    await scene.settle(process);
    expect(scene.serialIn()).toBe(scene.atlas.issued.at(-1)?.serialNumber);
    expect([scene.atlas.creates, scene.ready()]).toEqual([2, "True Issued"]);
  });
});

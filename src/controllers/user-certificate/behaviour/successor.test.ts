import { expect, test } from "vitest";
import { SECRET_ANNOTATIONS } from "../../../api/names.ts";
import { secretData } from "../../../certificate/secret-data.ts";
import { issuePair } from "../../../certificate/testing.ts";
import { HOUR_MS } from "../../../clock.ts";
import { SECRETS } from "../../../kube/core-types.ts";
import { kubeError } from "../testing/memory-cluster.ts";
import { liveOnce } from "../testing/mortal.ts";
import { Scene, SECRET } from "../testing/scene.ts";

/** Processes that start after another has died or was frozen, and find what that one left. */

test("a backoff is not forgotten by a successor that did not see it begin", async () => {
  const scene = new Scene();
  scene.apply();
  scene.atlas.createFault = () => ({ answer: "rubbish" });
  const first = scene.start();
  await scene.settle(first);
  scene.stop(first);
  const until = scene.status().lastAttempt?.nextAttemptTime ?? "";
  expect(Date.parse(until) - scene.clock.now()).toBeGreaterThanOrEqual(HOUR_MS);
  for (let life = 0; life < 5; life++) {
    scene.clock.advanceNow(10 * 60_000);
    const process = scene.start();
    await scene.settle(process);
    scene.stop(process);
  }
  expect([scene.atlas.creates, scene.status().lastAttempt?.nextAttemptTime]).toEqual([1, until]);
});

test("a Secret from a backup is not taken for the certificate of an open attempt", async () => {
  const scene = new Scene();
  await liveOnce(scene);
  const old = scene.secret();
  // The user was recreated at Atlas, the Secret damaged, and the answer to the create unusable.
  scene.atlas.issued.length = 0;
  scene.atlas.createFault = (create) => (create === 2 ? { answer: "rubbish" } : undefined);
  scene.changeSecret((secret) => ({ ...secret, data: {} }));
  const process = scene.start();
  await scene.reconcile(process);
  expect(scene.status()).toHaveProperty("issuance");
  scene.events.length = 0;
  scene.changeSecret((secret) => ({ ...secret, ...(old?.data !== undefined && { data: old.data }) }), "velero");
  await scene.run(process, { forMs: 2 * HOUR_MS });
  expect(scene.status().serialNumber).toBe(scene.serialIn());
  expect(scene.serialIn()).toBe(scene.atlas.issued.at(-1)?.serialNumber);
  expect(scene.status().recentIssuances?.filter(({ lost }) => lost !== undefined)).toHaveLength(1);
});

test("a pair of another user that someone puts into the Secret during a crash is never reported as issued", async () => {
  const scene = new Scene();
  scene.apply();
  const died = Promise.withResolvers<void>();
  const dying = scene.start({
    onStep: (step) => {
      if (step !== "write") return;
      died.resolve();
      return new Promise(() => {});
    },
  });
  await Promise.race([scene.settle(dying), died.promise]);
  scene.stop(dying);
  const strangers = await issuePair({ subject: "CN=billing", notAfter: new Date("2036-01-01T00:00:00Z") });
  scene.cluster.put(SECRETS, {
    type: "kubernetes.io/tls",
    metadata: {
      ...SECRET,
      annotations: {
        [SECRET_ANNOTATIONS.certificateUid]: scene.resource().uid,
        [SECRET_ANNOTATIONS.certificateName]: "orders-api",
        [SECRET_ANNOTATIONS.username]: "orders-api",
      },
    },
    data: secretData(strangers),
  });
  const process = scene.start();
  scene.atlas.createFault = () => ({ refuse: "unavailable" });
  await scene.run(process, { forMs: HOUR_MS });
  expect(scene.condition("Ready").status).toBe("False");
  expect(scene.reasons()).not.toContain("Issued");
  expect(scene.status()).not.toHaveProperty("serialNumber");
  scene.atlas.createFault = () => undefined;
  await scene.run(process, { forMs: 2 * HOUR_MS });
  expect(scene.serialIn()).toBe(scene.atlas.issued.at(-1)?.serialNumber);
  expect(scene.ready()).toBe("True Issued");
});

test("a renewal whose process died before its record was closed leaves Ready True, and the successor keeps the certificate", async () => {
  const scene = new Scene();
  await liveOnce(scene);
  scene.apply({}, { renewRequest: "a" });
  let writes = 0;
  scene.cluster.fault = ({ verb }) => (verb === "patch status" && ++writes === 2 ? kubeError("Network") : undefined);
  const dying = scene.start();
  await expect(scene.reconcile(dying)).rejects.toThrow();
  scene.stop(dying);
  expect([scene.ready(), scene.status().revision]).toEqual(["True Issued", 1]);
  await scene.reconcile(scene.start());
  expect([scene.ready(), scene.status().revision, scene.atlas.creates]).toEqual(["True Issued", 2, 2]);
  expect(scene.reasons().filter((reason) => reason === "Issued")).toHaveLength(2);
});

test("a leader that was frozen in a verification does not close the record of its successor's attempt", async () => {
  const scene = new Scene();
  await liveOnce(scene);
  scene.clock.advanceNow(7 * HOUR_MS);
  const isListed = Promise.withResolvers<void>();
  const thaw = Promise.withResolvers<void>();
  const { atlas } = scene;
  const old = scene.start({
    atlas: {
      createDatabaseUserCertificate: (parameters) => atlas.createDatabaseUserCertificate(parameters),
      listAllDatabaseUserCertificates: async (parameters) => {
        const list = await atlas.listAllDatabaseUserCertificates(parameters);
        isListed.resolve();
        await thaw.promise;
        return list;
      },
    },
  });
  const verification = scene.reconcile(old);
  await isListed.promise;
  scene.stop(old);
  scene.apply({}, { renewRequest: "now" });
  const successor = scene.start({
    onStep: async (step) => {
      if (step !== "create") return;
      thaw.resolve();
      await verification;
      expect(scene.status().issuance).toBeDefined();
    },
  });
  await scene.settle(successor);
  scene.clock.advanceNow(HOUR_MS);
  await scene.settle(successor);
  expect(scene.status()).toMatchObject({ revision: 2, renewRequest: "now" });
  expect(scene.status()).not.toHaveProperty("unaccounted");
  expect([scene.atlas.creates, scene.ready()]).toEqual([2, "True Issued"]);
});

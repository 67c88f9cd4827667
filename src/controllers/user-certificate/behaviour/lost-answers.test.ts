import { describe, expect, test } from "vitest";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../../clock.ts";
import { SECRETS } from "../../../kube/core-types.ts";
import { kubeError } from "../testing/memory-cluster.ts";
import { issuedScene, NAMESPACE, Scene, SECRET } from "../testing/scene.ts";

describe("if the answer to a create is lost", () => {
  async function lost() {
    const scene = new Scene();
    scene.apply();
    scene.atlas.createFault = (create) => (create === 1 ? "answerLost" : undefined);
    const process = scene.start();
    await scene.settle(process);
    return { scene, process };
  }

  test("the record stays open, and nothing is created at once", async () => {
    const { scene } = await lost();
    expect(scene.ready()).toBe("False AnswerLost");
    expect(scene.atlas.creates).toBe(1);
    expect(scene.status()).toMatchObject({ issuance: { knownSerials: [] } });
  });

  test("the orphan is announced once and kept in the status, and the next certificate follows after the backoff", async () => {
    const { scene, process } = await lost();
    scene.clock.advanceNow(7000);
    await scene.settle(process);
    const [orphan, next] = scene.atlas.issued;
    expect([scene.atlas.creates, scene.ready()]).toEqual([2, "True Issued"]);
    expect(scene.status()).toMatchObject({
      unexpiredCertificates: 2,
      unaccounted: [{ serialNumber: orphan?.serialNumber }],
      recentIssuances: [
        { lost: "AnswerLost", serialNumber: orphan?.serialNumber },
        { reason: "SecretMissing", serialNumber: next?.serialNumber },
      ],
    });
    expect(scene.reasons()).toEqual(["AnswerLost", "CertificateOrphaned", "Issued"]);
    await scene.run(process, { forMs: 2 * DAY_MS });
    expect([scene.orphanEvents().length, scene.orphansFound]).toEqual([1, 1]);
  });

  test("but it reached the Secret, that is kept: nothing else is issued", async () => {
    const { scene, process } = await issuedScene();
    scene.apply({}, { renewRequest: "a" });
    // The process dies between the write of the Secret and the close of the record.
    let writes = 0;
    scene.cluster.fault = ({ verb }) => (verb === "patch status" && ++writes > 1 ? kubeError("Network") : undefined);
    await expect(scene.settle(process)).rejects.toThrow();
    scene.cluster.fault = () => undefined;
    await scene.run(scene.start(), { forMs: HOUR_MS });
    expect([scene.atlas.creates, scene.ready()]).toEqual([2, "True Issued"]);
    expect(scene.orphanEvents()).toEqual([]);
  });
});

describe("if the answer to a create is unusable", () => {
  test.each([
    ["a page of a proxy", "<html></html>", "it holds no CERTIFICATE block"],
    ["empty", "", "it holds no CERTIFICATE block"],
  ])(
    "because it is %s, the status says why, and the next attempt waits an hour or a quarter more",
    async (_what, answer, problem) => {
      const scene = new Scene();
      scene.apply();
      scene.atlas.createFault = (create) => (create === 1 ? { answer } : undefined);
      const process = scene.start();
      await scene.settle(process);
      expect([scene.ready(), scene.stalled()]).toEqual(["False AnswerUnusable", "True AnswerUnusable"]);
      expect(scene.condition("Ready").message).toContain(problem);
      await scene.run(process, { forMs: 59 * MINUTE_MS });
      expect(scene.atlas.creates).toBe(1);
      await scene.run(process, { forMs: 17 * MINUTE_MS });
      expect([scene.atlas.creates, scene.ready()]).toEqual([2, "True Issued"]);
    },
  );

  test("again and again, that costs four certificates a day and no more", async () => {
    const scene = new Scene();
    scene.apply();
    scene.atlas.createFault = () => ({ answer: "rubbish" });
    const process = scene.start();
    await scene.run(process, { forMs: 23 * HOUR_MS });
    expect(scene.atlas.creates).toBe(4);
    expect(scene.ready()).toBe("False IssuanceBudgetSpent");
  });

  test("because an old answer is replayed, that is never stored", async () => {
    const { scene, process } = await issuedScene();
    const { data = {} } = scene.secret() ?? {};
    const old = Buffer.from(data["tls-combined.pem"] ?? "", "base64").toString();
    scene.atlas.createFault = () => ({ answer: old });
    scene.cluster.remove(SECRETS, SECRET);
    await scene.run(process, { forMs: 2 * HOUR_MS });
    expect(scene.secret()).toBeUndefined();
    expect([scene.ready(), scene.condition("Ready").message]).toEqual([
      "False AnswerUnusable",
      expect.stringContaining("was issued before the request"),
    ]);
  });

  test("because an answer to another resource of the user is replayed, that is never stored, although no list shows it", async () => {
    const { scene, process } = await issuedScene();
    const old = Buffer.from(scene.secret()?.data?.["tls-combined.pem"] ?? "", "base64").toString();
    const list = scene.atlas.listAllDatabaseUserCertificates.bind(scene.atlas);
    scene.atlas.listAllDatabaseUserCertificates = async (user) => ({ ...(await list(user)), certificates: [] });
    scene.atlas.createFault = () => ({ answer: old });
    scene.apply({ secretName: "second" }, { name: "second" });
    await scene.settle(process, "second");
    expect(scene.secret({ namespace: NAMESPACE, name: "second" })).toBeUndefined();
    expect(scene.ready("second")).toBe("False AnswerUnusable");
  });

  test("because an answer is replayed whose certificate has expired, that is never stored", async () => {
    const { scene, process } = await issuedScene();
    const { data = {} } = scene.secret() ?? {};
    const old = Buffer.from(data["tls-combined.pem"] ?? "", "base64").toString();
    scene.atlas.createFault = () => ({ answer: old });
    scene.clock.advanceNow(91 * DAY_MS);
    await scene.run(process, { forMs: 30 * MINUTE_MS });
    expect(scene.ready()).toBe("False AnswerUnusable");
    expect(scene.condition("Ready").message).toMatch(/was issued before the request|the certificate expired at/);
  });
});

import { X509Certificate } from "node:crypto";
import { describe, expect, test } from "vitest";
import { SECRET_ANNOTATIONS } from "../../api/names.ts";
import type { IssuedCertificate } from "../../atlas/issued-certificate.ts";
import { SECRETS } from "../../kube/core-types.ts";
import type { AtlasApi } from "./atlas/atlas-access.ts";
import { kubeError, type MemoryCluster } from "./testing/memory-cluster.ts";
import { HOUR_MS } from "./testing/snapshots.ts";
import { Scene, SECRET } from "./testing/scene.ts";

/** A process that dies at one of its calls: before it is made, or after it has had its effect. */
class Mortal {
  calls = 0;
  isDead = false;
  readonly #diesAt: number;
  readonly #moment: "before" | "after";
  readonly #died = Promise.withResolvers<void>();

  constructor(diesAt: number, moment: "before" | "after") {
    this.#diesAt = diesAt;
    this.#moment = moment;
  }

  get died(): Promise<void> {
    return this.#died.promise;
  }

  /** Makes a call, or never returns. */
  async call<T>(work: () => Promise<T>): Promise<T> {
    const isLast = ++this.calls === this.#diesAt;
    if (this.isDead || (isLast && this.#moment === "before")) return this.#die();
    const result = work();
    await result.catch(() => {});
    return isLast || this.isDead ? this.#die() : result;
  }

  #die(): Promise<never> {
    this.isDead = true;
    this.#died.resolve();
    return new Promise(() => {});
  }
}

function mortalKube(cluster: MemoryCluster, life: Mortal): Pick<MemoryCluster, "get" | "create" | "mergePatch"> {
  return {
    get: (type, ref) => life.call(() => cluster.get(type, ref)),
    create: (type, object, options) => life.call(() => cluster.create(type, object, options)),
    mergePatch: (type, ref, patch, options) => life.call(() => cluster.mergePatch(type, ref, patch, options)),
  };
}

function mortalAtlas(scene: Scene, life: Mortal): AtlasApi {
  const { atlas } = scene;
  return {
    createDatabaseUserCertificate: (parameters) => life.call(() => atlas.createDatabaseUserCertificate(parameters)),
    async *iterateDatabaseUserCertificates(parameters) {
      const certificates = atlas.iterateDatabaseUserCertificates(parameters);
      yield* await life.call(async () => {
        const all: IssuedCertificate[] = [];
        for await (const certificate of certificates) all.push(certificate);
        return all;
      });
    },
  };
}

interface Story {
  readonly name: string;
  /** What makes a certificate due. */
  readonly begin: (scene: Scene) => Promise<void> | void;
  /** How many certificates there are when all goes well. */
  readonly certificates: number;
}

async function settled(scene: Scene): Promise<void> {
  scene.apply();
  await lookOnce(scene);
}

async function lookOnce(scene: Scene): Promise<void> {
  const process = scene.start();
  await scene.settle(process);
  scene.stop(process);
}

const STORIES: readonly Story[] = [
  { name: "the first certificate", begin: (scene) => scene.apply(), certificates: 1 },
  {
    name: "a renewal",
    begin: async (scene) => {
      await settled(scene);
      scene.apply({}, { renewRequest: "a" });
    },
    certificates: 2,
  },
  {
    name: "a certificate that has expired",
    begin: async (scene) => {
      await settled(scene);
      scene.clock.advanceNow(91 * 24 * HOUR_MS);
    },
    certificates: 2,
  },
  {
    name: "a certificate that Atlas no longer lists",
    begin: async (scene) => {
      await settled(scene);
      scene.atlas.issued.length = 0;
      scene.clock.advanceNow(7 * HOUR_MS);
      await lookOnce(scene);
      scene.clock.advanceNow(60_000);
    },
    certificates: 1,
  },
  {
    name: "another user",
    begin: async (scene) => {
      await settled(scene);
      scene.apply({ username: "billing" });
    },
    certificates: 2,
  },
  {
    name: "a damaged Secret",
    begin: async (scene) => {
      await settled(scene);
      scene.changeSecret((secret) => ({ ...secret, data: { ...secret.data, "tls.key": "eA==" } }));
    },
    certificates: 2,
  },
];

/** Runs a story with a process that dies at a call, then one that lives. */
async function tell(story: Story, diesAt: number, moment: "before" | "after") {
  const scene = new Scene();
  await story.begin(scene);
  const life = new Mortal(diesAt, moment);
  const first = scene.start({ kube: mortalKube(scene.cluster, life), atlas: mortalAtlas(scene, life) });
  const before = scene.atlas.issued.length;
  await Promise.race([scene.settle(first), life.died]);
  scene.stop(first);
  const created = scene.atlas.issued[before]?.serialNumber;
  const stored = scene.secret();
  scene.clock.advanceNow(20_000);
  const second = scene.start();
  await scene.settle(second);
  return { scene, life, created, stored };
}

function serialIn(scene: Scene): string {
  const pem = Buffer.from(scene.secret()?.data?.["tls.crt"] ?? "", "base64");
  return BigInt(`0x${new X509Certificate(pem).serialNumber}`).toString();
}

describe.each(STORIES)("a crash during $name", (story) => {
  test.each(["before", "after"] as const)(
    "%s any call costs one certificate at most, and only between create and write",
    async (moment) => {
      const calls = (await tell(story, Number.POSITIVE_INFINITY, moment)).life.calls;
      expect(calls).toBeGreaterThan(6);
      for (let diesAt = 1; diesAt <= calls; diesAt++) {
        const { scene, life, created, stored } = await tell(story, diesAt, moment);
        const where = `call ${diesAt}`;
        expect(life.isDead, where).toBe(true);
        const status = scene.status();

        // In the end all is well, and the status says what the Secret holds.
        expect(scene.ready(), where).toBe("True Issued");
        expect(status.serialNumber, where).toBe(serialIn(scene));
        expect(status, where).not.toHaveProperty("issuance");
        expect(status, where).not.toHaveProperty("failedAttempts");
        expect(scene.atlas.issued.map(({ serialNumber }) => serialNumber)).toContain(serialIn(scene));

        // What the dead process created is in the Secret, or it is the one orphan.
        const isWritten = stored?.metadata.annotations?.[SECRET_ANNOTATIONS.serialNumber] === created;
        const orphans = created === undefined || isWritten ? 0 : 1;
        expect(scene.atlas.issued.length, where).toBe(story.certificates + orphans);
        expect(status.unaccountedCertificates ?? 0, where).toBe(orphans);
        expect(
          scene.events.filter(({ reason }) => reason === "CertificateOrphaned"),
          where,
        ).toHaveLength(orphans);
        if (orphans === 1) {
          expect(
            status.recentIssuances?.filter(({ reason }) => reason === "AnswerLost"),
            where,
          ).toHaveLength(1);
        }
      }
    },
  );
});

test("a process that dies again and again after its create spends no more than the budget", async () => {
  const scene = new Scene();
  scene.apply();
  for (let crash = 0; crash < 12; crash++) {
    scene.clock.advanceNow(10_000);
    const life = new Mortal(Number.POSITIVE_INFINITY, "after");
    const atlas = mortalAtlas(scene, life);
    const died = Promise.withResolvers<void>();
    const doomed: AtlasApi = {
      ...atlas,
      createDatabaseUserCertificate: async (parameters) => {
        await scene.atlas.createDatabaseUserCertificate(parameters);
        died.resolve();
        return new Promise(() => {});
      },
    };
    const process = scene.start({ atlas: doomed });
    await Promise.race([scene.settle(process), died.promise]);
    scene.stop(process);
  }
  expect(scene.atlas.creates).toBe(4);
  expect(scene.ready()).toBe("False IssuanceBudgetSpent");
});

test("a Secret from a backup is not taken for the fruit of an open attempt without a look at Atlas' list", async () => {
  const scene = new Scene();
  await settled(scene);
  const old = scene.secret();
  // The user was made anew at Atlas, the Secret damaged, and the answer to the create of no use.
  scene.atlas.issued.length = 0;
  scene.atlas.createFault = (create) => (create === 2 ? { answer: "rubbish" } : undefined);
  scene.changeSecret((secret) => ({ ...secret, data: {} }));
  const process = scene.start();
  await process.reconciler.reconcile("shop/orders-api", AbortSignal.timeout(5000));
  expect(scene.status()).toHaveProperty("issuance");
  scene.changeSecret((secret) => ({ ...secret, ...(old?.data !== undefined && { data: old.data }) }), "velero");
  await process.reconciler.reconcile("shop/orders-api", AbortSignal.timeout(5000));
  expect(scene.ready()).toBe("False NotListedByAtlas");
  const lists = scene.atlas.lists;
  await scene.settle(process);
  expect(scene.atlas.lists).toBeGreaterThan(lists);
  expect(scene.ready()).toBe("False NotListedByAtlas");
});

test("a renewal whose process died before its record was closed leaves Ready as it was: the first look verifies", async () => {
  const scene = new Scene();
  await settled(scene);
  scene.apply({}, { renewRequest: "a" });
  let writes = 0;
  scene.cluster.fault = ({ verb }) => (verb === "patch status" && ++writes === 2 ? kubeError("Network") : undefined);
  const dying = scene.start();
  await expect(dying.reconciler.reconcile("shop/orders-api", AbortSignal.timeout(5000))).rejects.toThrow();
  scene.stop(dying);
  expect([scene.ready(), scene.status().revision]).toEqual(["True Issued", 1]);
  await scene.start().reconciler.reconcile("shop/orders-api", AbortSignal.timeout(5000));
  expect([scene.ready(), scene.status().revision, scene.atlas.creates]).toEqual(["True Issued", 2, 2]);
});

test("what changed while an issuance waited to be finished is acted upon right after it", async () => {
  const scene = new Scene();
  scene.apply();
  const calls = (await tell({ name: "", begin: (its) => its.apply(), certificates: 1 }, 1e9, "before")).life.calls;
  const life = new Mortal(calls, "before");
  const first = scene.start({ kube: mortalKube(scene.cluster, life), atlas: mortalAtlas(scene, life) });
  await Promise.race([scene.settle(first), life.died]);
  scene.stop(first);
  expect(scene.status()).toHaveProperty("issuance");
  expect(scene.cluster.peek(SECRETS, SECRET)).toBeDefined();
  scene.apply({ username: "billing" });
  const second = scene.start();
  await second.reconciler.reconcile("shop/orders-api", AbortSignal.timeout(5000));
  expect(scene.ready()).toBe("False IdentityChanged");
  await scene.settle(second);
  expect(scene.ready()).toBe("True Issued");
  expect(scene.atlas.issued.map(({ username }) => username)).toEqual(["orders-api", "billing"]);
});

describe("a certificate whose answer got lost is told of once", () => {
  const orphanEvents = (scene: Scene) => scene.events.filter(({ reason }) => reason === "CertificateOrphaned");

  /** A resource with an open record, and Atlas' list a certificate of which nothing else tells. */
  async function lost(): Promise<Scene> {
    const scene = new Scene();
    scene.atlas.createFault = (create) => (create === 1 ? "answerLost" : undefined);
    scene.apply();
    const process = scene.start();
    await scene.settle(process);
    scene.stop(process);
    expect(scene.status().issuance).toBeDefined();
    scene.clock.advanceNow(HOUR_MS);
    return scene;
  }

  test("where the process dies in the next attempt, whose record takes the place of the old one", async () => {
    const scene = await lost();
    const before = scene.status().issuance?.startedAt;
    const dying = scene.start({
      onStep: (step) => {
        if (step === "create") throw new Error("killed");
      },
    });
    await expect(dying.reconciler.reconcile("shop/orders-api", AbortSignal.timeout(5000))).rejects.toThrow("killed");
    expect(scene.status().issuance?.startedAt).not.toBe(before);
    expect(orphanEvents(scene)).toHaveLength(1);
    scene.stop(dying);
    scene.clock.advanceNow(HOUR_MS);
    await scene.settle(scene.start());
    expect(scene.ready()).toBe("True Issued");
    expect([orphanEvents(scene).length, scene.orphansFound]).toEqual([1, 1]);
  });

  test("where the API server's answer to the status that closes the record is lost", async () => {
    const scene = await lost();
    let writes = 0;
    scene.cluster.fault = ({ verb }) => (verb === "patch status" && ++writes === 2 ? "answerLost" : undefined);
    const process = scene.start();
    await expect(process.reconciler.reconcile("shop/orders-api", AbortSignal.timeout(5000))).rejects.toThrow();
    await scene.settle(process);
    expect(scene.ready()).toBe("True Issued");
    expect([orphanEvents(scene).length, scene.orphansFound]).toEqual([1, 1]);
    expect(scene.events.filter(({ reason }) => reason === "Issued")).toHaveLength(1);
  });

  test("where a round is seen again before its record is closed", async () => {
    const scene = await lost();
    let writes = 0;
    scene.cluster.fault = ({ verb }) =>
      verb === "patch status" && ++writes <= 2 ? kubeError("Unavailable") : undefined;
    const process = scene.start();
    for (let look = 0; look < 2; look++) {
      await expect(process.reconciler.reconcile("shop/orders-api", AbortSignal.timeout(5000))).rejects.toThrow();
    }
    await scene.settle(process);
    expect(scene.ready()).toBe("True Issued");
    expect([orphanEvents(scene).length, scene.orphansFound]).toEqual([1, 1]);
  });
});

test("a leader that was frozen in a verification does not close the record of its successor's attempt", async () => {
  const scene = new Scene();
  await settled(scene);
  scene.clock.advanceNow(7 * HOUR_MS);
  const isListed = Promise.withResolvers<void>();
  const thaw = Promise.withResolvers<void>();
  const { atlas } = scene;
  const old = scene.start({
    atlas: {
      createDatabaseUserCertificate: (parameters) => atlas.createDatabaseUserCertificate(parameters),
      async *iterateDatabaseUserCertificates(parameters) {
        const certificates: IssuedCertificate[] = [];
        for await (const certificate of atlas.iterateDatabaseUserCertificates(parameters))
          certificates.push(certificate);
        isListed.resolve();
        await thaw.promise;
        yield* certificates;
      },
    },
  });
  const verification = old.reconciler.reconcile("shop/orders-api", AbortSignal.timeout(5000));
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
  expect(scene.status()).toMatchObject({ revision: 2, renewRequest: "now", unaccountedCertificates: 0 });
  expect([scene.atlas.creates, scene.ready()]).toEqual([2, "True Issued"]);
});

import { describe, expect, test } from "vitest";
import { USER_CERTIFICATE } from "../../api/user-certificate.ts";
import type { AtlasApi } from "./atlas/atlas-access.ts";
import { atlasError } from "./testing/memory-atlas.ts";
import { kubeError } from "./testing/memory-cluster.ts";
import { HOUR_MS, PROJECT } from "./testing/snapshots.ts";
import { NAMESPACE, type Process, type ProcessOptions, Scene } from "./testing/scene.ts";

/** Every certificate at Atlas is in a Secret or is told of, once by each resource of its user; and no other is. */

const REPORTS = { secretName: "reports-mongodb" };
const BOTH = ["orders-api", "reports"] as const;
const once = (work: () => Promise<unknown>) => {
  let isDone = false;
  return async () => {
    if (isDone) return;
    isDone = true;
    await work();
  };
};

/** What was told of certificates that nobody may hold: `resource reason` and the number of the certificate. */
function told(scene: Scene): readonly string[] {
  const numbers = new Map(scene.atlas.issued.map(({ serialNumber }, index) => [serialNumber, index + 1]));
  return scene.events
    .filter(({ reason }) => ["CertificateOrphaned", "CertificateUnaccountedFor", "OutcomeUnknown"].includes(reason))
    .map(({ regarding, reason, note }) => {
      const number = numbers.get(/certificate (\d+)/.exec(note)?.[1] ?? "");
      return [regarding.name, reason, ...(number === undefined ? [] : [number])].join(" ");
    });
}

/** A certificate that somebody or something else makes. */
async function issueElsewhere(scene: Scene, username = "orders-api"): Promise<string> {
  const parameters = { groupId: PROJECT, username, userCert: { monthsUntilExpiration: 3 } };
  await scene.atlas.createDatabaseUserCertificate(parameters);
  return scene.atlas.issued.at(-1)?.serialNumber ?? "";
}

/** Looks at resources as often as a verification is due, for a day. */
async function watchForADay(scene: Scene, process: Process, names: readonly string[] = ["orders-api"]): Promise<void> {
  for (let look = 0; look < 4; look++) {
    scene.clock.advanceNow(7 * HOUR_MS);
    for (const name of names) await scene.settle(process, name);
  }
}

describe("a certificate that Atlas makes after the attempt's record was closed", () => {
  /** A process is killed with its request under way; its successor issues; then Atlas carries the first request out. */
  async function carriedOutLate(scene: Scene): Promise<string> {
    scene.apply();
    const sent = Promise.withResolvers<Parameters<AtlasApi["createDatabaseUserCertificate"]>[0]>();
    const doomed = scene.start({
      atlas: {
        createDatabaseUserCertificate: (parameters) => {
          sent.resolve(parameters);
          return new Promise(() => {});
        },
        iterateDatabaseUserCertificates: (parameters) => scene.atlas.iterateDatabaseUserCertificates(parameters),
      },
    });
    void doomed.reconciler.reconcile("shop/orders-api", AbortSignal.timeout(5000));
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

  test("is told of at the next look and by no later process, and named in the status until it expires", async () => {
    const scene = new Scene();
    const late = await carriedOutLate(scene);
    expect(told(scene)).toEqual([]);
    for (let life = 0; life < 3; life++) {
      const process = scene.start();
      await watchForADay(scene, process);
      scene.stop(process);
      expect(told(scene)).toEqual(["orders-api CertificateUnaccountedFor 2"]);
      expect(scene.status()).toMatchObject({ unaccountedCertificates: 1, unaccountedSerials: [late] });
    }
    expect([scene.ready(), scene.atlas.issued.length, scene.orphansFound]).toEqual(["True Issued", 2, 0]);
    expect(scene.unaccountedFound).toBe(1);
    scene.clock.advanceNow(91 * 24 * HOUR_MS);
    await scene.settle(scene.start());
    expect(scene.status()).toMatchObject({ unaccountedCertificates: 0 });
    expect(scene.status()).not.toHaveProperty("unaccountedSerials");
  });

  test("is told of by the next attempt, whose list knows it", async () => {
    const scene = new Scene();
    await carriedOutLate(scene);
    scene.apply({}, { renewRequest: "a" });
    await scene.settle(scene.start());
    expect(told(scene)).toEqual(["orders-api CertificateUnaccountedFor 2"]);
    expect(scene.status()).toMatchObject({ revision: 2, unaccountedCertificates: 1 });
  });

  test("is told of though the spec has changed meanwhile", async () => {
    const scene = new Scene();
    await carriedOutLate(scene);
    scene.apply({ secretName: "renamed" });
    const process = scene.start();
    await scene.settle(process);
    await watchForADay(scene, process);
    expect(told(scene)).toEqual(["orders-api CertificateUnaccountedFor 2"]);
  });

  test("is told of once where the status can't be written and the list can't always be had", async () => {
    const scene = new Scene();
    await carriedOutLate(scene);
    scene.clock.advanceNow(7 * HOUR_MS);
    const process = scene.start();
    scene.cluster.fault = ({ verb }) => (verb === "patch status" ? kubeError("Forbidden") : undefined);
    for (let look = 0; look < 6; look++) {
      scene.atlas.listFault = () => (look % 2 === 1 ? atlasError("unavailable") : undefined);
      await process.reconciler.reconcile("shop/orders-api", AbortSignal.timeout(5000)).catch(() => {});
      scene.clock.advanceNow(10_000);
    }
    expect(told(scene)).toEqual(["orders-api CertificateUnaccountedFor 2"]);
  });
});

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

  test("don't take each other's new certificate for a stranger's", async () => {
    const { scene, process } = await settledBoth();
    for (const name of BOTH) {
      renew(scene, name);
      await scene.settle(process, name);
      await watchForADay(scene, process, BOTH);
    }
    expect([scene.atlas.issued.length, told(scene)]).toEqual([4, []]);
  });

  test("nor while it is created and not written yet", async () => {
    let onWrite = async () => {};
    const { scene, process } = await settledBoth({ onStep: (step) => (step === "write" ? onWrite() : undefined) });
    onWrite = once(() => scene.settle(process, "reports"));
    renew(scene, "orders-api");
    await scene.settle(process);
    await watchForADay(scene, process, BOTH);
    expect([scene.atlas.issued.length, told(scene)]).toEqual([3, []]);
  });

  test("nor while its resource begins to name another user", async () => {
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

  test("are not kept from telling by an attempt for a third user", async () => {
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

  test("nor where it is recorded and created while the list is on its way", async () => {
    const scene = new Scene();
    const { atlas } = scene;
    const isListed = Promise.withResolvers<void>();
    const isCreated = Promise.withResolvers<void>();
    let onList = async () => {};
    let onWrite = async () => {};
    const slowList: AtlasApi = {
      createDatabaseUserCertificate: (parameters) => atlas.createDatabaseUserCertificate(parameters),
      async *iterateDatabaseUserCertificates(parameters) {
        await onList();
        yield* atlas.iterateDatabaseUserCertificates(parameters);
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

  test("tell of what one of them lost, each by its own name for it", async () => {
    const { scene, process } = await settledBoth();
    scene.atlas.createFault = (create) => (create === 3 ? "answerLost" : undefined);
    renew(scene, "orders-api");
    await scene.settle(process);
    await watchForADay(scene, process, BOTH);
    expect(told(scene)).toEqual(["orders-api CertificateOrphaned 3", "reports CertificateUnaccountedFor 3"]);
  });

  test("tell of what one of them lost though the other's record waits for ever", async () => {
    const { scene, process } = await settledBoth();
    scene.atlas.createFault = () => "answerLost";
    renew(scene, "reports");
    await scene.settle(process, "reports");
    scene.apply({ ...REPORTS, suspend: true }, { name: "reports", renewRequest: "a" });
    await scene.settle(process, "reports");
    expect(scene.status("reports").issuance).toBeDefined();
    renew(scene, "orders-api");
    await scene.settle(process);
    scene.atlas.createFault = () => undefined;
    await watchForADay(scene, process);
    expect(told(scene)).toContain("orders-api CertificateOrphaned 4");
  });

  test("tell of what one of them lost though the other is being deleted with its record open", async () => {
    const { scene, process } = await settledBoth();
    scene.stop(process);
    const doomed = scene.start({
      onStep: (step) => {
        if (step === "check") throw new Error("killed");
      },
    });
    renew(scene, "reports");
    await expect(doomed.reconciler.reconcile("shop/reports", AbortSignal.timeout(5000))).rejects.toThrow("killed");
    scene.stop(doomed);
    const ref = { namespace: NAMESPACE, name: "reports" };
    const reports = scene.cluster.peek(USER_CERTIFICATE, ref);
    const deletionTimestamp = new Date(scene.clock.now()).toISOString();
    scene.cluster.put(USER_CERTIFICATE, { ...reports, metadata: { ...ref, ...reports?.metadata, deletionTimestamp } });
    await watchForADay(scene, scene.start(), BOTH);
    expect(told(scene)).toEqual(["orders-api CertificateUnaccountedFor 3"]);
  });

  test("tell of what both lost in step, again and again", async () => {
    const { scene, process } = await settledBoth();
    scene.atlas.createFault = () => "answerLost";
    for (const name of BOTH) renew(scene, name);
    for (let attempt = 0; attempt < 2; attempt++) {
      await Promise.all(BOTH.map((name) => process.reconciler.reconcile(`shop/${name}`, AbortSignal.timeout(5000))));
      scene.clock.advanceNow(20_000);
    }
    scene.atlas.createFault = () => undefined;
    await watchForADay(scene, process, BOTH);
    for (const lost of [3, 4, 5, 6]) {
      for (const name of BOTH) {
        expect(told(scene).filter((line) => line.startsWith(name) && line.endsWith(` ${lost}`))).toHaveLength(1);
      }
    }
  });

  test("tell of what one lost while the other's certificate was not written yet", async () => {
    let onWrite = async () => {};
    const { scene, process } = await settledBoth({
      onStep: (step, { name }) => (step === "write" && name === "reports" ? onWrite() : undefined),
    });
    onWrite = once(async () => {
      scene.atlas.createFault = () => "answerLost";
      renew(scene, "orders-api");
      await scene.settle(process);
      scene.atlas.createFault = () => undefined;
      scene.clock.advanceNow(20_000);
      await scene.settle(process);
    });
    renew(scene, "reports");
    await scene.settle(process, "reports");
    await watchForADay(scene, process, BOTH);
    expect(told(scene).filter((line) => line.startsWith("orders-api"))).toEqual(["orders-api CertificateUnaccountedFor 4"]);
  });
});

describe("another user", () => {
  /** Certificates of the user billing, which no resource accounts for any more. */
  async function history(scene: Scene): Promise<void> {
    scene.apply({ username: "billing", secretName: "billing-mongodb" }, { name: "billing" });
    const process = scene.start();
    await scene.settle(process, "billing");
    scene.apply({ username: "billing", secretName: "billing-mongodb" }, { name: "billing", renewRequest: "a" });
    await scene.settle(process, "billing");
    scene.cluster.remove(USER_CERTIFICATE, { namespace: NAMESPACE, name: "billing" });
    scene.stop(process);
  }

  test.each([
    ["that had certificates before", "other-mongodb"],
    ["whose Secret is there already", "billing-mongodb"],
  ])("%s: that is no news", async (_what, secretName) => {
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

  test("who comes while an attempt is on record: it is told that nobody knows what became of it", async () => {
    const scene = new Scene();
    scene.apply();
    const doomed = scene.start({
      onStep: (step) => {
        if (step === "check") throw new Error("killed");
      },
    });
    await expect(doomed.reconciler.reconcile("shop/orders-api", AbortSignal.timeout(5000))).rejects.toThrow("killed");
    scene.stop(doomed);
    scene.apply({ username: "billing" });
    scene.clock.advanceNow(20_000);
    const process = scene.start();
    await scene.settle(process);
    await watchForADay(scene, process);
    expect(told(scene)).toEqual(["orders-api OutcomeUnknown"]);
    expect(scene.unaccountedFound).toBe(1);
  });
});

test("what a clock ahead of Atlas' takes for expired is still its resource's own", async () => {
  const scene = new Scene();
  scene.apply();
  const process = scene.start();
  await scene.settle(process);
  scene.clock.advanceNow(61 * 24 * HOUR_MS);
  await scene.settle(process);
  expect(scene.atlas.issued).toHaveLength(2);
  // Atlas' clock is two hours behind: the first one has expired here, and is still listed there.
  scene.atlas.clockOffsetMs = -2 * HOUR_MS;
  scene.clock.advanceNow(29 * 24 * HOUR_MS + HOUR_MS - 60_000);
  for (let look = 0; look < 3; look++) {
    scene.apply({}, { renewRequest: `look ${look}` });
    await scene.settle(process);
  }
  expect(told(scene)).toEqual([]);
});
